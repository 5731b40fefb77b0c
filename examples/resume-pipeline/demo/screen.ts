import type { WriteStream } from 'node:tty'
import { type RunReport, waterfall } from 'hopstash/pipeline'

const WIDTH = 100
const LABEL = 11

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const
type Style = keyof typeof CODES

/** Where the demo writes: plain text, with colours where a person looks at it. */
export type Screen = ReturnType<typeof createScreen>

/** Makes a screen of a stream. Colours need a terminal, and yield to `NO_COLOR`. */
export function createScreen(out: Pick<WriteStream, 'write'> & { isTTY?: boolean }, environment = process.env) {
  const colourful = out.isTTY === true && !environment.NO_COLOR
  const paint = (style: Style, text: string) => (colourful ? `\u001b[${CODES[style]}m${text}\u001b[0m` : text)
  const line = (text = '') => void out.write(`${text}\n`)

  /** `label   text`, wrapped, at most `lines` lines of it. */
  function fact(label: string, text: string, { lines = Number.POSITIVE_INFINITY, style }: FactOptions = {}): void {
    const wrapped = wrap(text, WIDTH - LABEL - 4)
    const shown = wrapped.slice(0, lines)
    if (shown.length < wrapped.length) shown.push(`${shown.pop()} …`)
    for (const [index, part] of shown.entries()) {
      const heading = paint('dim', (index === 0 ? label : '').padEnd(LABEL))
      line(`  ${heading}${style === undefined ? part : paint(style, part)}`)
    }
  }

  return {
    line,
    fact,
    headline(title: string, text: string): void {
      line()
      line(`${paint('cyan', '──')} ${paint('bold', title)} ${paint('cyan', '─'.repeat(WIDTH - title.length - 4))}`)
      for (const part of wrap(text, WIDTH - 2)) line(`  ${paint('dim', part)}`)
      line()
    },
    /** The waterfall of a run, a colour per hop. */
    run(report: RunReport): void {
      line()
      for (const row of waterfall(report).split('\n')) line(`  ${paint(styleOf(row), row)}`)
      line()
    },
    table(rows: readonly (readonly string[])[]): void {
      const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
      for (const [index, row] of rows.entries()) {
        const cells = row.map((cell, column) =>
          column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        const text = `  ${cells.join('  ')}`
        line(index === 0 || index === rows.length - 1 ? paint('bold', text) : text)
      }
    },
  }
}

interface FactOptions {
  lines?: number
  style?: Style
}

function styleOf(row: string): Style {
  if (/ failed| cancelled/.test(row)) return 'red'
  if (/ degraded/.test(row)) return 'yellow'
  return / skipped/.test(row) ? 'dim' : 'green'
}

/** Breaks a text between words; what a terminal would obey instead of showing is taken out. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(/[\s\p{Cc}]+/u).filter(Boolean)) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

/** `1,234 ms`. */
export function milliseconds(ms: number): string {
  return `${Math.round(ms).toLocaleString('en-US')} ms`
}

/** `$0.0012`: fractions of a cent are what a single answer costs. */
export function dollars(amount: number): string {
  return `$${amount.toFixed(4)}`
}

/** `12%`. */
export function percent(share: number): string {
  return `${Math.round(share * 100)}%`
}
