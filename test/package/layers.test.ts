import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { expect, test } from 'vitest'
import { importsOf, parseSource, sourceFiles } from './source-files.js'

const lint = JSON.parse(readFileSync('biome.json', 'utf8'))
const ruled: string[] = lint.overrides.flatMap((override: { includes: string[] }) => override.includes)

test('every folder of src has an import rule in the linter, so that a new one cannot go unchecked', () => {
  const folders = readdirSync('src', { withFileTypes: true }).filter((entry) => entry.isDirectory())
  for (const { name } of folders) expect(ruled, name).toContain(`src/${name}/**`)
})

test('integrations never import each other', () => {
  const crossing = sourceFiles()
    .filter((file) => file.startsWith('integrations/'))
    .flatMap((file) =>
      importsOf(parseSource(file)).map(({ specifier }) => ({ file, target: resolve(file, specifier) })),
    )
    .filter(({ file, target }) => target.startsWith('integrations/') && folderOf(target) !== folderOf(file))
  expect(crossing).toEqual([])
})

function resolve(file: string, specifier: string): string {
  return specifier.startsWith('.') ? posix.join(posix.dirname(file), specifier) : ''
}

function folderOf(path: string): string {
  return path.split('/')[1] ?? ''
}
