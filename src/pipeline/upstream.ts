import { optionInvalid } from '../errors/option-error.js'
import { type Breaker, type BreakerState, breakerFrom, noBreaker } from '../resilience/breaker.js'
import { noRetryBudget, type RetryBudget, retryBudgetFrom } from '../resilience/budget.js'
import { type Limiter, limiterFrom, noLimiter } from '../resilience/limiter.js'
import { checkShape, resolveClock } from '../resilience/option-shape.js'
import type { Clock } from '../runtime/clock.js'
import { type HopPolicies, type ResolvedPolicies, resilient, resolvePolicies } from './policies.js'

/** What all calls to one upstream share, whichever hop or run they come from. */
export interface Upstream {
  readonly name: string
  readonly breaker: Breaker
  readonly limiter: Limiter
  readonly budget: RetryBudget
}

/** Policies of an upstream; what is left out is that of `resilient`, `false` switches one off. */
export interface UpstreamOptions extends Pick<HopPolicies, 'breaker' | 'concurrency' | 'retryBudget'> {
  readonly clock?: Clock | undefined
}

/** How an upstream is doing. */
export interface UpstreamState {
  readonly breaker: BreakerState
  /** Calls under way. */
  readonly active: number
  /** Calls that wait for a permit. */
  readonly queued: number
}

const SHARED = Symbol('hopstash.upstream')

// Process-wide, because the mistake is: two modules that each define the upstream both call cannot see each other.
const defined = new Set<string>()
const warned = new Set<string>()
// Names may be made at run time, a tenant's for instance; beyond these a second one goes unnoticed.
const MAX_NAMES = 1000

/** Breaker, limit and retry budget of one upstream, for hops of any pipeline. */
export interface SharedUpstream {
  readonly name: string
  state(): UpstreamState
  /** Not for users. */
  readonly [SHARED]: SharedParts
}

interface SharedParts {
  readonly upstream: Upstream
  readonly policies: Pick<ResolvedPolicies, 'breaker' | 'limiter' | 'budget'>
}

/** Options of {@link defineUpstream}, and those of a hop that it takes the place of. */
export const UPSTREAM_POLICIES = ['breaker', 'concurrency', 'retryBudget'] as const

/**
 * Makes an upstream that hops of several pipelines call: one breaker, one limit, one retry budget. Without it those of a
 * pipeline are its own, and one pipeline's failures tell the other nothing.
 *
 * Define it once and hand the object on: a second one of the same name knows nothing of the first, and is warned about
 * once (`HOPSTASH_UPSTREAM_TWICE`), unless it has a `clock`, as those of tests have.
 *
 * @throws OptionError `ERR_OPTION_INVALID`
 * @example
 * import { defineHop, defineUpstream } from 'hopstash/pipeline'
 * const openai = defineUpstream('openai', { concurrency: 8 })
 * const summary = defineHop({ name: 'summary', upstream: openai, call: async () => 'short' })
 * openai.state().breaker // => 'closed'
 */
export function defineUpstream(name: string, options: UpstreamOptions = {}): SharedUpstream {
  if (typeof name !== 'string' || !/^[A-Za-z][A-Za-z0-9_.-]{0,63}$/.test(name)) {
    throw optionInvalid('upstream name', 'a name of letters, digits, `_`, `-` or `.`', name)
  }
  checkShape('defineUpstream', options, [...UPSTREAM_POLICIES, 'clock'])
  const { clock: given, ...own } = options
  const clock = resolveClock(given)
  const policies = resolvePolicies(`upstream '${name}'`, own, resilient)
  if (given === undefined) noteName(name)
  const upstream = onOwnClock(createUpstream(name, policies, clock), clock)
  return Object.freeze({ name, state: () => stateOf(upstream, clock.now()), [SHARED]: { upstream, policies } })
}

/** What is shared of an upstream, or `undefined` for its mere name. */
export function sharedPartsOf(upstream: string | SharedUpstream): SharedParts | undefined {
  return typeof upstream === 'string' ? undefined : upstream[SHARED]
}

/** Checks what a hop calls its upstream. @throws OptionError */
export function checkUpstream(option: string, upstream: unknown): void {
  if (upstream === undefined || (typeof upstream === 'string' && upstream !== '')) return
  if (typeof upstream === 'object' && upstream !== null && SHARED in upstream) return
  throw optionInvalid(option, 'a name, or what `defineUpstream` made', upstream)
}

/** Returns the shared state of an upstream, with null objects for the policies it does not have. */
export function createUpstream(name: string, policies: SharedParts['policies'], clock: Clock): Upstream {
  return {
    name,
    breaker: policies.breaker === undefined ? noBreaker : breakerFrom(policies.breaker, name, clock),
    limiter: policies.limiter === undefined ? noLimiter : limiterFrom(policies.limiter, name),
    budget: policies.budget === undefined ? noRetryBudget : retryBudgetFrom(policies.budget, clock),
  }
}

/** How `upstream` is doing at `now` of the clock it was made with. */
export function stateOf({ breaker, limiter }: Upstream, now: number): UpstreamState {
  return { breaker: breaker.state(now), active: limiter.active, queued: limiter.queued }
}

function noteName(name: string): void {
  if (!defined.has(name)) {
    if (defined.size < MAX_NAMES) defined.add(name)
    return
  }
  if (warned.has(name) || typeof process === 'undefined' || typeof process.emitWarning !== 'function') return
  warned.add(name)
  const message = `Upstream '${name}' is defined twice in this process: each has a breaker, a limit and a retry budget of its own. Export one \`defineUpstream\` and give it to all hops, or name them apart. This is said once.`
  process.emitWarning(message, { type: 'HopstashWarning', code: 'HOPSTASH_UPSTREAM_TWICE' })
}

// Pipelines have a clock each, which all start at another instant: what they share goes by one.
function onOwnClock({ name, breaker, limiter, budget }: Upstream, clock: Clock): Upstream {
  return {
    name,
    breaker: {
      ...breaker,
      tryPass: () => breaker.tryPass(clock.now()),
      settle: (pass, verdict, _now, tookMs) => breaker.settle(pass, verdict, clock.now(), tookMs),
      retryInMs: () => breaker.retryInMs(clock.now()),
      state: () => breaker.state(clock.now()),
    },
    limiter,
    budget: {
      noteCall: () => budget.noteCall(clock.now()),
      tryRetry: () => budget.tryRetry(clock.now()),
    },
  }
}
