import { existsSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { ERROR_CODES, formatDuration, parseDuration, presets } from 'hopstash'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { NAMESPACE_OPTION_NAMES } from '../../src/cache/namespace-options.js'
import { blocksOf, documents, examplesInSource } from './doctest-blocks.js'
import { runBlock } from './doctest-run.js'
import { typeErrorsIn } from './doctest-types.js'
import { sourceFiles } from './source-files.js'

const pages = documents()
const programs = [...pages.flatMap((file) => blocksOf(file)), ...examplesInSource()]
const textOf = (file: string): string => readFileSync(file, 'utf8')

describe('programs in the documentation', () => {
  beforeEach(() => {
    // Settings are read once; those of whoever runs this are not those of the page.
    for (const name of Object.keys(process.env)) if (/^(?:CACHE|BATCH)_/.test(name)) vi.stubEnv(name, undefined)
    vi.spyOn(console, 'log').mockImplementation(() => {})
  })

  test('the README and the docstrings have some', () => {
    expect(programs.filter(({ file }) => file === 'README.md').length).toBeGreaterThan(2)
    expect(programs.filter(({ file }) => file.startsWith('src/')).length).toBeGreaterThan(10)
  })

  test('all of them compile', () => {
    expect(typeErrorsIn(programs)).toEqual([])
  })

  test.each(programs)(
    '$where does what it says',
    async (block) => {
      await runBlock(block, (specifier) => import(specifier))
    },
    30_000,
  )
})

describe('the README', () => {
  const lines = textOf('README.md').split('\n')

  test('has at most 250 lines', () => {
    expect(lines.length).toBeLessThanOrEqual(250)
  })

  test('has its first program, and the commands to try it, on the first screen', () => {
    expect(lines.indexOf('```ts')).toBeLessThan(30)
    expect(lines.slice(0, 40)).toEqual(expect.arrayContaining(['npm ci && npm run demo', 'npm cit']))
  })
})

describe('links', () => {
  const links = pages.flatMap((file) =>
    [...withoutCode(textOf(file)).matchAll(/\]\(([^)\s]+)\)/g)].map(({ 1: target = '' }) => ({ file, target })),
  )
  const inside = links.filter(({ target }) => !/^[a-z]+:/.test(target))

  test('there are some', () => {
    expect(inside.length).toBeGreaterThan(50)
  })

  test.each(inside)('$file: $target exists', ({ file, target }) => {
    const [path = '', anchor] = target.split('#')
    const linked = path === '' ? file : posix.join(posix.dirname(file), path)
    expect(existsSync(linked), linked).toBe(true)
    if (anchor !== undefined) expect(anchorsOf(textOf(linked))).toContain(anchor)
  })

  test('every page is in the table of contents', () => {
    const listed = inside.filter(({ file }) => file === 'docs/README.md').map(({ target }) => `docs/${target}`)
    const own = pages.filter((file) => /^docs\/[^/]+\.md$/.test(file) && file !== 'docs/README.md')
    expect(listed).toEqual(expect.arrayContaining(own))
  })
})

describe('tables and lists', () => {
  test('docs/errors.md has a section for every code, with cause and cure, and for no other', () => {
    const sections = textOf('docs/errors.md').split(/^### /m).slice(1)
    const codes = sections.map((section) => /^`(\w+)`\n/.exec(section)?.[1])
    expect([...codes].sort()).toEqual([...ERROR_CODES].sort())
    for (const section of sections) expect(section).toMatch(/\*\*Cause:\*\* \S[\s\S]*\*\*Cure:\*\* \S/)
  })

  test('docs/errors.md has every warning, and no other', () => {
    const source = sourceFiles()
      .map((file) => textOf(`src/${file}`))
      .join('\n')
    const namesIn = (pattern: RegExp) => [...source.matchAll(pattern)].map(({ 1: name = '' }) => name)
    const variables = namesIn(/env\.(HOPSTASH_\w+)/g)
    const codes = namesIn(/'(HOPSTASH_\w+)'/g).filter((name) => !variables.includes(name))
    const written = rowsOf(textOf('docs/errors.md')).flatMap(([code = '']) => (/^HOPSTASH_/.test(code) ? [code] : []))
    expect(written.sort()).toEqual([...new Set(codes)].sort())
  })

  test('docs/namespaces.md has every preset with the entries and the lifetime it has', () => {
    const rows = rowsOf(textOf('docs/namespaces.md')).filter(([name = '']) => Object.hasOwn(presets, name))
    const written = rows.map(([name, entries, lifetime]) => ({ name, entries: Number(entries), lifetime }))
    const real = Object.entries(presets).map(([name, { options }]) => ({
      name,
      entries: options.max,
      lifetime:
        typeof options.ttl === 'function' ? 'by confidence' : formatDuration(parseDuration(options.ttl ?? '10m')),
    }))
    expect(written).toEqual(real)
  })

  test('docs/namespaces.md names every option of a namespace', () => {
    const text = textOf('docs/namespaces.md')
    expect(NAMESPACE_OPTION_NAMES.filter((name) => !new RegExp(`\`${name}\\b`).test(text))).toEqual([])
  })

  test('ARCHITECTURE.md has the folders of src, and no others', () => {
    const rows = rowsOf(textOf('ARCHITECTURE.md')).filter(([, rank = '']) => /^\d$/.test(rank))
    const folders = sourceFiles().flatMap((file) => (file.includes('/') ? [file.slice(0, file.indexOf('/'))] : []))
    expect(rows.map(([folder]) => folder).sort()).toEqual([...new Set(folders)].sort())
  })
})

function withoutCode(text: string): string {
  return text.replace(/^```[\s\S]*?^```$/gm, '').replace(/`[^`\n]*`/g, '')
}

/** Anchors of the headings, as the forges make them. */
function anchorsOf(text: string): string[] {
  return [...text.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/^#+ (.+)$/gm)].map(({ 1: heading = '' }) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** Cells of all table rows, backticks removed. */
function rowsOf(text: string): string[][] {
  const rows = text.split('\n').filter((line) => line.startsWith('|'))
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', '')),
  )
}
