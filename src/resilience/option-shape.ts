import { optionHidden, optionInvalid, optionUnknown } from '../errors/option-error.js'
import { type Clock, createSystemClock } from '../runtime/clock.js'
import { type Duration, parseDuration } from '../runtime/duration.js'

/** Refuses anything but an object whose keys are all `known`; suggests the nearest known name. A signal has no keys. */
export function checkShape(where: string, options: unknown, known: readonly string[]): void {
  const isBare = isSignal(options)
  if (isBare || typeof options !== 'object' || options === null || Array.isArray(options)) {
    const hint = isBare && known.includes('signal') ? 'Write `{ signal }`.' : undefined
    throw optionInvalid(where, `an object with some of: ${known.join(', ')}`, options, hint)
  }
  for (const key of Object.keys(options)) if (!known.includes(key)) throw optionUnknown(where, key, known)
}

/** Refuses what is there and is no function. */
export function checkFunction(value: unknown, option: string, expected = 'a function'): void {
  if (value !== undefined && typeof value !== 'function') throw optionInvalid(option, expected, value)
}

/** Refuses a function that answers later: its promise would be taken for the answer, and counts as yes. */
export function checkAnswersAtOnce(value: unknown, option: string, expected = 'a function that answers at once'): void {
  const later = typeof value === 'function' ? LATER[Object.prototype.toString.call(value)] : undefined
  if (later !== undefined) throw optionHidden(option, expected, later)
}

const LATER: Readonly<Record<string, string>> = {
  '[object AsyncFunction]': 'an async function',
  '[object GeneratorFunction]': 'a generator',
  '[object AsyncGeneratorFunction]': 'an async generator',
}

/** Refuses what is there and is neither `true` nor `false`: the text `'false'` would count as yes. */
export function checkFlag(value: unknown, option: string): void {
  if (value !== undefined && typeof value !== 'boolean') throw optionInvalid(option, 'true or false', value)
}

/** Refuses what is there and is no text. */
export function checkText(value: unknown, option: string): void {
  if (value !== undefined && typeof value !== 'string') throw optionInvalid(option, 'a text', value)
}

/** Refuses what is there and is no list of texts; `orFunction`: nor a function that makes one. */
export function checkTexts(value: unknown, option: string, orFunction = false): void {
  if (value === undefined || (orFunction && typeof value === 'function')) return
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return
  throw optionInvalid(option, `a list of texts${orFunction ? ', or a function that returns one' : ''}`, value)
}

/** Refuses what is there and is no `AbortSignal`. */
export function checkSignal(signal: unknown, option = 'signal'): void {
  if (signal === undefined || isSignal(signal)) return
  throw optionInvalid(option, 'an AbortSignal', signal, 'Leave it out where there is none.')
}

/** Whether this can be listened to as an `AbortSignal`, whichever library made it. */
export function isSignal(value: unknown): value is AbortSignal {
  if (typeof value !== 'object' || value === null) return false
  const { aborted, addEventListener } = value as Partial<AbortSignal>
  return typeof aborted === 'boolean' && typeof addEventListener === 'function'
}

/** The clock that was given, or the system's. @throws OptionError `ERR_OPTION_INVALID` */
export function resolveClock(clock: Clock | undefined): Clock {
  if (clock === undefined) return createSystemClock()
  const { now, wall, setTimer } = (clock ?? {}) as Partial<Clock>
  if ([now, wall, setTimer].every((part) => typeof part === 'function')) return clock
  throw optionInvalid('clock', 'a clock, such as that of `createFakeClock()`', clock)
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
