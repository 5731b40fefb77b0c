import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { findEntries } from '../../tsup.config.js'
import { sourceFiles } from './source-files.js'

const manifest = JSON.parse(readFileSync('package.json', 'utf8'))
const indexes = sourceFiles().filter((file) => file.split('/').at(-1) === 'index.ts')
const BROWSER = {
  import: { types: './dist/browser.d.ts', default: './dist/browser.js' },
  require: { types: './dist/browser.d.cts', default: './dist/browser.cjs' },
}

test('every index.ts below src is a published subpath, and nothing else is', () => {
  const subpaths = indexes.map((file) => `./${file}`.replace(/\/index\.ts$/, '').replace(/^\.$/, '.'))
  expect(Object.keys(manifest.exports).sort()).toEqual([...subpaths, './package.json'].sort())
})

test('each subpath has a file and its types for import and for require', () => {
  for (const file of indexes) {
    const subpath = `./${file}`.replace(/\/index\.ts$/, '')
    const built = `./dist/${file.replace(/\.ts$/, '')}`
    expect(manifest.exports[subpath], subpath).toEqual({
      ...(subpath === '.' && { browser: BROWSER }),
      import: { types: `${built}.d.ts`, default: `${built}.js` },
      require: { types: `${built}.d.cts`, default: `${built}.cjs` },
    })
  }
})

test('the narrower condition stands first, because a resolver takes the first one that fits', () => {
  for (const [subpath, { browser, ...conditions }] of Object.entries<Record<string, object>>(manifest.exports)) {
    if (subpath === './package.json') continue
    if (browser !== undefined) expect(Object.keys(manifest.exports[subpath])[0]).toBe('browser')
    for (const condition of [...Object.values(conditions), ...Object.values(browser ?? {})]) {
      expect(Object.keys(condition)).toEqual(['types', 'default'])
    }
  }
})

test('the build has one entry for every published index.ts', () => {
  expect(Object.values(findEntries()).sort()).toEqual(indexes.map((file) => `src/${file}`).sort())
})
