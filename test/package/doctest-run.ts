import ts from 'typescript'
import { expect } from 'vitest'
import type { Block } from './doctest-blocks.js'
import { walk } from './source-files.js'

/** A statement with a trailing `// => value`, or `// => throws ERR_CODE` (the name of an error without a code). */
interface Claim {
  readonly statement: ts.Statement
  readonly expected: string
  readonly end: number
}

const CLAIM = /^\/\/ => (.+)$/
const THROWS = /^throws (\w+)$/

/**
 * Runs a block and compares what it claims. `hopstash` is `src`.
 *
 * A claim that was never reached fails as one that does not hold.
 */
export async function runBlock(block: Block, load: (specifier: string) => Promise<unknown>): Promise<void> {
  const source = parse(block.code)
  const claims = claimsOf(source)
  let held = 0
  const check = (actual: unknown, expected: unknown, line: number): void => {
    expect(actual, `line ${line}`).toEqual(expected)
    held++
  }
  const checkThrows = async (call: () => unknown, code: string, line: number): Promise<void> => {
    const outcome = await Promise.resolve()
      .then(call)
      .then(
        () => 'nothing was thrown',
        (error: { code?: string; name?: string }) => error.code ?? error.name,
      )
    check(outcome, code, line)
  }
  const run = new AsyncFunction('__import', '__check', '__throws', scriptOf(block, source, claims))
  await run(load, check, checkThrows)
  expect(held, 'claims that were compared').toBe(claims.length)
}

const AsyncFunction = (async () => {}).constructor as new (
  ...parts: string[]
) => (...given: unknown[]) => Promise<unknown>

function parse(code: string): ts.SourceFile {
  return ts.createSourceFile('block.ts', code, ts.ScriptTarget.ESNext, true)
}

/** The claims of a block, in order. */
export function claimsOf(source: ts.SourceFile): Claim[] {
  const claims: Claim[] = []
  walk(source, (node) => {
    if (!ts.isExpressionStatement(node) && !ts.isVariableStatement(node)) return
    const comments = ts.getTrailingCommentRanges(source.text, node.end) ?? []
    for (const { pos, end } of comments) {
      const expected = CLAIM.exec(source.text.slice(pos, end))?.[1]
      if (expected !== undefined) claims.push({ statement: node, expected, end })
    }
  })
  const written = source.text.match(/\/\/ => /g)?.length ?? 0
  if (written !== claims.length) throw new Error(`${written - claims.length} claims stand behind no statement`)
  return claims
}

/** The block as the body of an async function: claims become calls, imports become awaits. */
function scriptOf(block: Block, source: ts.SourceFile, claims: readonly Claim[]): string {
  let text = source.text
  for (const claim of [...claims].sort((a, b) => b.end - a.end)) {
    const line = block.line + source.getLineAndCharacterOfPosition(claim.statement.end).line
    text = text.slice(0, claim.statement.getStart()) + comparison(claim, line) + text.slice(claim.end)
  }
  const { outputText } = ts.transpileModule(text, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true },
  })
  return `'use strict'\n${withoutModules(outputText)}`
}

function comparison({ statement, expected }: Claim, line: number): string {
  const throws = THROWS.exec(expected)?.[1]
  if (ts.isVariableStatement(statement)) {
    const [declaration] = statement.declarationList.declarations
    return `${statement.getText()}\n;__check(${declaration?.name.getText()}, (${expected}), ${line});`
  }
  const { expression } = statement as ts.ExpressionStatement
  if (throws !== undefined) return `;await __throws(async () => (${expression.getText()}), '${throws}', ${line});`
  return `;__check((${printed(expression) ?? expression.getText()}), (${expected}), ${line});`
}

/** Of `console.log(x) // => v` the claim is about `x`. */
function printed(expression: ts.Expression): string | undefined {
  if (!ts.isCallExpression(expression) || expression.expression.getText() !== 'console.log') return undefined
  return expression.arguments[0]?.getText()
}

function withoutModules(code: string): string {
  const source = parse(code)
  let text = code
  for (const statement of [...source.statements].reverse()) {
    const [from, to] = [statement.getStart(), statement.end]
    if (ts.isImportDeclaration(statement)) text = text.slice(0, from) + awaited(statement) + text.slice(to)
    else if (ts.isExportDeclaration(statement)) text = text.slice(0, from) + text.slice(to)
    else if (ts.canHaveModifiers(statement)) {
      const word = ts.getModifiers(statement)?.find((modifier) => modifier.kind === ts.SyntaxKind.ExportKeyword)
      if (word !== undefined) text = text.slice(0, word.getStart()) + text.slice(word.end)
    }
  }
  return text
}

function awaited(statement: ts.ImportDeclaration): string {
  const module = `await __import(${statement.moduleSpecifier.getText()})`
  const { importClause } = statement
  const bindings = importClause?.namedBindings
  if (importClause?.name !== undefined) return `const { default: ${importClause.name.text} } = ${module};`
  if (bindings === undefined) return `${module};`
  if (ts.isNamespaceImport(bindings)) return `const ${bindings.name.text} = ${module};`
  const names = bindings.elements.map(({ propertyName, name }) =>
    propertyName === undefined ? name.text : `${propertyName.text}: ${name.text}`,
  )
  return `const { ${names.join(', ')} } = ${module};`
}
