import { optionInvalid } from '../errors/option-error.js'
import { checkPriority, type Priority } from '../resilience/limiter.js'
import { checkShape, checkSignal } from '../resilience/option-shape.js'
import { type Duration, parseDuration } from '../runtime/duration.js'
import type { PipelinePlan, RunRequest } from './run.js'

/** Options of one run. */
export interface RunOptions<Clients = Readonly<Record<string, unknown>>> {
  /** Bound of this run: how much time its caller has left. @defaultValue the pipeline's */
  readonly deadline?: Duration | undefined
  /** Cancels the run when its caller leaves. */
  readonly signal?: AbortSignal | undefined
  /** Clients of this run by hop, fakes for instance. Such a hop uses no cache and no shared breaker. */
  readonly clients?: { readonly [Name in keyof Clients]?: Clients[Name] | undefined } | undefined
  /**
   * Makes deliveries of the same run one run: joins the one under way, or returns what it came to if that was `ok` and
   * at most 10 minutes ago. Such a run keeps the deadline it was begun with. Every hop's `idempotencyKey` is the same,
   * too, for all deliveries. Runs with `clients` join nobody.
   */
  readonly idempotencyKey?: string | undefined
  /** Whose calls go first where they wait for a permit: those of a person before those of a batch. @defaultValue `'normal'` */
  readonly priority?: Priority | undefined
}

const KNOWN = ['deadline', 'signal', 'clients', 'idempotencyKey', 'priority']

/** The request of a run without options. */
export function bareRequest(input: unknown, deadlineMs: number): RunRequest {
  return {
    input,
    deadlineMs,
    signal: undefined,
    clients: undefined,
    idempotencyKey: undefined,
    priority: undefined,
    cached: undefined,
    listener: undefined,
  }
}

/** Checks the options of a run. @throws OptionError `ERR_OPTION_INVALID` */
export function resolveRun(plan: PipelinePlan, input: unknown, options: RunOptions, deadlineMs: number): RunRequest {
  checkShape('run', options, KNOWN)
  const { deadline, signal, clients, idempotencyKey, priority } = options
  checkPriority('priority', priority)
  if (clients !== undefined)
    checkShape(
      'clients',
      clients,
      plan.hops.map((hop) => hop.name),
    )
  checkSignal(signal)
  if (idempotencyKey !== undefined && (typeof idempotencyKey !== 'string' || idempotencyKey === '')) {
    throw optionInvalid('idempotencyKey', 'a text', idempotencyKey)
  }
  const own = deadline === undefined ? deadlineMs : parseDuration(deadline, 'deadline')
  return { input, deadlineMs: own, signal, clients, idempotencyKey, priority, cached: undefined, listener: undefined }
}
