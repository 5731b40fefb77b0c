import type { Priority, QueuePlace } from '../resilience/limiter.js'
import { continueAttempts } from '../resilience/retry.js'
import { tellOutcome } from '../runtime/tell-outcome.js'
import { isThenable } from '../runtime/thenable.js'
import { Attempt, AttemptContext, type AttemptOwner, type AttemptRecord, type AttemptScope } from './attempt.js'
import type { CallSpec } from './call-spec.js'
import { applyContract } from './contract.js'
import type { AuthContext } from './define-hop.js'
import type { Engine } from './engine.js'
import {
  breakerFailure,
  budgetFailure,
  contractFailure,
  type Failure,
  queueFailure,
  thrownFailure,
  timeoutFailure,
} from './failure.js'
import { Pause } from './pause.js'
import { isRepeatable, retryWaitMs } from './retry-decision.js'
import type { Upstream } from './upstream.js'
import { meterAnswer } from './usage.js'

/** Who waits for a call. Is told once, unless it cancels. `raw` is the answer before the output contract. */
export interface CallWaiter extends AttemptScope {
  /** Where it stands among those who wait for a permit; `undefined` = normal. */
  readonly priority: Priority | undefined
  callSucceeded(call: GuardedCall, value: unknown, raw: unknown, now: number): void
  callFailed(call: GuardedCall, failure: Failure, now: number): void
  /** There will be another attempt, after `waitMs`. */
  callRetries(attempt: number, failure: Failure, waitMs: number): void
}

/**
 * A call with its policies: deadline( retry( breaker( permit( timeout( auth, call, output contract ))))).
 *
 * The first attempt runs without a promise of its own, without an abort controller and without a timer of its own, and
 * leaves no record; everything else happens only after something went wrong.
 */
export class GuardedCall implements AttemptOwner {
  /** Attempts so far, kept from the first that did not succeed at once. */
  records: AttemptRecord[] | undefined
  /** When the first attempt had its permit. */
  begunAt = Number.NaN
  readonly #engine: Engine
  readonly #spec: CallSpec
  readonly #upstream: Upstream
  readonly #waiter: CallWaiter
  readonly #input: unknown
  readonly #client: unknown
  #over = false
  #number = 0
  #pass = 0
  #attempt: Attempt | undefined
  #place: QueuePlace | undefined
  #askedAt = 0
  #queueMs = 0
  #waitMs = 0
  #pause: Pause | undefined
  #rejectFurther: ((failure: Failure) => void) | undefined
  #lastFailure: Failure | undefined
  #overBudget: Failure | undefined
  /** What the last attempt that was sent came to. */
  #sent: Failure | undefined

  constructor(engine: Engine, spec: CallSpec, upstream: Upstream, waiter: CallWaiter, input: unknown, client: unknown) {
    this.#engine = engine
    this.#spec = spec
    this.#upstream = upstream
    this.#waiter = waiter
    this.#input = input
    this.#client = client
  }

  get queued(): boolean {
    return this.#place !== undefined
  }

  /** How long its attempts have waited for permits by `now`. */
  queueMsAt(now: number): number {
    return this.#place === undefined ? this.#queueMs : this.#queueMs + now - this.#askedAt
  }

