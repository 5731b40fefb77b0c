import ts from 'typescript'
import { describe, expect, it } from 'vitest'

const FILE = `${process.cwd()}/test/property/long-pipeline.ts`

/** Instantiations of types in a pipeline of so many hops, over those of the package without one. */
function instantiations(
  hops: number,
  style: 'inline' | 'declared' = 'inline',
): { count: number; errors: readonly string[] } {
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile('tsconfig.json', ts.sys.readFile).config,
    ts.sys,
    process.cwd(),
  )
  const host = ts.createCompilerHost(options)
  const readFile = host.getSourceFile.bind(host)
  host.getSourceFile = (name, ...rest) =>
    name === FILE
      ? ts.createSourceFile(name, sourceOf(hops, style), ts.ScriptTarget.ES2022, true)
      : readFile(name, ...rest)
  const exists = host.fileExists.bind(host)
  host.fileExists = (name) => name === FILE || exists(name)
  const program = ts.createProgram([FILE], options, host)
  const file = program.getSourceFile(FILE)
  const errors = program
    .getSemanticDiagnostics(file)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
  return { count: (program as unknown as { getInstantiationCount(): number }).getInstantiationCount(), errors }
}

function sourceOf(hops: number, style: 'inline' | 'declared'): string {
  const lines = ["import { defineHop, pipeline } from '../../src/pipeline/index.js'"]
  lines.push("const add = defineHop({ name: 'add', call: ({ input }: { input: { n: number } }) => input.n + 1 })")
  lines.push("export const long = pipeline<{ n: number }>('long')")
  lines.push("  .hop('h0', { run: ({ input }) => input.n })")
  for (let hop = 1; hop < hops; hop++) {
    const need = `h${hop - 1}`
    lines.push(
      style === 'inline'
        ? `  .hop('h${hop}', { needs: ['${need}'], run: ({ ${need} }) => ${need} + 1 })`
        : `  .hop('h${hop}', add, { needs: ['${need}'], input: ({ ${need} }) => ({ n: ${need} }) })`,
    )
  }
  lines.push(`  .assemble(({ h${hops - 1} }): number => h${hops - 1})`, 'void add')
  return lines.join('\n')
}

describe('the types of a long pipeline', () => {
  // Quadratic in the hops, by a small factor: about half of the ceiling is used.
  it.each(['inline', 'declared'] as const)('cost the compiler little for 100 hops, %s', (style) => {
    const base = instantiations(2, style)
    const long = instantiations(100, style)
    expect([base.errors, long.errors]).toEqual([[], []])
    const cost = long.count - base.count
    expect(cost).toBeGreaterThan(1000)
    expect(cost).toBeLessThan(CEILING[style])
  })
})

const CEILING = { inline: 60_000, declared: 60_000 }
