import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const root = resolve('.')
const manifest = JSON.parse(readFileSync('package.json', 'utf8'))
const subpaths = Object.keys(manifest.exports).filter((subpath) => subpath !== './package.json')
const specifiers = subpaths.map((subpath) => manifest.name + subpath.slice(1))
const project = mkdtempSync(join(realpathSync(tmpdir()), 'hopstash-consumer-'))
const installed = join(project, 'node_modules', manifest.name)
let packed: string[] = []

beforeAll(() => {
  if (!existsSync('dist')) throw new Error('there is no dist to pack: the build failed, its output stands above')
  const report = execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', project], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  mkdirSync(installed, { recursive: true })
  execFileSync('tar', ['-xzf', join(project, JSON.parse(report)[0].filename), '--strip-components=1', '-C', installed])
  packed = readdirSync(installed, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(installed.length + 1))
  // A cache for LangChain is a class of LangChain's: whoever imports that subpath has it.
  for (const name of [...Object.keys(manifest.dependencies), '@langchain/core', '@types/node', 'undici-types'])
    linkModule(name)
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }')
})

afterAll(() => rmSync(project, { recursive: true, force: true }))

describe('the packed files', () => {
  test('are the build, the manifest and the documents that a user reads', () => {
    expect(packed.filter((file) => !file.startsWith('dist/')).sort()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'package.json',
    ])
    const built = packed.filter((file) => file.startsWith('dist/'))
    const strangers = built.filter((file) => !/\.(js|cjs|d\.ts|d\.cts|js\.map|cjs\.map)$/.test(file))
    expect(strangers).toEqual(['dist/third-party-licenses.txt'])
    expect(built.filter((file) => /\b(test|spec)\b/.test(file))).toEqual([])
  })

  test('name no path of the machine they were built on', () => {
    for (const file of packed) expect(readFileSync(join(installed, file), 'utf8').includes(root), file).toBe(false)
    for (const file of packed.filter((name) => name.endsWith('.map'))) {
      const { sources } = JSON.parse(readFileSync(join(installed, file), 'utf8'))
      expect(
        sources.filter((source: string) => /^(\/|[A-Za-z]:|file:)/.test(source)),
        file,
      ).toEqual([])
    }
  })

  test('carry the licence of every package whose code they contain', () => {
    const text = readFileSync(join(installed, 'dist/third-party-licenses.txt'), 'utf8')
    const maps = packed
      .filter((file) => file.endsWith('.map'))
      .map((file) => readFileSync(join(installed, file), 'utf8'))
    const sources = maps.flatMap((map) => JSON.parse(map).sources as string[])
    const bundled = sources.flatMap((source) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(source)?.[1] ?? [])
    for (const name of new Set(bundled)) expect(text).toContain(`${name}\n\n`)
    expect(bundled.length).toBeGreaterThan(0)
  })

  test('load the code of stores and codec on first use only, whatever stash is made', () => {
    const [loaded, all] = [staticallyLoaded('dist/index.js'), packed.filter((file) => file.endsWith('.js'))].map(
      (files) => files.map((file) => readFileSync(join(installed, file), 'utf8')).join('\n'),
    )
    for (const ofStores of [
      'function createRedisStore(',
      'function createKeyvStore(',
      'from "zlib"',
      'from "crypto"',
    ]) {
      // `includes`: a failure must not print two megabytes.
      expect(all?.includes(ofStores), ofStores).toBe(true)
      expect(loaded?.includes(ofStores), ofStores).toBe(false)
    }
  })

  test('run no script when they are installed', () => {
    const scripts = Object.keys(JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')).scripts)
    expect(scripts.filter((name) => /^(pre|post)?(install|prepare)$/.test(name))).toEqual([])
  })
})

