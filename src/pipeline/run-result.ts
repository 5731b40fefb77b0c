import type { PipelineError } from '../errors/pipeline-error.js'
import { buildReport, type RunReport } from './report.js'
import type { Run } from './run.js'
import type { RunStatus } from './words.js'

/** What a run came to. Look at `output`: it is there exactly when `status` is `ok` or `degraded`. */
export type RunResult<Output, Names extends string = string> =
  | {
      readonly status: 'ok' | 'degraded'
      readonly output: Output
      readonly error?: undefined
      /** What happened, hop by hop; built when it is first read. */
      readonly report: RunReport<Names>
    }
  | {
      readonly status: 'failed' | 'timeout' | 'cancelled'
      readonly output: undefined
      readonly error: PipelineError
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
