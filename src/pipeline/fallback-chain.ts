import { copyPlain } from '../resilience/copy-plain.js'
import { LazyAbort } from '../resilience/lazy-abort.js'
import type { Priority } from '../resilience/limiter.js'
import { NO_SLOT, type Timed } from '../resilience/timer-queue.js'
import { tellOutcome } from '../runtime/tell-outcome.js'
import type { AttemptRecord, AttemptScope } from './attempt.js'
import { checkAgain, staleAnswer } from './cache-read.js'
import type { Engine } from './engine.js'
import type { Failure } from './failure.js'
import type { FallbackContext, FallbackStep } from './fallback.js'
import { type CallWaiter, GuardedCall } from './guarded-call.js'
import type { HopLog, UsageMeter } from './hop-context.js'
import type { PlannedHop } from './planned-hop.js'
import type { HopCacheStatus, HopReason, HopSource } from './words.js'

/** The hop that has no fresh answer. */
export interface FailedHop extends AttemptScope {
  readonly plan: PlannedHop
  readonly engine: Engine
  readonly input: unknown
  readonly failure: Failure | undefined
  readonly done: boolean
  readonly priority: Priority | undefined
  /** The run's end: nothing is waited for from then on. */
  readonly hardAt: number
  cacheStatus: HopCacheStatus
  cacheAgeMs: number | null
  degraded(value: unknown, source: HopSource, now: number): void
  exhausted(now: number): void
}

/**
 * The fallbacks of one hop, tried in their order once there is no fresh answer.
 *
 * Every step is bounded by the hop's attempt timeout, and all of them by the run's deadline, at which the first value
 * that needs no waiting is taken.
 */
export class FallbackChain implements CallWaiter, Timed {
  dueAt = Infinity
  slot = NO_SLOT
  call: GuardedCall | undefined
  /** Attempts of other providers that failed. */
  records: readonly AttemptRecord[] | undefined
  #queueMs = 0
  readonly #hop: FailedHop
  readonly #steps: readonly FallbackStep[]
  #step = -1
  #abort: LazyAbort | undefined

  constructor(hop: FailedHop) {
    this.#hop = hop
    // A missing recording is no outage: what stands in would cost money, or hide that the recording is missing.
    this.#steps = hop.failure?.code === 'ERR_REPLAY_MISS' ? [] : hop.plan.definition.fallback
  }

  get usage(): UsageMeter {
    return this.#hop.usage
  }

  get log(): HopLog {
    return this.#hop.log
  }

  get idempotencyKey(): string {
    return this.#hop.idempotencyKey
  }

  get deadlineAt(): number {
    return this.#hop.deadlineAt
  }

  get priority(): Priority | undefined {
    return this.#hop.priority
  }

  now(): number {
    return this.#hop.now()
  }

  /** How long other providers' permits were waited for by `now`. */
  queueMsAt(now: number): number {
    return this.#queueMs + (this.call?.queueMsAt(now) ?? 0)
  }

  start(now: number): void {
    this.#next(now)
  }

