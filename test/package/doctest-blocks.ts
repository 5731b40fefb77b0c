import { readdirSync, readFileSync } from 'node:fs'
import { sourceFiles } from './source-files.js'

/** A program found in the documentation. */
export interface Block {
  /** `docs/keys.md:12` */
  readonly where: string
  readonly file: string
  /** Line of the file its first line is on, from 1. */
  readonly line: number
  readonly code: string
}

/** Files for readers, relative to the root. */
export function documents(): string[] {
  const pages = readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .map((file) => `docs/${file.replaceAll('\\', '/')}`)
    .filter((file) => file.endsWith('.md'))
  return ['README.md', 'ARCHITECTURE.md', 'CHANGELOG.md', ...pages.sort()]
}

/** A fenced block with the words behind its first three backticks. */
interface Fence {
  readonly info: readonly string[]
  readonly line: number
  readonly code: string
}

const FENCE = /^```(.*)\n([\s\S]*?)^```$/gm

/**
 * Programs of a page: each `ts` fence is one, `ts continued` goes on with the one before it, and `ts no-run` is left out
 * if its first line is a comment with the reason: `// not run: …`.
 */
export function blocksOf(file: string, text = readFileSync(file, 'utf8')): Block[] {
  const blocks: Block[] = []
  for (const fence of fencesOf(text)) {
    const [language, ...marks] = fence.info
    const where = `${file}:${fence.line}`
    if (language !== 'ts') continue
    const odd = marks.find((mark) => mark !== 'continued' && mark !== 'no-run')
    if (odd !== undefined) throw new Error(`${where}: a ts fence is marked 'continued' or 'no-run', not '${odd}'`)
    if (marks.includes('no-run')) {
      if (!/^\/\/ not run: \S/.test(fence.code)) throw new Error(`${where}: begin with '// not run: ' and the reason`)
    } else if (marks.includes('continued')) append(blocks, fence, where)
    else blocks.push({ where, file, line: fence.line, code: fence.code })
  }
  return blocks
}

function fencesOf(text: string): Fence[] {
  return [...text.matchAll(FENCE)].map(({ 1: info = '', 2: code = '', index }) => ({
    info: info.trim().split(/\s+/),
    line: lineAt(text, index) + 1,
    code,
  }))
}

/** Blank lines stand for the prose between two fences, so that line numbers stay those of the page. */
function append(blocks: Block[], fence: Fence, where: string): void {
  const before = blocks.pop()
  if (before === undefined) throw new Error(`${where}: there is no block to continue`)
  const written = before.code.split('\n').length - 1
  const gap = '\n'.repeat(Math.max(0, fence.line - before.line - written))
  blocks.push({ ...before, code: before.code + gap + fence.code })
}

/** The `@example` of every docstring below `src`. */
export function examplesInSource(): Block[] {
  return sourceFiles().flatMap((file) => examplesOf(`src/${file}`, readFileSync(`src/${file}`, 'utf8')))
}

/** An example reaches to the end of its docstring, or to the next tag. */
export function examplesOf(file: string, text: string): Block[] {
  const found: Block[] = []
  for (const { 0: comment, index } of text.matchAll(/\/\*\*[\s\S]*?\*\//g)) {
    const lines = comment.split('\n').map((line) => line.replace(/^\s*\*(?:\/| ?)/, ''))
    lines.forEach((start, at) => {
      if (!/^@example\b/.test(start)) return
      const rest = lines.slice(at + 1)
      const end = rest.findIndex((line) => /^@(?:example|see|throws|param|returns|typeParam|defaultValue)\b/.test(line))
      const line = lineAt(text, index) + at + 1
      const code = rest.slice(0, end < 0 ? undefined : end).join('\n')
      found.push({ where: `${file}:${line}`, file, line, code })
    })
  }
  return found
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}
