import { type Limits, memoryLimit, WEIGHT } from './budget.js'
import { Stop } from './stop.js'

const QUOTE = 0x22
const COMMA = 0x2c
const BRACKET = 0x5b
const BACKSLASH = 0x5c
const BRACE = 0x7b

/** Texts up to this size cannot make enough objects to matter, and are most of them. */
const UNCOUNTED_BYTES = 256 * 1024

/**
 * Refuses a text that would become more objects than the limits allow, before the parser makes them: 32 MiB of `[],`
 * are half a gigabyte of arrays. Never more is counted than a writer charged for the same value: a list or an object
 * costs a container together with the comma behind it.
 *
 * @throws Stop
 */
export function refuseDense(bytes: Buffer, limits: Limits): void {
  if (bytes.length <= UNCOUNTED_BYTES) return
  let left = memoryLimit(limits)
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === QUOTE) at = endOfText(bytes, at)
    else if (byte === COMMA) left -= WEIGHT.scalar
    else if (byte === BRACKET || byte === BRACE) left -= WEIGHT.container - WEIGHT.scalar
    if (left < 0) throw new Stop('size', 'more objects than the limits allow')
  }
}

function endOfText(bytes: Buffer, start: number): number {
  for (let at = start + 1; at < bytes.length; at++) {
    if (bytes[at] === BACKSLASH) at++
    else if (bytes[at] === QUOTE) return at
  }
  return bytes.length
}
