import { type ErrorInit, HopstashError } from './base-error.js'

/**
 * What is wrong with a pipeline or ended a run (`ERR_PIPELINE_INVALID`, `ERR_CONTRACT`, `ERR_HOP_TIMEOUT`,
 * `ERR_HOP_FAILED`, `ERR_RUN_DEADLINE`, `ERR_RUN_CANCELLED`, `ERR_ASSEMBLE_FAILED`).
 */
export class PipelineError extends HopstashError {
  override readonly name = 'PipelineError'
  /** How long the upstream of the hop that failed asked to wait, ms; `undefined` if it did not. */
  readonly retryAfterMs: number | undefined

  constructor(message: string, init: ErrorInit & { readonly retryAfterMs?: number | undefined }) {
    super(message, init)
    this.retryAfterMs = init.retryAfterMs
  }
}

/** `ERR_PIPELINE_INVALID`: a graph that cannot run. */
export function pipelineInvalid(pipeline: string, problem: string, hint: string): PipelineError {
  return new PipelineError(`Pipeline '${pipeline}' cannot run: ${problem}. ${hint}`, {
    code: 'ERR_PIPELINE_INVALID',
    context: { pipeline },
  })
}

/** `ERR_CONTRACT`: what went into or came out of a hop does not fit its schema. Names paths, never values. */
export function contractViolated(hop: string, side: 'input' | 'output', paths: readonly string[]): PipelineError {
  const shown = paths.length === 0 ? '$' : paths.slice(0, 5).join(', ')
  return new PipelineError(
    side === 'input'
      ? `The input of hop '${hop}' does not fit its schema at ${shown}. Correct the \`input\` function of its wiring.`
      : `The answer of hop '${hop}' does not fit its schema at ${shown}. Correct the schema, or give the hop a fallback.`,
    { code: 'ERR_CONTRACT', retryable: side === 'output', context: { hop, side, paths: paths.slice(0, 5) } },
  )
}

/** `ERR_HOP_TIMEOUT`: one attempt took longer than the hop's `timeout`. */
export function hopTimeout(hop: string, timeoutMs: number): PipelineError {
  return new PipelineError(
    `An attempt of hop '${hop}' did not settle within ${timeoutMs} ms (\`timeout\`). Raise it, or hand the \`signal\` to the call.`,
    { code: 'ERR_HOP_TIMEOUT', retryable: true, context: { hop, timeoutMs } },
  )
}

/** `ERR_HOP_FAILED`: a required hop failed and had no fallback left; `cause` is what it failed with. */
export function hopFailed(
  pipeline: string,
  hop: string,
  reason: string,
  failure:
    | { readonly error: unknown; readonly retryable: boolean; readonly retryAfterMs: number | undefined }
    | undefined,
): PipelineError {
  const { error: cause, retryAfterMs } = failure ?? {}
  // Our own refusals end the attempts of this run, and say of themselves that a later one may do better.
  const retryable = failure?.retryable === true || (HopstashError.isInstance(cause) && cause.retryable)
  return new PipelineError(
    `Hop '${hop}' of pipeline '${pipeline}' failed (${reason}). Give it a \`fallback\`, or make it \`optional\`.`,
    { code: 'ERR_HOP_FAILED', cause, retryable, retryAfterMs, context: { pipeline, hop, reason } },
  )
}

/** `ERR_RUN_DEADLINE`: the run's deadline passed before everything required was there. */
export function runDeadline(pipeline: string, deadlineMs: number, hop?: string): PipelineError {
  const where = hop === undefined ? 'before its output was assembled' : `before hop '${hop}' had an answer`
  return new PipelineError(
    `The deadline of ${deadlineMs} ms of pipeline '${pipeline}' passed ${where}. Raise it, or give the hop a fallback.`,
    { code: 'ERR_RUN_DEADLINE', retryable: true, context: { pipeline, deadlineMs, hop } },
  )
}

/** `ERR_RUN_CANCELLED`: the caller's signal aborted; `cause` is its reason. */
export function runCancelled(pipeline: string, cause: unknown): PipelineError {
  return new PipelineError(`The run of pipeline '${pipeline}' was cancelled by its caller's signal.`, {
    code: 'ERR_RUN_CANCELLED',
    cause,
    context: { pipeline },
  })
}

/** `ERR_ASSEMBLE_FAILED`: the `assemble` function threw; `cause` is what it threw. */
export function assembleFailed(pipeline: string, cause: unknown): PipelineError {
  return new PipelineError(
    `The \`assemble\` function of pipeline '${pipeline}' threw. Make it total: optional hops may be undefined.`,
    { code: 'ERR_ASSEMBLE_FAILED', cause, context: { pipeline } },
  )
}
