import { optionInvalid } from '../errors/option-error.js'
import { breakerOpen } from '../errors/resilience-error.js'
import type { Clock } from '../runtime/clock.js'
import type { Duration } from '../runtime/duration.js'
import { checkShape, positiveDuration, resolveClock, share, wholeNumber } from './option-shape.js'
import { createRollingCount, type RollingCount } from './rolling-window.js'

/** When a breaker opens and how it heals. */
export interface BreakerOptions {
  /** Opens after so many failures in a row. `Infinity` = never for that. @defaultValue `5` */
  readonly consecutiveFailures?: number | undefined
  /** Opens when this share of the calls in `window` failed. @defaultValue `0.5` */
  readonly failureRate?: number | undefined
  /** A call that took longer is slow, whatever it came to. @defaultValue `Infinity`: none is */
  readonly slowCallAfter?: Duration | undefined
  /** Opens when this share of the calls in `window` were slow. @defaultValue `0.5` */
  readonly slowCallRate?: number | undefined
  /** The rates speak only from so many calls in `window` on. @defaultValue `10` */
  readonly minimumCalls?: number | undefined
  /** @defaultValue `'60s'` */
  readonly window?: Duration | undefined
  /** How long nothing passes. @defaultValue `'10s'` */
  readonly openFor?: Duration | undefined
  /** Calls that may pass as probes after that; all of them must succeed. @defaultValue `1` */
  readonly halfOpenCalls?: number | undefined
}

/** {@link BreakerOptions}, complete. */
export interface BreakerPolicy {
  readonly consecutiveFailures: number
  readonly failureRate: number
  readonly slowCallAfterMs: number
  readonly slowCallRate: number
  readonly minimumCalls: number
  readonly windowMs: number
  readonly openForMs: number
  readonly halfOpenCalls: number
}

export type BreakerState = 'closed' | 'open' | 'half_open'

/** What a call said about its upstream; `neutral` says nothing (aborted, refused for its credentials). */
export type CallVerdict = 'success' | 'failure' | 'neutral'

/** Keeps calls away from an upstream that fails. */
export interface Breaker {
  /** A pass to be given back with `settle`, or 0: nothing may be sent. */
  tryPass(now: number): number
  /** Whether a pass is still worth something: `false` once the breaker has opened after it was given. */
  honours(pass: number): boolean
  /**
   * Gives a pass back with what came of the call, and how long it took, ms. Passes from before the last change of state
   * count for nothing.
   */
  settle(pass: number, verdict: CallVerdict, now: number, tookMs?: number): void
  /** Milliseconds until a probe may pass; 0 when it may now. */
  retryInMs(now: number): number
  state(now?: number): BreakerState
  /** Runs `work` behind the breaker. Rejects with `ERR_BREAKER_OPEN` without running it. */
  run<T>(work: () => T | PromiseLike<T>): Promise<T>
}

const KNOWN = [
  'consecutiveFailures',
  'failureRate',
  'slowCallAfter',
  'slowCallRate',
  'minimumCalls',
  'window',
  'openFor',
  'halfOpenCalls',
]

/** Checks and completes {@link BreakerOptions}. @throws OptionError `ERR_OPTION_INVALID` */
export function resolveBreaker(options: BreakerOptions, where = 'breaker'): BreakerPolicy {
  checkShape(where, options, KNOWN)
  return Object.freeze({
    consecutiveFailures: wholeNumber(options.consecutiveFailures ?? 5, `${where}.consecutiveFailures`, 1, true),
    failureRate: share(options.failureRate ?? 0.5, `${where}.failureRate`),
    slowCallAfterMs: positiveDuration(options.slowCallAfter ?? Infinity, `${where}.slowCallAfter`),
    slowCallRate: share(options.slowCallRate ?? 0.5, `${where}.slowCallRate`),
    minimumCalls: wholeNumber(options.minimumCalls ?? 10, `${where}.minimumCalls`, 1, true),
    windowMs: positiveDuration(options.window ?? '60s', `${where}.window`),
    openForMs: positiveDuration(options.openFor ?? '10s', `${where}.openFor`),
    halfOpenCalls: wholeNumber(options.halfOpenCalls ?? 1, `${where}.halfOpenCalls`, 1),
  })
}

