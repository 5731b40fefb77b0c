import { optionInvalid } from '../errors/option-error.js'
import type { Priority } from '../resilience/limiter.js'
import type { StandardSchema } from '../runtime/standard-schema.js'
import { isThenable } from '../runtime/thenable.js'
import { type CachedAnswer, CacheRead, type CachingHop } from './cache-read.js'
import { applyContract } from './contract.js'
import type { Engine } from './engine.js'
import { contractFailure, deadlineFailure, type Failure, wiringFailure } from './failure.js'
import { type FailedHop, FallbackChain } from './fallback-chain.js'
import { type CallWaiter, GuardedCall } from './guarded-call.js'
import type { HopLog, UsageMeter } from './hop-context.js'
import type { PlannedHop, Values } from './planned-hop.js'
import { LazySight } from './sight.js'
import type { Upstream } from './upstream.js'
import { UsageSum } from './usage.js'
import type { HopCacheStatus, HopPhase, HopReason, HopSource, HopStatus } from './words.js'

/** What a hop needs of its run. */
export interface HopHost {
  readonly pipeline: string
  readonly engine: Engine
  readonly input: unknown
  readonly hops: readonly HopRun[]
  /** From this instant on no upstream is called: what is left is for fallbacks and assembly. */
  readonly softAt: number
  /** From this instant on nothing is waited for. */
  readonly hardAt: number
  readonly deadlineMs: number
  readonly priority: Priority | undefined
  /** A client given for this run only, and an upstream of its own so that a fake opens nobody's breaker. */
  override(hop: PlannedHop): { readonly client: unknown; readonly upstream: Upstream } | undefined
  idempotencyKey(hop: PlannedHop): string
  log(hop: PlannedHop): HopLog
  hopStarted(hop: HopRun): void
  hopRetries(hop: HopRun, attempt: number, failure: Failure, waitMs: number): void
  hopDone(hop: HopRun, now: number): void
  readonly resume: (goOn: () => void) => void
}

/** One hop of one run. Reaches exactly one terminal status, whatever happens. */
export class HopRun implements CallWaiter, CachingHop, FailedHop {
  readonly plan: PlannedHop
  readonly host: HopHost
  /** Needs that have not settled yet. */
  waitingFor: number
  status: HopStatus = 'ok'
  source: HopSource | null = null
  reason: HopReason | null = null
  value: unknown = undefined
  failure: Failure | undefined
  /** Whether the value was made from a degraded or missing one, through any number of hops. Nothing tainted is stored. */
  tainted = false
  startedAt = Number.NaN
  endedAt = Number.NaN
  cacheStatus: HopCacheStatus = 'off'
  cacheAgeMs: number | null = null
  call: GuardedCall | undefined
  chain: FallbackChain | undefined
  done = false
  /** Attempts of the call when the hop was over: a shared call may go on for others. */
  attemptsSeen = 0
  /** How long it waited for permits, until it was over. */
  queueMs = 0
  input: unknown
  #read: CacheRead | undefined
  #usage: UsageSum | undefined

  constructor(plan: PlannedHop, host: HopHost) {
    this.plan = plan
    this.host = host
    this.waitingFor = plan.needs.length
  }

  get name(): string {
    return this.plan.name
  }

  get engine(): Engine {
    return this.host.engine
  }

  get deadlineAt(): number {
    return this.host.softAt
  }

  get hardAt(): number {
    return this.host.hardAt
  }

  get priority(): Priority | undefined {
    return this.host.priority
  }

  get resume(): HopHost['resume'] {
    return this.host.resume
  }

  get phase(): HopPhase {
    if (this.done) return this.status
    if (Number.isNaN(this.startedAt)) return 'pending'
    return this.call?.queued ? 'queued' : 'running'
  }

  get usage(): UsageMeter {
    this.#usage ??= new UsageSum()
    return this.#usage
  }

  get usageTotals(): UsageSum['totals'] {
    return this.#usage?.totals ?? null
  }

  get log(): HopLog {
    return this.host.log(this.plan)
  }

  get idempotencyKey(): string {
    return this.host.idempotencyKey(this.plan)
  }

  /** Whether dependents can run: with the value, or with `undefined` where the wiring allows that. */
  get usable(): boolean {
    if (this.status === 'failed') return this.plan.optional
    return this.status !== 'cancelled' && this.reason !== 'upstream_failed'
  }

  now(): number {
    return this.host.engine.clock.now()
  }

  /** Begins once every need has settled. */
  start(now: number): void {
    this.startedAt = now
    const { plan } = this
    for (const index of plan.needs) {
      const need = this.host.hops[index] as HopRun
      if (!need.usable) {
        this.#finish('skipped', null, 'upstream_failed', now)
        return
      }
      if (need.tainted || need.status === 'degraded' || need.status === 'failed') this.tainted = true
    }
    if (!plan.enabled) {
      this.#finish('skipped', null, 'disabled', now)
      return
    }
    try {
      if (plan.when === undefined && plan.input === undefined) this.input = this.host.input
      else if (!this.#wire()) {
        this.#finish('skipped', null, 'condition_false', now)
        return
      }
    } catch (error) {
      this.host.hopStarted(this)
      this.fail(wiringFailure(error), now)
      return
    }
    this.host.hopStarted(this)
    if (plan.definition.input === undefined) this.#proceed(now)
    else this.#checkInput(plan.definition.input)
  }