  /** Takes the first of the remaining steps that is a value, or fails. */
  force(now: number): void {
    this.cancel(this.#hop.failure?.error)
    for (const step of this.#steps.slice(this.#step + 1)) {
      if (step.kind === 'value') {
        this.#hop.degraded(copyPlain(step.value), 'default', now)
        return
      }
    }
    this.#hop.exhausted(now)
  }

  cancel(cause: unknown): void {
    this.#leaveStep(cause)
  }

  onDue(now: number): void {
    this.resume(() => this.#next(now))
  }

  get resume(): FailedHop['resume'] {
    return this.#hop.resume
  }

  callSucceeded(_call: GuardedCall, value: unknown, _raw: unknown, now: number): void {
    const step = this.#steps[this.#step]
    if (step?.kind === 'provider') this.#hop.degraded(value, `provider:${step.name}`, now)
  }

  callFailed(call: GuardedCall, _failure: Failure, now: number): void {
    this.records = [...(this.records ?? []), ...(call.records ?? [])]
    this.#queueMs += call.queueMsAt(now)
    this.call = undefined
    this.#next(now)
  }

  /** Another provider is asked once. */
  callRetries(): void {}

  #next(now: number): void {
    this.#leaveStep(this.#hop.failure?.error)
    const step = this.#steps[++this.#step]
    if (step === undefined) this.#hop.exhausted(now)
    else if (step.kind === 'value') this.#hop.degraded(copyPlain(step.value), 'default', now)
    else if (step.kind === 'function') this.#run(step.run as (context: FallbackContext<unknown>) => unknown, now)
    else if (step.kind === 'stale') this.#readStale(step.maxAgeMs, now)
    else this.#ask(now)
  }

  #leaveStep(cause: unknown): void {
    this.#hop.engine.timers.remove(this)
    this.#abort?.abort(cause)
    this.#abort = undefined
    this.call?.cancel('aborted', cause)
  }

  #bound(now: number): void {
    this.dueAt = now + this.#hop.plan.policies.timeoutMs
    if (this.dueAt !== Infinity) this.#hop.engine.timers.add(this, now)
  }

  #run(run: (context: FallbackContext<unknown>) => unknown, now: number): void {
    const step = this.#step
    const abort = new LazyAbort()
    this.#abort = abort
    this.#bound(now)
    tellOutcome(
      () => run(new ChainContext(this.#hop, abort, this.dueAt)),
      (value) => this.#take(step, value, 'function'),
      () => this.#skip(step),
    )
  }

  #readStale(maxAgeMs: number, now: number): void {
    const step = this.#step
    this.#bound(now)
    staleAnswer(this.#hop, maxAgeMs).then(
      (answer) => {
        if (step !== this.#step || this.#hop.done) return
        if (answer === undefined) return this.#skip(step)
        const accept = (value: unknown): void => {
          if (step !== this.#step || this.#hop.done) return
          this.#hop.cacheStatus = 'stale'
          this.#hop.cacheAgeMs = answer.ageMs
          this.#take(step, value, 'stale')
        }
        checkAgain(this.#hop.plan, answer.raw, accept, () => this.#skip(step))
      },
      () => this.#skip(step),
    )
  }

  #take(step: number, value: unknown, source: 'function' | 'stale'): void {
    if (step !== this.#step || this.#hop.done) return
    this.#hop.engine.timers.remove(this)
    this.#hop.degraded(value, source, this.now())
  }

  #skip(step: number): void {
    if (step === this.#step && !this.#hop.done) this.#next(this.now())
  }

  #ask(now: number): void {
    const provider = this.#hop.plan.providers[this.#step]
    // No upstream is called in the time that is reserved for fallbacks and assembly.
    if (provider === undefined || now >= this.deadlineAt) {
      this.#next(now)
      return
    }
    const { engine, input } = this.#hop
    this.call = new GuardedCall(engine, provider.spec, provider.upstream, this, input, undefined)
    this.call.request(1, now)
  }
}

class ChainContext implements FallbackContext<unknown> {
  readonly input: unknown
  readonly reason: HopReason
  readonly error: unknown
  readonly #hop: FailedHop
  readonly #abort: LazyAbort
  readonly #dueAt: number

  constructor(hop: FailedHop, abort: LazyAbort, dueAt: number) {
    this.input = hop.input
    this.reason = hop.failure?.reason ?? 'error'
    this.error = hop.failure?.error
    this.#hop = hop
    this.#abort = abort
    this.#dueAt = dueAt
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  get remainingMs(): number {
    return Math.max(0, Math.min(this.#hop.hardAt, this.#dueAt) - this.#hop.now())
  }

  get usage(): UsageMeter {
    return this.#hop.usage
  }

  get log(): HopLog {
    return this.#hop.log
  }
}
