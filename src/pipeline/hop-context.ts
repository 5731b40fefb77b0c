/** Tokens and money of one upstream call. */
export interface Usage {
  /** @defaultValue `1` */
  readonly calls?: number | undefined
  readonly inputTokens?: number | undefined
  readonly outputTokens?: number | undefined
  readonly costUsd?: number | undefined
}

/** Where a hop says what its calls used. */
export interface UsageMeter {
  add(usage: Usage): void
}

/** Where a hop logs; the entry carries pipeline, run and hop. */
export interface HopLog {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

/** Fields of a log entry. */
export type LogFields = Readonly<Record<string, unknown>>

/** A host's logger; pino and console fit through a line of adapter. */
export type Logger = (level: keyof HopLog, message: string, fields: LogFields) => void

/** What one attempt of a hop is called with. */
export interface HopContext<In, Client, Auth> {
  readonly input: In
  /** The hop's `client`, or the one of this run. */
  readonly client: Client
  /** What the hop's `auth` returned for this attempt. */
  readonly auth: Auth
  /** 1 for the first. */
  readonly attempt: number
  /** Aborts with the attempt: its timeout, the run's deadline, the caller. Made only if it is read. */
  readonly signal: AbortSignal
  /** What is left for this attempt, ms: the lesser of its timeout and the run's budget. */
  readonly remainingMs: number
  /** The same for every attempt, and for every re-delivery of a run with an `idempotencyKey`. */
  readonly idempotencyKey: string
  /** Whether the hop says that a repeated call does no harm. */
  readonly idempotent: boolean | undefined
  readonly usage: UsageMeter
  readonly log: HopLog
}
