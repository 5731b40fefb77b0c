import { readdirSync, readFileSync } from 'node:fs'
import ts from 'typescript'

export interface Import {
  readonly specifier: string
  /** Erased by the compiler: nothing is loaded at run time. */
  readonly typeOnly: boolean
}

/** Paths of all TypeScript files below `src`, relative to it, with forward slashes. */
export function sourceFiles(): string[] {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  return files.map((file) => file.replaceAll('\\', '/')).filter((file) => file.endsWith('.ts'))
}

export function parseSource(file: string): ts.SourceFile {
  return parseText(readFileSync(`src/${file}`, 'utf8'), file)
}

export function parseText(text: string, name = 'text.ts'): ts.SourceFile {
  return ts.createSourceFile(name, text, ts.ScriptTarget.ESNext, true)
}

/** Calls `see` with every node of the tree, parents first. */
export function walk(node: ts.Node, see: (node: ts.Node) => void): void {
  see(node)
  ts.forEachChild(node, (child) => walk(child, see))
}

/** Static and dynamic imports and re-exports of a file, in order. A specifier computed at run time is not seen. */
export function importsOf(source: ts.SourceFile): Import[] {
  const found: Import[] = []
  walk(source, (node) => {
    if (ts.isImportDeclaration(node)) {
      found.push({ specifier: textOf(node.moduleSpecifier), typeOnly: isErasedImport(node.importClause) })
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier) {
      found.push({ specifier: textOf(node.moduleSpecifier), typeOnly: node.isTypeOnly })
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword && node.arguments[0]) {
      found.push({ specifier: textOf(node.arguments[0]), typeOnly: false })
    }
  })
  return found.filter(({ specifier }) => specifier !== '')
}

/** `import './x.js'` has no clause and is real; `import { type A }` keeps the import under `verbatimModuleSyntax` but loads no name. */
function isErasedImport(clause: ts.ImportClause | undefined): boolean {
  if (!clause) return false
  if (clause.isTypeOnly) return true
  const named = clause.namedBindings && ts.isNamedImports(clause.namedBindings) ? clause.namedBindings.elements : []
  return !clause.name && named.length > 0 && named.every((element) => element.isTypeOnly)
}

function textOf(node: ts.Node): string {
  return ts.isStringLiteralLike(node) ? node.text : ''
}
