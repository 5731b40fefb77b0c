import { resolve } from 'node:path'
import ts from 'typescript'
import type { Block } from './doctest-blocks.js'

/** Compiles all blocks as modules of one program, under the rules of this project; returns what the compiler says. */
export function typeErrorsIn(blocks: readonly Block[]): string[] {
  const modules = new Map(blocks.map((block, index) => [resolve(`doctest-block-${index}.ts`), block]))
  const options = compilerOptions()
  const program = ts.createProgram([...modules.keys()], options, hostWith(modules, options))
  return [...modules].flatMap(([path, block]) => {
    const source = program.getSourceFile(path)
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
    return found.map((diagnostic) => describe(block, diagnostic))
  })
}

function compilerOptions(): ts.CompilerOptions {
  const { config } = ts.readConfigFile('tsconfig.json', (path) => ts.sys.readFile(path))
  return ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, resolve('.')).options
}

function hostWith(modules: ReadonlyMap<string, Block>, options: ts.CompilerOptions): ts.CompilerHost {
  const host = ts.createCompilerHost(options, true)
  const textOf = (path: string) => {
    const block = modules.get(path)
    // A block without imports is a module all the same: it may await.
    return block === undefined ? undefined : `${block.code}\nexport {}\n`
  }
  return {
    ...host,
    fileExists: (path) => modules.has(path) || host.fileExists(path),
    readFile: (path) => textOf(path) ?? host.readFile(path),
    getSourceFile: (path, language, onError, create) => {
      const text = textOf(path)
      return text === undefined
        ? host.getSourceFile(path, language, onError, create)
        : ts.createSourceFile(path, text, language, true)
    },
  }
}

function describe(block: Block, { file, start, messageText }: ts.Diagnostic): string {
  const line = file === undefined || start === undefined ? 0 : file.getLineAndCharacterOfPosition(start).line
  return `${block.file}:${block.line + line} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
}
