import { optionInvalid, optionUnknown } from '../errors/option-error.js'
import { type Duration, parseDuration } from '../runtime/duration.js'

/** Refuses anything but an object whose keys are all `known`; suggests the nearest known name. */
export function checkShape(where: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw optionInvalid(where, `an object with some of: ${known.join(', ')}`, options)
  }
  for (const key of Object.keys(options)) if (!known.includes(key)) throw optionUnknown(where, key, known)
}

/** A whole number from `min` up, `Infinity` included where allowed. */
export function wholeNumber(value: unknown, option: string, min: number, infinite = false): number {
  if (infinite && value === Infinity) return Infinity
  if (Number.isSafeInteger(value) && (value as number) >= min) return value as number
  throw optionInvalid(option, `a whole number from ${min}${infinite ? ', or Infinity' : ''}`, value)
}

/** A share of traffic: 0 to 1. */
export function share(value: unknown, option: string): number {
  if (typeof value === 'number' && value >= 0 && value <= 1) return value
  throw optionInvalid(option, 'a number from 0 to 1', value, 'Write 20 % as 0.2.')
}

/** A duration longer than nothing. */
export function positiveDuration(value: Duration, option: string): number {
  const ms = parseDuration(value, option)
  if (ms > 0) return ms
  throw optionInvalid(option, "a duration longer than 0, such as '10s'", value)
}
