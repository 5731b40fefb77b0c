import type { ErrorCode } from './codes.js'

const BRAND = Symbol.for('hopstash.error')

/** What an error may carry beside its message: names, counts and digests, never a value, a prompt or a raw key. */
export type ErrorContext = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>

/** Parts of a {@link HopstashError}. */
export interface ErrorInit {
  readonly code: ErrorCode
  readonly cause?: unknown
  /** Whether the same call may succeed later. @defaultValue `false` */
  readonly retryable?: boolean
  readonly context?: ErrorContext
}

/**
 * Base of every error the package throws.
 *
 * Match on `code`, not on the class: the ESM and the CJS build have a class each. `HopstashError.isInstance` works
 * across both.
 *
 * @example
 * import { HopstashError, parseDuration } from 'hopstash'
 * try {
 *   parseDuration('5 parsecs' as '5m')
 * } catch (error) {
 *   HopstashError.isInstance(error) && error.code // => 'ERR_OPTION_INVALID'
 * }
 */
export class HopstashError extends Error {
  override readonly name: string = 'HopstashError'
  readonly code: ErrorCode
  readonly retryable: boolean
  readonly context: ErrorContext

  constructor(message: string, init: ErrorInit) {
    super(message, init.cause === undefined ? undefined : { cause: init.cause })
    this.code = init.code
    this.retryable = init.retryable ?? false
    this.context = Object.freeze({ ...init.context })
    Object.defineProperty(this, BRAND, { value: true })
  }

  /** Whether `value` is an error of this package, whichever copy of the package made it. */
  static isInstance(value: unknown): value is HopstashError {
    return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[BRAND] === true
  }
}
