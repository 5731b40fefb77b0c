import type { PipelineError } from '../errors/pipeline-error.js'
import { buildReport, type RunReport } from './report.js'
import type { Run } from './run.js'
import type { RunStatus } from './words.js'

/**
 * What a run came to. `output` is there exactly when `status` is `ok` or `degraded`, `error` when it is another; a member
 * for each, so that comparisons with one status after the other tell them apart.
 */
export type RunResult<Output, Names extends string = string> =
  | UsableRun<'ok', Output, Names>
  | UsableRun<'degraded', Output, Names>
  | {
      readonly status: 'failed' | 'timeout' | 'cancelled'
      readonly output: undefined
      readonly error: PipelineError
      readonly report: RunReport<Names>
    }

interface UsableRun<Status, Output, Names extends string> {
  readonly status: Status
  readonly output: Output
  readonly error?: undefined
  /** What happened, hop by hop; built when it is first read. */
  readonly report: RunReport<Names>
}

/** A {@link RunResult} whose report costs nothing until it is read. */
export class LazyResult {
  readonly status: RunStatus
  readonly output: unknown
  readonly error: PipelineError | undefined
  readonly #run: Run
  #report: RunReport | undefined

  constructor(run: Run) {
    this.status = run.status
    this.output = run.output
    this.error = run.error
    this.#run = run
  }

  get report(): RunReport {
    this.#report ??= buildReport(this.#run)
    return this.#report
  }

  toJSON(): object {
    return { status: this.status, output: this.output, error: this.error, report: this.report }
  }
}