  callSucceeded(_call: GuardedCall, value: unknown, _raw: unknown, now: number): void {
    this.value = value
    this.#finish('ok', 'live', null, now)
  }

  callFailed(_call: GuardedCall, failure: Failure, now: number): void {
    this.fail(failure, now)
  }

  callRetries(attempt: number, failure: Failure, waitMs: number): void {
    if (!this.done) this.host.hopRetries(this, attempt, failure, waitMs)
  }

  /** An answer of the cache, or of the call behind it. */
  answered(answer: CachedAnswer, now: number): void {
    if (this.done) return
    this.value = answer.value
    this.cacheStatus = answer.status
    this.cacheAgeMs = answer.ageMs
    if (answer.tainted) this.tainted = true
    this.#finish('ok', answer.source, null, now)
  }

  /** There will be no fresh answer: tries the fallbacks. */
  fail(failure: Failure, now: number): void {
    if (this.done || this.chain !== undefined) return
    this.failure = failure
    this.chain = new FallbackChain(this)
    this.chain.start(now)
  }

  /** Ends the chain: with a usable value, or without. */
  degraded(value: unknown, source: HopSource, now: number): void {
    if (this.done) return
    this.value = value
    this.#finish('degraded', source, this.failure?.reason ?? 'error', now)
  }

  exhausted(now: number): void {
    if (!this.done) this.#finish('failed', null, this.failure?.reason ?? 'error', now)
  }

  /** The run's budget for upstream calls is used up: falls back if it still waits for one. */
  cut(now: number): void {
    if (this.done || this.chain !== undefined || Number.isNaN(this.startedAt)) return
    const failure = deadlineFailure(this.host.pipeline, this.host.deadlineMs, this.name)
    this.#letGo('timeout', failure.error)
    this.fail(failure, now)
  }

  /** The run ends now: takes the value that is at hand, or fails. */
  force(now: number): void {
    this.cut(now)
    if (!this.done) this.chain?.force(now)
  }

  /** Ends without an answer and without fallbacks. */
  cancel(reason: HopReason, cause: unknown, now: number): void {
    if (this.done) return
    this.#letGo('aborted', cause)
    this.#finish('cancelled', null, reason, now)
  }

  #wire(): boolean {
    const { plan, host } = this
    const values: Record<string, unknown> = { input: host.input }
    for (const index of plan.needs) {
      const need = host.hops[index] as HopRun
      values[need.name] = need.value
    }
    const sight = new LazySight(host.hops, plan.needs)
    if (plan.when !== undefined && !atOnce(plan.name, 'when', plan.when(values as Values, sight))) return false
    this.input = plan.input === undefined ? host.input : atOnce(plan.name, 'input', plan.input(values as Values, sight))
    return true
  }

  #checkInput(schema: StandardSchema): void {
    const accept = (value: unknown): void => {
      if (this.done || this.chain !== undefined) return
      this.input = value
      this.#proceed(this.now())
    }
    const refuse = (error: unknown): void => this.fail(contractFailure(error, 'input'), this.now())
    applyContract(schema, this.input, { hop: this.name, side: 'input' }, accept, refuse)
  }

  #proceed(now: number): void {
    const { plan, host } = this
    if (now >= host.softAt) {
      this.cut(now)
      return
    }
    const override = host.override(plan)
    if (override !== undefined) {
      // A client of one run, a fake most often, must not fill the cache for the others, nor must what it answers.
      this.tainted = true
      this.call = new GuardedCall(host.engine, plan.spec, override.upstream, this, this.input, override.client)
    } else if (plan.cache !== undefined) {
      this.#read = new CacheRead(this, plan.cache)
      this.#read.start()
      return
    } else {
      this.call = new GuardedCall(host.engine, plan.spec, plan.upstream, this, this.input, plan.definition.client)
    }
    this.call.request(1, now)
  }

  #letGo(outcome: 'timeout' | 'aborted', cause: unknown): void {
    if (this.#read === undefined) this.call?.cancel(outcome, cause)
    else this.#read.leave(outcome, cause)
    this.chain?.cancel(cause)
  }

  #finish(status: HopStatus, source: HopSource | null, reason: HopReason | null, now: number): void {
    this.done = true
    this.status = status
    this.source = source
    this.reason = reason
    this.endedAt = now
    this.attemptsSeen = this.call?.records?.length ?? 0
    this.queueMs = (this.call?.queueMsAt(now) ?? 0) + (this.chain?.queueMsAt(now) ?? 0)
    this.#usage?.close()
    this.host.hopDone(this, now)
  }
}

/** A promise would be taken for a yes, or handed on as the input. @throws {OptionError} `ERR_OPTION_INVALID` */
function atOnce<T>(hop: string, part: 'when' | 'input', value: T): T {
  if (!isThenable(value)) return value
  value.then(undefined, () => {})
  throw optionInvalid(
    `${part} of hop '${hop}'`,
    'a function that is not asynchronous',
    value,
    'What has to be waited for is a hop of its own.',
  )
}
