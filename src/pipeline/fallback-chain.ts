import { NO_SLOT, type Timed } from '../resilience/timer-queue.js'
import { contractError } from './contract.js'
import { copyPlain, type FallbackContext, type FallbackStep } from './fallback.js'
import type { Failure } from './failure.js'
import { staleAnswer } from './cache-read.js'
import { type CallWaiter, GuardedCall } from './guarded-call.js'
import type { HopLog, UsageMeter } from './hop-context.js'
import type { HopRun } from './hop-run.js'
import { LazyAbort } from './lazy-abort.js'
import { isThenable } from './thenable.js'
import type { HopReason } from './words.js'

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
  readonly #hop: HopRun
  readonly #steps: readonly FallbackStep[]
  #step = -1
  #abort: LazyAbort | undefined

  constructor(hop: HopRun) {
    this.#hop = hop
    this.#steps = hop.plan.definition.fallback
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

  now(): number {
    return this.#hop.now()
  }

  start(now: number): void {
    this.#next(now)
  }

  /** Takes the first of the remaining steps that is a value, or fails. */
  force(now: number): void {
    this.cancel(this.#hop.failure?.error)
    for (const step of this.#steps.slice(this.#step + 1)) {
      if (step.kind === 'value') return this.#hop.degraded(copyPlain(step.value), 'default', now)
    }
    this.#hop.exhausted(now)
  }

  cancel(cause: unknown): void {
    this.#leaveStep(cause)
    this.#step = Math.max(this.#step, 0)
  }

  onDue(now: number): void {
    this.#next(now)
  }

  callSucceeded(_call: GuardedCall, value: unknown, _raw: unknown, now: number): void {
    const step = this.#steps[this.#step]
    if (step?.kind === 'provider') this.#hop.degraded(value, `provider:${step.name}`, now)
  }

  callFailed(_call: GuardedCall, _failure: Failure, now: number): void {
    this.#next(now)
  }

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
    if (this.dueAt !== Infinity) this.#hop.engine.timers.add(this)
  }

  #run(run: (context: FallbackContext<unknown>) => unknown, now: number): void {
    const step = this.#step
    this.#abort = new LazyAbort()
    this.#bound(now)
    const settle = (value: unknown): void => {
      if (step === this.#step && !this.#hop.done) this.#settled(value, 'function')
    }
    const refuse = (): void => this.#skip(step)
    try {
      const value = run(new ChainContext(this.#hop, this.#abort, this.dueAt))
      if (isThenable(value)) Promise.resolve(value).then(settle, refuse)
      else settle(value)
    } catch {
      refuse()
    }
  }

  #readStale(maxAgeMs: number, now: number): void {
    const step = this.#step
    this.#bound(now)
    staleAnswer(this.#hop, maxAgeMs).then(
      (answer) => {
        if (step !== this.#step || this.#hop.done) return
        if (answer === undefined) return this.#skip(step)
        this.#hop.cacheStatus = 'stale'
        this.#hop.cacheAgeMs = answer.ageMs
        this.#checked(answer.value)
      },
      () => this.#skip(step),
    )
  }

  // What comes from a store passes the output contract again: the schema may be younger than the value.
  #checked(raw: unknown): void {
    const step = this.#step
    const schema = this.#hop.plan.definition.output
    if (schema === undefined) return this.#settled(raw, 'stale')
    Promise.resolve()
      .then(() => schema['~standard'].validate(raw))
      .then((result) => {
        if (result.issues !== undefined) throw contractError(this.#hop.name, 'output', result.issues)
        if (step === this.#step && !this.#hop.done) this.#settled(result.value, 'stale')
      })
      .catch(() => this.#skip(step))
  }

  #settled(value: unknown, source: 'function' | 'stale'): void {
    this.#leaveStep(undefined)
    this.#hop.degraded(value, source, this.now())
  }

  #skip(step: number): void {
    if (step === this.#step && !this.#hop.done) this.#next(this.now())
  }

  #ask(now: number): void {
    const provider = this.#hop.plan.providers[this.#step]
    // No upstream is called in the time that is reserved for fallbacks and assembly.
    if (provider === undefined || now >= this.deadlineAt) return this.#next(now)
    const { engine, input } = this.#hop
    this.call = new GuardedCall(engine, provider.spec, provider.upstream, this, input, undefined)
    this.call.request(1, now)
  }
}

class ChainContext implements FallbackContext<unknown> {
  readonly input: unknown
  readonly reason: HopReason
  readonly error: unknown
  readonly #hop: HopRun
  readonly #abort: LazyAbort
  readonly #dueAt: number

  constructor(hop: HopRun, abort: LazyAbort, dueAt: number) {
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
    return Math.max(0, Math.min(this.#hop.host.hardAt, this.#dueAt) - this.#hop.now())
  }

  get usage(): UsageMeter {
    return this.#hop.usage
  }

  get log(): HopLog {
    return this.#hop.log
  }
}