describe.each([
  { format: 'import', extension: 'mjs', built: '.js', load: (name: string) => `await import('${name}')` },
  { format: 'require', extension: 'cjs', built: '.cjs', load: (name: string) => `require('${name}')` },
])('with $format', ({ format, extension, built, load }) => {
  test.each(specifiers)('%s loads and exports something', (name) => {
    const names = run(`print(Object.keys(${load(name)}).filter((key) => key !== 'default' && key !== '__esModule'))`)
    expect(names.length).toBeGreaterThan(0)
  })

  test('loading every subpath opens no timer, socket or file', () => {
    expect(run(`${specifiers.map(load).join(';')}; await settle(); print(idleResources())`)).toEqual([])
  })

  test.each([
    ['closes its stash', 'await stash.close();'],
    ['forgets to close its stash', ''],
  ])('a script that %s ends by itself', (_what, close) => {
    const use = `
      const { createStash } = ${load(manifest.name)}
      const stash = createStash()
      const value = await stash.aiResponse.getOrSet({ prompt: 'hello' }, async () => 'world')
      ${close}
      print(value)`
    expect(run(use)).toBe('world')
  })

  test('a name exported by two subpaths is the same thing in both', () => {
    const differing = run(`
      const seen = new Map(), differing = []
      for (const exported of [${specifiers.map(load).join(', ')}]) {
        for (const [name, value] of Object.entries(exported)) {
          if (name === 'default' || name === '__esModule') continue
          if (seen.has(name) && seen.get(name) !== value) differing.push(name)
          seen.set(name, value)
        }
      }
      print(differing)`)
    expect(differing).toEqual([])
  })

  test('each error class is defined once, so that instanceof holds between subpaths', () => {
    const files = packed.filter((file) => file.startsWith('dist/') && file.endsWith(built) && !isBrowserBuild(file))
    const text = files.map((file) => readFileSync(join(installed, file), 'utf8')).join('\n')
    const names = [...text.matchAll(/^(?:var (\w+Error) = )?class(?: (\w+Error))? extends \w+/gm)].flatMap(
      ([, a, b]) => a ?? b ?? [],
    )
    expect(names.length).toBeGreaterThan(0)
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
  })

  function run(body: string) {
    const file = join(project, `${format}.${extension}`)
    writeFileSync(
      file,
      SCRIPT.replace('BODY', () => body),
    )
    const options = { cwd: project, encoding: 'utf8', timeout: 60_000, env: { PATH: process.env.PATH } } as const
    return JSON.parse(execFileSync(process.execPath, ['--unhandled-rejections=strict', file], options))
  }
})

test('types resolve for an importing and for a requiring TypeScript file under NodeNext', () => {
  const uses = specifiers.map((_, index) => `export type T${index} = keyof typeof m${index}`)
  const alive = `const some: [${specifiers.map((_, index) => `Named<T${index}>`).join(', ')}] = [${specifiers.map(() => 'true')}]`
  const checks = [
    ...uses,
    'type Named<K> = [K] extends [never] ? false : string extends K ? false : true',
    alive,
    'void some',
  ]
  const esm = specifiers.map((name, index) => `import * as m${index} from '${name}'`)
  const cjs = specifiers.map((name, index) => `import m${index} = require('${name}')`)
  writeFileSync(join(project, 'consumer.mts'), [...esm, ...checks].join('\n'))
  writeFileSync(join(project, 'consumer.cts'), [...cjs, ...checks].join('\n'))
  expect(typeErrors(['consumer.mts', 'consumer.cts'])).toBe('')
})

const SCRIPT = `
const print = (value) => console.log(JSON.stringify(value))
const settle = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
const idleResources = () => process.getActiveResourcesInfo().filter((name) => !/^(Pipe|TTY|FSEvent)Wrap$/.test(name))
;(async () => { BODY })()
`

/** A packed file and those it loads at once, through `import` or `export` declarations. */
function staticallyLoaded(file: string, seen = new Set<string>()): string[] {
  if (seen.has(file)) return []
  seen.add(file)
  const text = readFileSync(join(installed, file), 'utf8')
  for (const [, from] of text.matchAll(/^(?:import|\} from|export \* from)[^;]*?"(\.[^"]+)"/gm)) {
    staticallyLoaded(join(dirname(file), from as string), seen)
  }
  return [...seen]
}

/** Never loaded beside the others: one file that shares nothing with them. */
function isBrowserBuild(file: string): boolean {
  return file.startsWith('dist/browser.')
}

function linkModule(name: string): void {
  const link = join(project, 'node_modules', name)
  mkdirSync(dirname(link), { recursive: true })
  symlinkSync(realpathSync(join(root, 'node_modules', name)), link, 'dir')
}

function typeErrors(files: string[]): string {
  const flags = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--skipLibCheck', '--target', 'es2022']
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const args = [tsc, ...flags, '--module', 'nodenext', '--types', 'node', ...files]
  try {
    return execFileSync(process.execPath, args, { cwd: project, encoding: 'utf8' })
  } catch (error) {
    return (error as { stdout: string }).stdout
  }
}
