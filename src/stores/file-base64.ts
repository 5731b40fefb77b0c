const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const NO_DIGIT = 64
/** What each byte stands for. */
const VALUES = new Uint8Array(256).fill(NO_DIGIT)
for (let value = 0; value < DIGITS.length; value++) VALUES[DIGITS.charCodeAt(value)] = value

/**
 * Reads `length` bytes from base64 that begins at `at`, and puts them at `to`. `false` where that is no base64. The last comes
 * first, so both may be in one piece of memory if the bytes end behind what they are read from.
 *
 * By hand: for so few bytes a text in between costs three times as much.
 */
export function readBase64(from: Buffer, at: number, into: Buffer, to: number, length: number): boolean {
  const groups = Math.floor(length / 3)
  const rest = length - 3 * groups
  if (rest > 0 && !readLast(from, at + 4 * groups, into, to + 3 * groups, rest)) return false
  let seen = 0
  for (let group = groups - 1; group >= 0; group--) {
    const source = at + 4 * group
    const target = to + 3 * group
    const a = valueAt(from, source)
    const b = valueAt(from, source + 1)
    const c = valueAt(from, source + 2)
    const d = valueAt(from, source + 3)
    seen |= a | b | c | d
    into[target] = (a << 2) | (b >> 4)
    into[target + 1] = (b << 4) | (c >> 2)
    into[target + 2] = (c << 6) | d
  }
  return seen < NO_DIGIT
}

function readLast(from: Buffer, at: number, into: Buffer, to: number, bytes: number): boolean {
  const a = valueAt(from, at)
  const b = valueAt(from, at + 1)
  const c = bytes === 2 ? valueAt(from, at + 2) : 0
  into[to] = (a << 2) | (b >> 4)
  if (bytes === 2) into[to + 1] = (b << 4) | (c >> 2)
  // The last digit has bits that belong to no byte.
  return (a | b | c) < NO_DIGIT && (bytes === 2 ? c & 3 : b & 15) === 0
}

function valueAt(bytes: Buffer, at: number): number {
  return VALUES[bytes[at] as number] as number
}
