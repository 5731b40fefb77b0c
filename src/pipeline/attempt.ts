import { LazyAbort } from '../resilience/lazy-abort.js'
import { NO_SLOT, type Timed } from '../resilience/timer-queue.js'
import type { HopContext, HopLog, UsageMeter } from './hop-context.js'
import type { AttemptOutcome } from './words.js'

/** What a report tells of one attempt. */
export interface AttemptRecord {
  readonly number: number
  readonly provider: string | null
  readonly startedAt: number
  readonly endedAt: number
  readonly outcome: AttemptOutcome
  readonly code: string | null
  readonly status: number | null
  /** How long was waited before it, ms. */
  readonly waitMs: number
}

/** What attempts of one hop share. */
export interface AttemptScope {
  readonly usage: UsageMeter
  readonly log: HopLog
  readonly idempotencyKey: string
  /** Monotonic instant by which the hop's caller is gone. */
  readonly deadlineAt: number
  /** Goes on as part of the asynchronous call chain of its run: after a timer, or when somebody else's call has ended. */
  readonly resume: (goOn: () => void) => void
  now(): number
}

/** Whose attempt it is. */
export interface AttemptOwner {
  timedOut(attempt: Attempt): void
}

/** One call under way. After `over` whatever it still does changes nothing. */
export class Attempt implements Timed {
  dueAt = Infinity
  slot = NO_SLOT
  over = false
  readonly number: number
  readonly startedAt: number
  #abort: LazyAbort | undefined
  readonly #owner: AttemptOwner

  constructor(number: number, startedAt: number, owner: AttemptOwner) {
    this.number = number
    this.startedAt = startedAt
    this.#owner = owner
  }

  get signal(): AbortSignal {
    this.#abort ??= new LazyAbort()
    return this.#abort.signal
  }

  /** Aborts the signal, and the one that is asked for later. */
  abort(reason: unknown): void {
    this.#abort ??= new LazyAbort()
    this.#abort.abort(reason)
  }

  onDue(): void {
    this.#owner.timedOut(this)
  }
}

/** The {@link HopContext} of one attempt: what costs something is made when it is read. */
export class AttemptContext implements HopContext<unknown, unknown, unknown> {
  readonly input: unknown
  readonly client: unknown
  readonly auth: unknown
  readonly attempt: number
  readonly idempotent: boolean | undefined
  readonly #attempt: Attempt
  readonly #scope: AttemptScope

  constructor(
    attempt: Attempt,
    scope: AttemptScope,
    input: unknown,
    client: unknown,
    idempotent: boolean | undefined,
    auth: unknown,
  ) {
    this.input = input
    this.client = client
    this.idempotent = idempotent
    this.auth = auth
    this.attempt = attempt.number
    this.#attempt = attempt
    this.#scope = scope
  }

  get signal(): AbortSignal {
    return this.#attempt.signal
  }

  get remainingMs(): number {
    return Math.max(0, Math.min(this.#scope.deadlineAt, this.#attempt.dueAt) - this.#scope.now())
  }

  get idempotencyKey(): string {
    return this.#scope.idempotencyKey
  }

  get usage(): UsageMeter {
    return this.#scope.usage
  }

  get log(): HopLog {
    return this.#scope.log
  }
}