/**
 * Returns a breaker: closed until the upstream fails too often, then open, then letting probes through.
 *
 * One per upstream, made once; never one per call or per run, which would forget everything.
 *
 * @example
 * import { createBreaker } from 'hopstash/resilience'
 * const breaker = createBreaker({ consecutiveFailures: 1 })
 * await breaker.run(() => { throw new Error('down') }).catch(() => {})
 * breaker.state() // => 'open'
 */
export function createBreaker(options: BreakerOptions = {}, clock?: Clock): Breaker {
  return breakerFrom(resolveBreaker(options), 'breaker', resolveClock(clock))
}

/** {@link createBreaker} from a complete policy; `upstream` is named in its errors. */
export function breakerFrom(policy: BreakerPolicy, upstream: string, clock: Clock): Breaker {
  const calls = createRollingCount(policy.windowMs)
  const failures = createRollingCount(policy.windowMs)
  const slow = createRollingCount(policy.windowMs)
  let state: BreakerState = 'closed'
  // Counts changes of state, so that the result of an older call says nothing about a newer state.
  let generation = 1
  let inARow = 0
  let waitUntil = 0
  let probesLeft = 0
  let probesDone = 0

  const change = (next: BreakerState): void => {
    state = next
    generation++
    inARow = 0
    calls.clear()
    failures.clear()
    slow.clear()
  }
  const open = (now: number): void => {
    change('open')
    waitUntil = now + policy.openForMs
  }
  const startProbing = (now: number): void => {
    change('half_open')
    probesLeft = policy.halfOpenCalls
    probesDone = 0
    // A probe that never settles must not close the way for ever.
    waitUntil = now + policy.openForMs
  }
  const countClosed = (failed: boolean, wasSlow: boolean, now: number): void => {
    calls.add(now)
    if (wasSlow) slow.add(now)
    inARow = failed ? inARow + 1 : 0
    if (failed) failures.add(now)
    else if (!wasSlow) return
    const total = calls.total(now)
    const tooMany = (count: RollingCount, rate: number): boolean => {
      const counted = count.total(now)
      return counted > 0 && total >= policy.minimumCalls && counted >= total * rate
    }
    const opens = inARow >= policy.consecutiveFailures || tooMany(failures, policy.failureRate)
    if (opens || tooMany(slow, policy.slowCallRate)) open(now)
  }

  const breaker: Breaker = {
    tryPass(now) {
      if (state === 'closed') return generation
      if (now >= waitUntil) startProbing(now)
      if (state === 'open' || probesLeft === 0) return 0
      probesLeft--
      return generation
    },
    honours: (pass) => pass === generation,
    settle(pass, verdict, now, tookMs = 0) {
      if (pass !== generation || state === 'open') return
      const wasSlow = tookMs > policy.slowCallAfterMs
      if (verdict === 'neutral') {
        if (state === 'half_open') probesLeft++
      } else if (state === 'closed') countClosed(verdict === 'failure', wasSlow, now)
      else if (verdict === 'failure' || wasSlow) open(now)
      else if (++probesDone >= policy.halfOpenCalls) change('closed')
    },
    retryInMs: (now) => (state === 'closed' ? 0 : Math.max(0, waitUntil - now)),
    state: (now = clock.now()) => (state === 'open' && now >= waitUntil ? 'half_open' : state),
    async run(work) {
      if (typeof work !== 'function') throw optionInvalid('work', 'a function', work)
      const startedAt = clock.now()
      const pass = breaker.tryPass(startedAt)
      if (pass === 0) throw breakerOpen(upstream, breaker.retryInMs(startedAt))
      const settle = (verdict: CallVerdict): void => {
        const now = clock.now()
        breaker.settle(pass, verdict, now, now - startedAt)
      }
      try {
        const value = await work()
        settle('success')
        return value
      } catch (error) {
        settle('failure')
        throw error
      }
    },
  }
  return breaker
}

/** The breaker of a hop that has none: everything passes. */
export const noBreaker: Breaker = Object.freeze({
  tryPass: () => 1,
  honours: () => true,
  settle: () => {},
  retryInMs: () => 0,
  state: () => 'closed' as const,
  run: async <T>(work: () => T | PromiseLike<T>) => work(),
})
