import { optionInvalid } from '../errors/option-error.js'

/** @throws {OptionError} `ERR_OPTION_INVALID` for anything but an object with names: a list or `null` is a mistake. */
export function requireObject(value: unknown, option: string, expected = 'an object'): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw optionInvalid(option, expected, value)
}

/** @throws {OptionError} `ERR_OPTION_INVALID` */
export function requireFunction(value: unknown, option: string, expected: string, hint?: string): void {
  if (typeof value !== 'function') throw optionInvalid(option, expected, value, hint)
}

/** @throws {OptionError} `ERR_OPTION_INVALID` */
export function requireArray(value: unknown, option: string, expected = 'an array'): void {
  if (!Array.isArray(value)) throw optionInvalid(option, expected, value)
}

/** @throws {OptionError} `ERR_OPTION_INVALID`; an absent value is one. */
export function requireBoolean(value: unknown, option: string): void {
  if (value !== undefined && typeof value !== 'boolean') throw optionInvalid(option, 'true or false', value)
}

/** @throws {OptionError} `ERR_OPTION_INVALID`; an absent value is one. Never shows the text. */
export function requireText(value: unknown, option: string): void {
  if (value !== undefined && typeof value !== 'string') throw optionInvalid(option, 'a text', value)
}

/** @throws {OptionError} `ERR_OPTION_INVALID` for what nobody can listen to; an absent signal is one. */
export function requireSignal(value: unknown, option = 'signal'): void {
  if (value === undefined) return
  const { aborted, addEventListener } = (
    typeof value === 'object' && value !== null ? value : {}
  ) as Partial<AbortSignal>
  if (typeof aborted !== 'boolean' || typeof addEventListener !== 'function') {
    throw optionInvalid(option, 'an AbortSignal', value, 'An AbortController has one as its `signal`.')
  }
}

/** The last look at a loader before it is needed. @throws {OptionError} `ERR_OPTION_INVALID` */
export function requireLoader(loader: unknown): void {
  requireFunction(loader, 'loader', 'a function that computes the value', 'Write `() => value` for one that is there.')
}

/** For methods whose name alone says what they do to everything. @throws {OptionError} `ERR_OPTION_INVALID` */
export function refuseArguments(given: readonly unknown[], method: string, hint: string): void {
  const [first] = given
  if (first !== undefined) throw optionInvalid(method, 'called without arguments', first, hint)
}
