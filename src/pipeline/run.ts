import type { PipelineError } from '../errors/pipeline-error.js'
import { assembleFailed, hopFailed, runCancelled, runDeadline } from '../errors/pipeline-error.js'
import { digestOf } from '../keys/digest.js'
import type { Priority } from '../resilience/limiter.js'
import { onceAborted } from '../runtime/abort.js'
import { thisContext } from '../runtime/async-context.js'
import { isThenable } from '../runtime/thenable.js'
import type { Engine } from './engine.js'
import type { Failure } from './failure.js'
import type { HopLog, Logger } from './hop-context.js'
import { hopLog } from './hop-log.js'
import { type HopHost, HopRun } from './hop-run.js'
import type { PlannedHop, Values } from './planned-hop.js'
import { createRunId } from './run-id.js'
import { RunTimer } from './run-timer.js'
import { LazySight, type Sight } from './sight.js'
import { createUpstream, type Upstream } from './upstream.js'
import type { HopCacheStatus, RunStatus } from './words.js'

/** A pipeline, worked out once; what every run of it shares. */
export interface PipelinePlan {
  readonly name: string
  readonly engine: Engine
  readonly hops: readonly PlannedHop[]
  readonly assemble: (values: Values, sight: Sight) => unknown
  /** What is kept of the deadline for fallbacks and assembly, as a function of it. */
  readonly reserveMs: (deadlineMs: number) => number
  readonly failFast: boolean
  readonly logger: Logger | undefined
}

/** What one run was started with. */
export interface RunRequest {
  readonly input: unknown
  /** `Infinity` = none. */
  readonly deadlineMs: number
  readonly signal: AbortSignal | undefined
  readonly clients: Readonly<Record<string, unknown>> | undefined
  readonly idempotencyKey: string | undefined
  readonly priority: Priority | undefined
  /** What the cache of whole runs said; `undefined` without one. */
  readonly cached: CacheReport | undefined
  readonly listener: RunListener | undefined
}

/** Is told what happens in a run, as it happens. Must not throw. */
export interface RunListener {
  hopStarted(hop: HopRun): void
  hopRetries(hop: HopRun, attempt: number, failure: Failure, waitMs: number): void
  hopEnded(hop: HopRun): void
}

/** What a cache said. */
export interface CacheReport {
  readonly status: HopCacheStatus
  readonly ageMs: number | null
}

/**
 * One run: starts each hop as soon as its own needs have settled, and ends when every hop is over, at its deadline, or
 * when its caller leaves, whichever is first. Never rejects.
 */
export class Run implements HopHost {
  readonly plan: PipelinePlan
  readonly request: RunRequest
  readonly hops: readonly HopRun[]
  startedAt: number
  /** When it started, by the wall clock. */
  wallAt: number
  readonly softAt: number
  readonly hardAt: number
  status: RunStatus = 'ok'
  output: unknown
  error: PipelineError | undefined
  endedAt = Number.NaN
  readonly resume = thisContext()
  /** The required hop whose failure ends the run. */
  failedHop: HopRun | undefined
  #open: number
  #ready: HopRun[] = []
  #draining = false
  #stopped = false
  #over = false
  #runId: string | undefined
  #unlisten: (() => void) | undefined
  #deadlines: readonly RunTimer[] | undefined
  readonly #onEnd: (run: Run) => void

  constructor(plan: PipelinePlan, request: RunRequest, onEnd: (run: Run) => void) {
    this.plan = plan
    this.request = request
    this.#onEnd = onEnd
    this.#open = plan.hops.length
    this.startedAt = plan.engine.clock.now()
    this.wallAt = plan.engine.clock.wall()
    this.hardAt = this.startedAt + request.deadlineMs
    this.softAt = this.hardAt === Infinity ? Infinity : this.hardAt - plan.reserveMs(request.deadlineMs)
    this.hops = plan.hops.map((hop) => new HopRun(hop, this))
  }

  get pipeline(): string {
    return this.plan.name
  }

  get engine(): Engine {
    return this.plan.engine
  }

  get input(): unknown {
    return this.request.input
  }

  get deadlineMs(): number {
    return this.request.deadlineMs
  }

  get priority(): Priority | undefined {
    return this.request.priority
  }

  /** Names this run in reports and logs. Made when it is first asked for. */
  get runId(): string {
    this.#runId ??= createRunId(this.engine.clock, this.wallAt)
    return this.#runId
  }

  /** Ends a run that was never started with what was kept of an earlier one. */
  answer(output: unknown, startedAt: number): void {
    this.wallAt -= this.startedAt - startedAt
    this.startedAt = startedAt
    for (const hop of this.hops) {
      hop.done = true
      hop.status = 'skipped'
      hop.reason = 'run_cached'
    }
    this.output = output
    this.endedAt = this.engine.clock.now()
    this.#over = true
  }

