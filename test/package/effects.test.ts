import ts from 'typescript'
import { expect, test } from 'vitest'
import { parseSource, parseText, sourceFiles, walk } from './source-files.js'

const TIMERS = ['setTimeout', 'setInterval', 'setImmediate']
const CLOCKS = ['Date.now', 'performance.now', 'Math.random']
/** Folders that talk to the outside parse its text; stored bytes are parsed by the codec alone. */
const MAY_PARSE_JSON = ['codec', 'llm', 'http', 'cli', 'admin']

test('time and chance come from src/runtime only', () => {
  expect(findUses((folder) => folder !== 'runtime', isTimeOrChance)).toEqual([])
})

test('JSON.parse is called by the codec and by readers of wire text only', () => {
  expect(
    findUses(
      (folder) => !MAY_PARSE_JSON.includes(folder),
      (use) => use === 'JSON.parse',
    ),
  ).toEqual([])
})

test.each([
  ['Date.now()', 'Date.now'],
  ['const f = performance.now.bind(performance)', 'performance.now'],
  ['new Date()', 'new Date()'],
  ['globalThis.setTimeout(f)', 'setTimeout'],
  ['const later = setTimeout', 'setTimeout'],
  ["import { setTimeout as wait } from 'node:timers/promises'", 'node:timers'],
])('the check sees %s', (text, use) => {
  expect(usesIn(parseText(text)).filter(isTimeOrChance)).toEqual([use])
})

test.each(['new Date(0)', 'clock.now()', 'const o = { setTimeout: 1 }', 'clock.setTimeout(f)', '// Date.now()'])(
  'the check lets %s pass',
  (text) => {
    expect(usesIn(parseText(text)).filter(isTimeOrChance)).toEqual([])
  },
)

function findUses(inFolder: (folder: string) => boolean, isWanted: (use: string) => boolean): string[] {
  return sourceFiles()
    .filter((file) => inFolder(file.split('/')[0]!))
    .flatMap((file) =>
      usesIn(parseSource(file))
        .filter(isWanted)
        .map((use) => `${file}: ${use}`),
    )
}

function isTimeOrChance(use: string): boolean {
  return [...TIMERS, ...CLOCKS, 'new Date()', 'node:timers'].includes(use)
}

/** Names of the ambient effects a file touches: called, passed on or imported. */
function usesIn(source: ts.SourceFile): string[] {
  const uses: string[] = []
  walk(source, (node) => {
    if (ts.isPropertyAccessExpression(node)) uses.push(node.getText().replace(/^globalThis\./, ''))
    else if (ts.isIdentifier(node) && TIMERS.includes(node.text) && isReference(node)) uses.push(node.text)
    else if (ts.isNewExpression(node) && node.getText() === 'new Date()') uses.push('new Date()')
    else if (ts.isStringLiteral(node) && /^node:timers/.test(node.text)) uses.push('node:timers')
  })
  return uses
}

function isReference(node: ts.Identifier): boolean {
  const { parent } = node
  if (ts.isPropertyAccessExpression(parent)) return false
  if (ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent) || ts.isMethodSignature(parent)) {
    return parent.name !== node
  }
  return !ts.isImportSpecifier(parent) && !ts.isMethodDeclaration(parent) && !ts.isBindingElement(parent)
}