  /** Makes attempt `number` as soon as breaker and limiter let it through. */
  request(number: number, now: number): void {
    this.#number = number
    this.#pass = this.#upstream.breaker.tryPass(now)
    if (this.#pass === 0) this.#refuse(now)
    else if (this.#upstream.limiter.tryAcquire()) this.#begin(now)
    else this.#queue(now)
  }

  #queue(now: number): void {
    this.#askedAt = now
    const { resume, priority } = this.#waiter
    this.#place = this.#upstream.limiter.enqueue(() => resume(() => this.#granted()), priority)
    if (this.#place !== undefined) return
    this.#upstream.breaker.settle(this.#pass, 'neutral', now)
    this.#attemptFailed(queueFailure(this.#upstream.name, this.#spec.policies.limiter), now, now)
  }

  /** Stops at once, whatever runs or waits; nobody is told. */
  cancel(outcome: 'timeout' | 'aborted', reason: unknown): void {
    if (this.#over) return
    this.#over = true
    const now = this.#engine.clock.now()
    this.#queueMs = this.queueMsAt(now)
    if (this.#place?.cancel()) this.#upstream.breaker.settle(this.#pass, 'neutral', now)
    this.#place = undefined
    const attempt = this.#attempt
    if (attempt !== undefined && !attempt.over) {
      this.#record({ outcome, code: null, status: null }, attempt.startedAt, now)
      this.#finishAttempt(attempt, 'neutral', now)
      attempt.abort(reason)
    }
    this.#pause?.cancel()
    this.#rejectFurther?.(CANCELLED)
  }

  timedOut(attempt: Attempt): void {
    this.#waiter.resume(() => this.#failed(attempt, timeoutFailure(this.#spec.hop, this.#spec.policies.timeoutMs)))
  }

  #granted(): void {
    const now = this.#engine.clock.now()
    this.#queueMs = this.queueMsAt(now)
    this.#place = undefined
    // The breaker may have changed its state while the call waited for its permit.
    if (!this.#upstream.breaker.honours(this.#pass)) this.#pass = this.#upstream.breaker.tryPass(now)
    if (this.#pass !== 0) {
      this.#begin(now)
      return
    }
    this.#upstream.limiter.release()
    this.#refuse(now)
  }

  #refuse(now: number): void {
    this.#attemptFailed(breakerFailure(this.#upstream.name, this.#upstream.breaker.retryInMs(now)), now, now)
  }

  #begin(now: number): void {
    const attempt = new Attempt(this.#number, now, this)
    this.#attempt = attempt
    if (this.#number === 1) {
      this.begunAt = now
      this.#upstream.budget.noteCall(now)
    }
    attempt.dueAt = now + this.#spec.policies.timeoutMs
    if (attempt.dueAt !== Infinity) this.#engine.timers.add(attempt, now)
    if (this.#spec.auth === undefined) this.#invoke(attempt, undefined)
    else this.#authorise(attempt, this.#spec.auth)
  }

  #authorise(attempt: Attempt, auth: (context: AuthContext) => unknown): void {
    const context = { attempt: attempt.number, refresh: this.#lastFailure?.status === 401 }
    tellOutcome(
      () => auth(context),
      (credentials) => this.#invoke(attempt, credentials),
      (error) => this.#threw(attempt, error, 'auth'),
    )
  }

  #invoke(attempt: Attempt, auth: unknown): void {
    if (attempt.over) return
    let returned: unknown
    let later: boolean
    try {
      const { call, idempotent } = this.#spec
      returned = call(new AttemptContext(attempt, this.#waiter, this.#input, this.#client, idempotent, auth))
      later = isThenable(returned)
    } catch (error) {
      this.#threw(attempt, error)
      return
    }
    if (!later) this.#answered(attempt, returned)
    else
      Promise.resolve(returned).then(
        (value) => this.#answered(attempt, value),
        (error) => this.#threw(attempt, error),
      )
  }

  #threw(attempt: Attempt, error: unknown, reason?: 'auth'): void {
    if (!attempt.over) this.#failed(attempt, thrownFailure(error, this.#engine.clock.wall(), reason))
  }

  #answered(attempt: Attempt, raw: unknown): void {
    const { output, hop } = this.#spec
    if (attempt.over) return
    if (output === undefined) {
      this.#succeeded(attempt, raw, raw)
      return
    }
    const accept = (value: unknown): void => this.#succeeded(attempt, value, raw)
    const refuse = (error: unknown): void => this.#failed(attempt, contractFailure(error, 'output'))
    applyContract(output, raw, { hop, side: 'output' }, accept, refuse)
  }

  #succeeded(attempt: Attempt, value: unknown, raw: unknown): void {
    if (attempt.over) return
    const now = this.#engine.clock.now()
    this.#over = true
    if (attempt.number > 1) this.#record({ outcome: 'ok', code: null, status: null }, attempt.startedAt, now)
    this.#finishAttempt(attempt, 'success', now)
    this.#rejectFurther?.(CANCELLED)
    if (this.#spec.usage !== undefined) meterAnswer(this.#spec.usage, value, this.#waiter)
    this.#waiter.callSucceeded(this, value, raw, now)
  }

  // Whatever an abandoned attempt still says or throws ends here.
  #failed(attempt: Attempt, failure: Failure): void {
    if (attempt.over) return
    const now = this.#engine.clock.now()
    this.#finishAttempt(attempt, failure.verdict, now)
    attempt.abort(failure.error)
    this.#sent = failure
    this.#attemptFailed(failure, attempt.startedAt, now)
  }

  #finishAttempt(attempt: Attempt, verdict: Failure['verdict'], now: number): void {
    attempt.over = true
    this.#engine.timers.remove(attempt)
    this.#upstream.breaker.settle(this.#pass, verdict, now, now - attempt.startedAt)
    this.#upstream.limiter.release()
  }

  #attemptFailed(failure: Failure, startedAt: number, now: number): void {
    this.#record(failure, startedAt, now)
    const reject = this.#rejectFurther
    if (reject !== undefined) {
      this.#rejectFurther = undefined
      reject(failure)
      return
    }
    const firstWaitMs = this.#decide(failure, 1)
    if (firstWaitMs === undefined) this.#end(failure)
    else this.#tryFurther(firstWaitMs)
  }

