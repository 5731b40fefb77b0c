import { readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { expect, test } from 'vitest'
import { BUNDLED_FOR_BROWSERS } from '../../tsup.config.js'
import { importsOf, parseSource, parseText, sourceFiles } from './source-files.js'

const manifest = JSON.parse(readFileSync('package.json', 'utf8'))
const dependencies = Object.keys(manifest.dependencies)
const peers = Object.keys(manifest.peerDependencies ?? {})
const imports = sourceFiles().flatMap((file) => importsOf(parseSource(file)).map((found) => ({ ...found, file })))
const external = imports.filter(({ specifier }) => !/^(\.|node:)/.test(specifier))

test.each(dependencies)('the dependency %s is imported by code that runs', (name) => {
  expect(external.filter((found) => packageOf(found.specifier) === name && !found.typeOnly)).not.toEqual([])
})

test('src imports no package that a user would not get', () => {
  const typesOnlyAllowed = ['@standard-schema/spec']
  const strangers = external.filter(({ file, specifier, typeOnly }) => {
    const name = packageOf(specifier)
    if (file.endsWith('.browser.ts') && BUNDLED_FOR_BROWSERS.includes(name)) return false
    return ![...dependencies, ...peers].includes(name) && !(typeOnly && typesOnlyAllowed.includes(name))
  })
  expect(strangers).toEqual([])
})

test('Node modules are imported by their node: name', () => {
  expect(external.filter(({ specifier }) => builtinModules.includes(specifier))).toEqual([])
})

test('every peer is optional', () => {
  for (const name of peers) expect(manifest.peerDependenciesMeta?.[name], name).toEqual({ optional: true })
})

test('the check tells real imports from erased ones', () => {
  const source = parseText(`
    import type { A } from 'erased'
    import { type B } from 'erased-names'
    import 'effect'
    import c, { type D } from 'value'
    export { e } from 'passed-on'
    const f = () => import('lazy')
    // import g from 'comment'
  `)
  expect(
    importsOf(source)
      .filter(({ typeOnly }) => !typeOnly)
      .map(({ specifier }) => specifier),
  ).toEqual(['effect', 'value', 'passed-on', 'lazy'])
})

function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}
