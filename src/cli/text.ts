import { formatDuration } from '../runtime/duration.js'

/** Paints text, or leaves it as it is where there are no colours. */
export interface Paint {
  strong(text: string): string
  faint(text: string): string
  good(text: string): string
  warn(text: string): string
  bad(text: string): string
}

/** A column of a table. */
export interface Column {
  readonly title: string
  readonly align?: 'left' | 'right'
}

const ESCAPE = '\u001b['
const MIB = 2 ** 20
const UNITS = [
  ['GiB', 2 ** 30],
  ['MiB', MIB],
  ['KiB', 1024],
] as const

/** Returns paint for a terminal, or none. */
export function createPaint(hasColours: boolean): Paint {
  const style =
    (code: number) =>
    (text: string): string =>
      hasColours ? `${ESCAPE}${code}m${text}${ESCAPE}0m` : text
  return { strong: style(1), faint: style(2), good: style(32), warn: style(33), bad: style(31) }
}

/**
 * Text of somebody else on one line of a terminal: control characters, which could move the cursor or write to the clipboard, and marks that turn the
 * direction of writing are shown as escapes.
 */
export function shown(text: string): string {
  return text.replace(UNSAFE, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not get out.
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/** Pure: rows below titles, as wide as they need to be. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], paint: Paint): string {
  const widths = columns.map(({ title }, at) => Math.max(title.length, ...rows.map((row) => (row[at] ?? '').length)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, at) => {
        const width = widths[at] ?? 0
        return columns[at]?.align === 'right' ? cell.padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd()
  return [paint.strong(line(columns.map(({ title }) => title))), ...rows.map(line)].map((text) => `${text}\n`).join('')
}

/** Pure: names and values below each other. */
export function pairs(list: readonly (readonly [name: string, value: string])[], paint: Paint): string {
  const width = Math.max(0, ...list.map(([name]) => name.length))
  return list.map(([name, value]) => `${paint.faint(name.padEnd(width))}  ${value}\n`).join('')
}

/** Pure: `12`, `3.4 KiB`, `120 MiB`. */
export function bytesText(bytes: number): string {
  for (const [unit, size] of UNITS) {
    if (bytes >= size) return `${(bytes / size).toFixed(bytes >= 100 * size ? 0 : 1)} ${unit}`
  }
  return `${Math.round(bytes)} B`
}

/** Pure: an instant for people, in UTC. */
export function instantText(ms: number): string {
  return Number.isFinite(ms) && Math.abs(ms) < 8.64e15 ? new Date(ms).toISOString() : 'never'
}

/** Pure: a length of time in whole units from a second on. */
export function durationText(ms: number): string {
  return formatDuration(ms >= 1000 ? Math.round(ms / 100) * 100 : Math.round(ms))
}

/** Pure: `1 entry`, `12,000 entries`. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString('en')} ${number === 1 ? one : many}`
}

/** A document as JSON text. */
export function jsonText(document: unknown): string {
  return `${JSON.stringify(document, (_name, value) => (value === Infinity ? null : value), 2)}\n`
}