  #tryFurther(firstWaitMs: number): void {
    const { attempts } = this.#spec.policies.retry
    continueAttempts<never>({
      attempts,
      firstWaitMs,
      decide: (failure, number) => this.#decide(failure as Failure, number),
      wait: (ms) => this.#wait(ms),
      attempt: (number) =>
        new Promise((_, reject) => {
          // A success is told to the waiter directly, and ends this with CANCELLED.
          this.#rejectFurther = reject
          if (this.#over) reject(CANCELLED)
          else this.request(number, this.#engine.clock.now())
        }),
    }).catch((failure) => this.#end(failure as Failure))
  }

  #wait(ms: number): Promise<void> {
    this.#waitMs = ms
    return new Promise((resolve, reject) => {
      if (this.#over) return reject(CANCELLED)
      this.#pause = new Pause(this.#engine, ms, resolve, () => reject(CANCELLED))
    })
  }

  /** Milliseconds until the next attempt, or `undefined`: there is none. */
  #decide(failure: Failure, number: number): number | undefined {
    const earlier = this.#lastFailure
    this.#lastFailure = failure
    if (this.#over || !isRepeatable(this.#spec, failure, earlier)) return undefined
    const waitMs = retryWaitMs(this.#spec.policies.retry, failure, number, this.#engine.clock.random())
    const now = this.#engine.clock.now()
    if (waitMs === undefined || now + waitMs >= this.#waiter.deadlineAt) return undefined
    if (!this.#upstream.budget.tryRetry(now)) {
      this.#overBudget = budgetFailure(this.#upstream.name, failure)
      return undefined
    }
    this.#waiter.callRetries(number + 1, failure, waitMs)
    return waitMs
  }

  #end(failure: Failure): void {
    if (this.#over) return
    this.#over = true
    // An attempt that was not let through hides no answer of the upstream's: its failure is why there is none.
    const told = failure.outcome === 'refused' ? (this.#sent ?? failure) : failure
    this.#waiter.callFailed(this, this.#overBudget ?? told, this.#engine.clock.now())
  }

  #record(what: Pick<AttemptRecord, 'outcome' | 'code' | 'status'>, startedAt: number, endedAt: number): void {
    const { outcome, code, status } = what
    const waitMs = this.#waitMs
    const { provider } = this.#spec
    this.records ??= []
    this.records.push({ number: this.#number, provider, startedAt, endedAt, outcome, code, status, waitMs })
    this.#waitMs = 0
  }
}

const CANCELLED = Object.freeze({}) as Failure