  start(): void {
    const { timers } = this.engine
    timers.retain()
    if (this.hardAt !== Infinity) {
      this.#deadlines = [
        new RunTimer(this.softAt, () => this.resume(() => this.#soften())),
        new RunTimer(this.hardAt, () => this.resume(() => this.#expire())),
      ]
      for (const deadline of this.#deadlines) timers.add(deadline, this.startedAt)
    }
    const { signal } = this.request
    if (signal !== undefined) this.#unlisten = onceAborted(signal, (reason) => this.resume(() => this.#cancel(reason)))
    if (this.#stopped) return
    for (const hop of this.hops) if (hop.waitingFor === 0) this.#ready.push(hop)
    this.#drain(this.startedAt)
    if (this.#open === 0) this.#settle()
  }

  override(hop: PlannedHop): { readonly client: unknown; readonly upstream: Upstream } | undefined {
    const { clients } = this.request
    if (clients === undefined || clients[hop.name] === undefined || !Object.hasOwn(clients, hop.name)) return undefined
    return { client: clients[hop.name], upstream: createUpstream(hop.upstream.name, hop.policies, this.engine.clock) }
  }

  idempotencyKey(hop: PlannedHop): string {
    const { idempotencyKey } = this.request
    // A caller's key may say whose order it is; upstreams need only know that it is the same.
    return `${idempotencyKey === undefined ? this.runId : digestOf([this.plan.name, idempotencyKey])}-${hop.name}`
  }

  log(hop: PlannedHop): HopLog {
    return hopLog(this.plan.logger, { pipeline: this.plan.name, run: this.runId, hop: hop.name })
  }

  hopStarted(hop: HopRun): void {
    this.request.listener?.hopStarted(hop)
  }

  hopRetries(hop: HopRun, attempt: number, failure: Failure, waitMs: number): void {
    this.request.listener?.hopRetries(hop, attempt, failure, waitMs)
  }

  hopDone(hop: HopRun, now: number): void {
    this.request.listener?.hopEnded(hop)
    this.#open--
    if (hop.status === 'failed' && !hop.plan.optional) {
      this.failedHop ??= hop
      if (this.plan.failFast && !this.#stopped) this.#stop('sibling_failed', undefined, now)
    }
    if (!this.#stopped) {
      for (const index of hop.plan.dependents) {
        const dependent = this.hops[index] as HopRun
        if (--dependent.waitingFor === 0) this.#ready.push(dependent)
      }
      this.#drain(now)
    }
    if (this.#open === 0 && !this.#draining) this.#settle()
  }

  // A loop instead of a call from hop to hop: a long chain of synchronous hops must not fill the stack.
  #drain(now: number): void {
    if (this.#draining) return
    this.#draining = true
    let at = now
    for (let hop = this.#ready.shift(); hop !== undefined; hop = this.#ready.shift()) {
      if (!hop.done) hop.start(at)
      if (this.#ready.length > 0) at = this.engine.clock.now()
    }
    this.#draining = false
  }

  #soften(): void {
    const now = this.engine.clock.now()
    for (const hop of this.hops) hop.cut(now)
  }

  #expire(): void {
    // In the order of the plan, so that a hop's needs are over before it is its turn.
    const now = this.engine.clock.now()
    for (const hop of this.hops) if (!hop.done) hop.force(now)
    if (!this.#over) this.#end('timeout', runDeadline(this.plan.name, this.deadlineMs))
  }

  #cancel(reason: unknown): void {
    if (this.#over) return
    // Over before the hops are: their ends must not assemble anything.
    this.#over = true
    this.#stop('aborted', reason, this.engine.clock.now())
    this.#conclude('cancelled', runCancelled(this.plan.name, reason))
  }

  #stop(reason: 'aborted' | 'sibling_failed', cause: unknown, now: number): void {
    this.#stopped = true
    this.#ready.length = 0
    for (const hop of this.hops) hop.cancel(reason, cause, now)
  }

  /** Every hop is over. */
  #settle(): void {
    if (this.#over) return
    const failed = this.failedHop
    if (failed !== undefined) {
      this.#endFailed(failed)
      return
    }
    try {
      const values: Record<string, unknown> = { input: this.request.input }
      for (const hop of this.hops) values[hop.name] = hop.value
      const output = this.plan.assemble(values, new LazySight(this.hops))
      if (!isThenable(output)) {
        this.#assembled(output)
        return
      }
      Promise.resolve(output).then(
        (value) => this.#assembled(value),
        (error) => this.#end('failed', assembleFailed(this.plan.name, error)),
      )
    } catch (error) {
      this.#end('failed', assembleFailed(this.plan.name, error))
    }
  }

  #assembled(output: unknown): void {
    if (this.#over) return
    this.output = output
    this.#end(this.hops.some(isLess) ? 'degraded' : 'ok', undefined)
  }

  #endFailed(hop: HopRun): void {
    const { name } = this.plan
    const reason = hop.reason ?? 'error'
    if (reason === 'deadline') this.#end('timeout', runDeadline(name, this.deadlineMs, hop.name))
    else this.#end('failed', hopFailed(name, hop.name, reason, hop.failure))
  }

  #end(status: RunStatus, error: PipelineError | undefined): void {
    if (this.#over) return
    this.#over = true
    this.#conclude(status, error)
  }

  #conclude(status: RunStatus, error: PipelineError | undefined): void {
    this.status = status
    this.error = error
    this.endedAt = this.engine.clock.now()
    this.#unlisten?.()
    const { timers } = this.engine
    for (const deadline of this.#deadlines ?? []) timers.remove(deadline)
    timers.release()
    this.#onEnd(this)
  }
}

// A hop whose condition was false is complete; one that could not be had is not.
function isLess(hop: HopRun): boolean {
  return hop.status === 'degraded' || hop.status === 'failed'
}
