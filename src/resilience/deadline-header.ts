import { optionInvalid } from '../errors/option-error.js'
import { type Duration, parseDuration } from '../runtime/duration.js'
import { checkShape, checkText } from './option-shape.js'

/** Header that tells a module how many milliseconds its caller will still wait. */
export const DEADLINE_HEADER = 'x-deadline-ms'

/** Read, in this order, where no header is named: ours, gRPC's, Envoy's. */
const UNDERSTOOD = [DEADLINE_HEADER, 'grpc-timeout', 'x-envoy-expected-rq-timeout-ms']
const GRPC_UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 }
const TOKEN = /^[a-z0-9-]{1,64}$/

/** Headers of a request: a `Headers`, or an object such as Node's `request.headers`. */
export type RequestHeaders =
  | { get(name: string): string | null }
  | Readonly<Record<string, string | readonly string[] | undefined>>

/** Options of {@link deadlineFrom}. */
export interface DeadlineFromOptions {
  /** Read this header only. @defaultValue `x-deadline-ms`, `grpc-timeout`, `x-envoy-expected-rq-timeout-ms` */
  readonly header?: string | undefined
  /** No caller gets more, and one that says nothing gets this. @defaultValue none */
  readonly max?: Duration | undefined
}

/**
 * Returns how many milliseconds the caller of a request will still wait, for `run(input, { deadline })`; `undefined` when
 * it did not say so and there is no `max`.
 *
 * The header holds what is left, not an instant, so that two hosts' clocks need not agree; the time the request was on its
 * way is not in it. What is no number is as if it were not there.
 *
 * @throws OptionError `ERR_OPTION_INVALID`
 * @example
 * import { deadlineFrom } from 'hopstash/resilience'
 * deadlineFrom({ 'x-deadline-ms': '1500' }, { max: '30s' }) // => 1500
 * deadlineFrom({}, { max: '30s' }) // => 30000
 */
export function deadlineFrom(headers: RequestHeaders, options: DeadlineFromOptions = {}): number | undefined {
  checkShape('deadlineFrom', options, ['header', 'max'])
  if (typeof headers !== 'object' || headers === null)
    throw optionInvalid('headers', 'the headers of a request', headers)
  const { header, max } = options
  checkText(header, 'header')
  const most = max === undefined ? undefined : parseDuration(max, 'max')
  for (const name of header === undefined ? UNDERSTOOD : [header.toLowerCase()]) {
    const ms = toMs(name, headerOf(headers, name))
    if (ms !== undefined) return most === undefined ? ms : Math.min(ms, most)
  }
  return most
}

/**
 * Returns the header that tells a module how much time is left: for calls that do not go through a pool.
 *
 * Without end (`Infinity`) there is nothing to tell, and no header.
 *
 * @throws OptionError `ERR_OPTION_INVALID` for a name that is no header's, and for what is no number.
 * @example
 * import { deadlineHeaders } from 'hopstash/resilience'
 * deadlineHeaders(1500.4) // => { 'x-deadline-ms': '1500' }
 * deadlineHeaders(1500, 'grpc-timeout') // => { 'grpc-timeout': '1500m' }
 */
export function deadlineHeaders(remainingMs: number, header: string = DEADLINE_HEADER): Record<string, string> {
  checkDeadlineHeader('header', header)
  if (typeof remainingMs !== 'number' || Number.isNaN(remainingMs))
    throw optionInvalid('remainingMs', 'a number of milliseconds', remainingMs)
  if (remainingMs === Infinity) return {}
  const ms = Math.max(0, Math.floor(remainingMs))
  // gRPC allows eight digits; what does not fit in milliseconds fits in seconds.
  if (header === 'grpc-timeout') return { [header]: ms > 99_999_999 ? `${Math.floor(ms / 1000)}S` : `${ms}m` }
  return { [header]: String(ms) }
}

/** Checks the name of a header. @throws OptionError */
export function checkDeadlineHeader(option: string, header: unknown): void {
  if (typeof header === 'string' && TOKEN.test(header)) return
  throw optionInvalid(option, "the name of a header in lower case, such as 'x-deadline-ms'", header)
}

function toMs(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  if (name !== 'grpc-timeout') return /^\d{1,12}$/.test(value) ? Number(value) : undefined
  const match = /^(\d{1,8})([HMSmun])$/.exec(value)
  return match === null ? undefined : Math.floor(Number(match[1]) * (GRPC_UNIT_MS[match[2] as string] as number))
}

function headerOf(headers: RequestHeaders, name: string): string | undefined {
  if (typeof headers.get === 'function') return headers.get(name)?.trim()
  const found = (headers as Readonly<Record<string, string | readonly string[] | undefined>>)[name]
  return (typeof found === 'string' ? found : found?.[0])?.trim()
}
