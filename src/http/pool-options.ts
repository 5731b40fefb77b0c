import { optionInvalid } from '../errors/option-error.js'
import { checkDeadlineHeader, DEADLINE_HEADER } from '../resilience/deadline-header.js'
import { checkShape, positiveDuration, resolveClock, wholeNumber } from '../resilience/option-shape.js'
import type { Clock } from '../runtime/clock.js'
import type { Duration } from '../runtime/duration.js'

/** Connections per origin by name. */
export const POOL_SIZES = Object.freeze({ low: 10, medium: 50, high: 100 })

/** How long the parts of a call may take, where the pool or a module says so. */
export interface CallTimeouts {
  /** From a connection of its own to the last header. @defaultValue `'30s'` */
  readonly headers?: Duration | undefined
  /** Between two parts of the body. @defaultValue `'30s'` */
  readonly body?: Duration | undefined
}

/** Options of {@link createPool}. */
export interface PoolOptions {
  /** Connections per origin: `low` 10, `medium` 50, `high` 100, or a number. @defaultValue `'medium'` */
  readonly size?: keyof typeof POOL_SIZES | number | undefined
  /**
   * How long an idle connection is kept when the upstream says nothing; keep it below the upstream's own. What an
   * upstream says (`Keep-Alive: timeout=5`) wins, less a second. @defaultValue `'4s'`
   */
  readonly keepAlive?: Duration | undefined
  /** No upstream's word keeps an idle connection longer. @defaultValue `'60s'` */
  readonly maxKeepAlive?: Duration | undefined
  /** `connect`: until a connection is there, TLS included, `'5s'`; the others unless a module has its own. */
  readonly timeouts?: (CallTimeouts & { readonly connect?: Duration | undefined }) | undefined
  /** Header that tells a module what is left of the caller's budget, ms. `false` = none. @defaultValue `'x-deadline-ms'` */
  readonly deadlineHeader?: string | false | undefined
  /** A longer answer is refused with `ERR_HTTP_ANSWER`; streams are not bounded. @defaultValue 32 MiB */
  readonly maxAnswerBytes?: number | undefined
  /** What Node's `tls.connect` is told beside, such as `ca`. */
  readonly tls?: object | undefined
  readonly clock?: Clock | undefined
}

/** {@link CallTimeouts}, complete. */
export interface ResolvedTimeouts {
  readonly headersMs: number
  readonly bodyMs: number
}

/** {@link PoolOptions}, complete. */
export interface PoolPolicy {
  readonly connections: number
  readonly keepAliveMs: number
  readonly maxKeepAliveMs: number
  readonly connectMs: number
  readonly timeouts: ResolvedTimeouts
  readonly deadlineHeader: string | false
  readonly maxAnswerBytes: number
  readonly tls: object
  readonly clock: Clock
}

const KNOWN = [
  'size',
  'keepAlive',
  'maxKeepAlive',
  'timeouts',
  'deadlineHeader',
  'maxAnswerBytes',
  'tls',
  'clock',
] as const

/** Checks and completes {@link PoolOptions}. @throws OptionError `ERR_OPTION_INVALID` */
export function resolvePool(options: PoolOptions): PoolPolicy {
  checkShape('createPool', options, KNOWN)
  if (options.timeouts !== undefined) checkShape('timeouts', options.timeouts, ['headers', 'body', 'connect'])
  if (options.tls !== undefined) checkObject('tls', options.tls)
  const { connect, ...timeouts } = options.timeouts ?? {}
  return Object.freeze({
    connections: connectionsOf(options.size ?? 'medium'),
    keepAliveMs: positiveDuration(options.keepAlive ?? '4s', 'keepAlive'),
    maxKeepAliveMs: positiveDuration(options.maxKeepAlive ?? '60s', 'maxKeepAlive'),
    connectMs: positiveDuration(connect ?? '5s', 'timeouts.connect'),
    timeouts: resolveTimeouts('timeouts', timeouts, { headersMs: 30_000, bodyMs: 30_000 }),
    deadlineHeader: resolveDeadlineHeader('deadlineHeader', options.deadlineHeader ?? DEADLINE_HEADER),
    maxAnswerBytes: wholeNumber(options.maxAnswerBytes ?? 32 * 2 ** 20, 'maxAnswerBytes', 1, true),
    tls: { ...options.tls },
    clock: resolveClock(options.clock),
  })
}

/** The timeouts of a call: what is given, over `base`. @throws OptionError */
export function resolveTimeouts(
  where: string,
  given: CallTimeouts | undefined,
  base: ResolvedTimeouts,
): ResolvedTimeouts {
  if (given === undefined) return base
  checkShape(where, given, ['headers', 'body'])
  const { headers, body } = given
  return Object.freeze({
    headersMs: headers === undefined ? base.headersMs : positiveDuration(headers, `${where}.headers`),
    bodyMs: body === undefined ? base.bodyMs : positiveDuration(body, `${where}.body`),
  })
}

/** Checks the name of the deadline header. @throws OptionError */
export function resolveDeadlineHeader(option: string, header: string | false): string | false {
  if (header !== false) checkDeadlineHeader(option, header)
  return header
}

function checkObject(option: string, value: unknown): void {
  if (typeof value !== 'object' || value === null) throw optionInvalid(option, 'an object', value)
}

function connectionsOf(size: unknown): number {
  if (typeof size === 'number') return wholeNumber(size, 'size', 1)
  if (typeof size === 'string' && Object.hasOwn(POOL_SIZES, size)) return POOL_SIZES[size as keyof typeof POOL_SIZES]
  throw optionInvalid('size', "'low' (10), 'medium' (50), 'high' (100), or a number of connections per origin", size)
}
