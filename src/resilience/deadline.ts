import { deadlineOver, timedOut } from '../errors/resilience-error.js'
import type { Clock } from '../runtime/clock.js'
import { type Duration, parseDuration } from '../runtime/duration.js'
import { deadlineHeaders } from './deadline-header.js'
import { checkShape, checkSignal, positiveDuration, resolveClock } from './option-shape.js'
import { callWithin, checkWork, type TimedContext } from './timeout.js'

/** Options of {@link createDeadline}. */
export interface DeadlineOptions {
  /** Lets the caller leave: what runs within the deadline rejects with the reason. */
  readonly signal?: AbortSignal | undefined
  readonly clock?: Clock | undefined
}

/** A time that several calls, and the waits between them, have together. */
export interface Deadline {
  /** What is left, ms; 0 when it is over. */
  readonly remainingMs: number
  /** Tells the next service what is left, as `x-deadline-ms` or under the name that is given. */
  headers(name?: string): Record<string, string>
  /**
   * Calls `work` with what is left, at most `timeout`. Rejects with `ERR_TIMEOUT`: retryable while something is left, and
   * without calling `work` when nothing is.
   */
  run<T>(work: (context: TimedContext) => T | PromiseLike<T>, timeout?: Duration): Promise<T>
}

/**
 * Begins a deadline. It goes by a clock that nobody sets, and ends nothing by itself.
 *
 * It has no timer of its own; what runs within it has one, which keeps the process alive until that settles.
 *
 * @param limit How long it lasts from now: what `deadlineFrom` read from a request, for instance.
 * @throws OptionError `ERR_OPTION_INVALID`
 * @example
 * import { createDeadline, deadlineFrom, retry } from 'hopstash/resilience'
 * const deadline = createDeadline(deadlineFrom({ 'x-deadline-ms': '1500' }, { max: '30s' }) ?? '30s')
 * const answer = await deadline.run(({ signal }) => retry(async () => 'in time', { signal }))
 * answer // => 'in time'
 */
export function createDeadline(limit: Duration, options: DeadlineOptions = {}): Deadline {
  checkShape('createDeadline', options, ['signal', 'clock'])
  const { signal } = options
  checkSignal(signal)
  const clock = resolveClock(options.clock)
  const limitMs = parseDuration(limit, 'limit')
  const endsAt = clock.now() + limitMs
  const remaining = (): number => Math.max(0, endsAt - clock.now())
  return {
    get remainingMs() {
      return remaining()
    },
    headers: (name) => deadlineHeaders(remaining(), name),
    async run(work, timeout = Infinity) {
      checkWork(work)
      const timeoutMs = positiveDuration(timeout, 'timeout')
      const leftMs = remaining()
      if (leftMs === 0) throw deadlineOver(limitMs)
      const late = () => (timeoutMs < leftMs ? timedOut(timeoutMs) : deadlineOver(limitMs))
      return callWithin(work, { ms: Math.min(leftMs, timeoutMs), clock, signal, late })
    },
  }
}
