import { parsed } from './json-value.js'

/**
 * What a JSON text says and its parsed value does not: `undefined` for nearly every text.
 *
 * Of a text with numbers that are written otherwise than their double is (`9007199254740993`, `1e400`, `1.0`), its value
 * with those numbers as they are written, as texts. Of one that names a member of an object twice, all of it.
 */
export function lostByParsing(text: string, value: unknown): unknown {
  const { members, exact } = scan(text)
  // A parser keeps the last member of a name, so that there are fewer of them.
  if (members !== membersOf(value)) return text
  return exact === undefined ? undefined : parsed(exact)
}

interface Scan {
  /** Members of all objects, those of one name, too. */
  readonly members: number
  /** The text with its inexact numbers in quotes; `undefined` where there are none. */
  readonly exact: string | undefined
}

/** One pass over a text that is known to be JSON. Nearly all of it is strings, which are leapt over. */
function scan(text: string): Scan {
  let members = 0
  let exact: string | undefined
  let copied = 0
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === QUOTE) at = endOfString(text, at)
    else if (unit === COLON) members++
    else if (unit === MINUS || isDigit(unit)) {
      const end = endOfNumber(text, at)
      if (!isExact(text, at, end)) {
        exact = `${exact ?? ''}${text.slice(copied, at)}"${text.slice(at, end)}"`
        copied = end
      }
      at = end - 1
    }
  }
  return { members, exact: exact === undefined ? undefined : exact + text.slice(copied) }
}

/** Place of the quote that ends the string begun at `start`: the first one behind an even number of backslashes. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let before = quote - 1
    while (text.charCodeAt(before) === BACKSLASH) before--
    if ((quote - before) % 2 === 1) return quote
  }
  return text.length
}

function endOfNumber(text: string, start: number): number {
  let end = start + 1
  while (isOfNumber(text.charCodeAt(end))) end++
  return end
}

function isExact(text: string, start: number, end: number): boolean {
  // A short whole number is, and most numbers are: one that is printed again costs a hundred times as much.
  if (end - start <= SAFE_DIGITS && isWhole(text, start, end)) return true
  const digits = text.slice(start, end)
  return String(Number(digits)) === digits
}

function isWhole(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (!isDigit(text.charCodeAt(at))) return false
  return true
}

function membersOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  let members = 0
  if (Array.isArray(value)) for (const item of value) members += membersOf(item)
  else {
    for (const item of Object.values(value)) members += 1 + membersOf(item)
  }
  return members
}

function isDigit(unit: number): boolean {
  return unit >= ZERO && unit <= NINE
}

function isOfNumber(unit: number): boolean {
  return isDigit(unit) || unit === POINT || unit === MINUS || unit === PLUS || unit === SMALL_E || unit === LARGE_E
}

const [QUOTE, COLON, BACKSLASH, MINUS, PLUS, POINT, ZERO, NINE, SMALL_E, LARGE_E] = [
  0x22, 0x3a, 0x5c, 0x2d, 0x2b, 0x2e, 0x30, 0x39, 0x65, 0x45,
] as const
/** Every whole number of so many digits is a double. */
const SAFE_DIGITS = 15
