import ts from 'typescript'
import { describe, expect, it } from 'vitest'

const FILE = `${process.cwd()}/test/property/large-stash.ts`

/** What the compiler does for a program of one file: how many types it makes of generic ones, and what it objects to. */
function check(source: string): { count: number; errors: readonly string[] } {
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile('tsconfig.json', ts.sys.readFile).config,
    ts.sys,
    process.cwd(),
  )
  const host = ts.createCompilerHost(options)
  const readFile = host.getSourceFile.bind(host)
  host.getSourceFile = (name, ...rest) =>
    name === FILE ? ts.createSourceFile(name, source, ts.ScriptTarget.ES2022, true) : readFile(name, ...rest)
  const exists = host.fileExists.bind(host)
  host.fileExists = (name) => name === FILE || exists(name)
  const program = ts.createProgram([FILE], options, host)
  const errors = program
    .getSemanticDiagnostics(program.getSourceFile(FILE))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
  return { count: (program as unknown as { getInstantiationCount(): number }).getInstantiationCount(), errors }
}

/** A stash of so many namespaces, each with a value and a key of its own, read, written and wrapped. */
function sourceOf(namespaces: number): string {
  const lines = ["import { cached, createStash, namespace, presets } from '../../src/index.js'"]
  lines.push('export const stash = createStash({', '  namespaces: {', '    ...presets,')
  for (let at = 0; at < namespaces; at++) {
    lines.push(`    n${at}: namespace<{ v${at}: number }, { k${at}: string }>({`)
    lines.push(`      key: ({ k${at} }) => [k${at}],`)
    lines.push(`      ttl: ({ v${at} }) => v${at},`)
    lines.push(`      tags: ({ v${at} }, { k${at} }) => [k${at}, String(v${at})],`)
    lines.push('    }),')
  }
  lines.push('  },', '})')
  for (let at = 0; at < namespaces; at++) {
    lines.push(`export const r${at} = stash.n${at}.getOrSet({ k${at}: 'k' }, () => ({ v${at}: 1 }))`)
    lines.push(`export const s${at} = stash.n${at}.set({ k${at}: 'k' }, { v${at}: 1 })`)
    lines.push(
      `export const c${at} = cached(async (k: string) => ({ v${at}: k.length }), { in: stash.n${at}, name: 'f', key: (k) => ({ k${at}: k }) })`,
    )
  }
  return lines.join('\n')
}

describe('the types of a large stash', () => {
  // Linear in the namespaces; about half of the ceiling is used.
  it('cost the compiler little for 100 namespaces, each read, written and wrapped', () => {
    const base = check(sourceOf(2))
    const large = check(sourceOf(100))
    expect([base.errors, large.errors]).toEqual([[], []])
    const cost = large.count - base.count
    expect(cost).toBeGreaterThan(1000)
    expect(cost).toBeLessThan(CEILING)
  })
})

const CEILING = 25_000
