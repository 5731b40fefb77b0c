import { optionInvalid } from '../errors/option-error.js'

/**
 * A length of time: milliseconds as a number, or `'500ms' '30s' '5m' '1h' '7d'`.
 *
 * `Infinity` means "never" where an option allows it.
 */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
// Anchored, bounded and without nested quantifiers: linear on any input.
const PATTERN = /^(\d{1,15}(?:\.\d{1,6})?)(ms|s|m|h|d)$/

/**
 * Returns `duration` in milliseconds, fractions rounded up.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID` for a negative, NaN or unparsable duration.
 * @example
 * import { parseDuration } from 'hopstash'
 * parseDuration('1.5s') // => 1500
 */
export function parseDuration(duration: Duration, option = 'duration'): number {
  const ms = typeof duration === 'number' ? duration : textToMs(duration)
  if (ms === undefined || Number.isNaN(ms) || ms < 0) {
    throw optionInvalid(option, "a duration such as 500, '500ms', '30s', '5m', '1h' or '7d'", duration)
  }
  return Number.isFinite(ms) ? Math.ceil(ms) : ms
}

function textToMs(text: unknown): number | undefined {
  if (typeof text !== 'string' || text.length > 24) return undefined
  const match = PATTERN.exec(text)
  if (match === null) return undefined
  // '65.4s' is 65,400 ms, not one more for the last bit of a binary fraction.
  return Number((Number(match[1]) * (UNIT_MS[match[2] as string] as number)).toPrecision(15))
}

/** Shortest readable form of a number of milliseconds, for messages and reports: `1.5s`, `15m`, `never`. */
export function formatDuration(ms: number): string {
  if (ms === Infinity) return 'never'
  for (const [unit, size] of [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ] as const) {
    if (ms >= size) return `${Number((ms / size).toFixed(1))}${unit}`
  }
  return `${Number(ms.toFixed(1))}ms`
}
