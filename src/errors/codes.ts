/**
 * Every error code of the package. Codes are public API: users match on them, never on messages or classes.
 *
 * `docs/errors.md` gives the cause and the cure of each.
 */
export const ERROR_CODES = [
  'ERR_OPTION_INVALID',
  'ERR_KEY_UNSUPPORTED',
  'ERR_VALUE_UNSUPPORTED',
  'ERR_SCOPE_REQUIRED',
  'ERR_NAMESPACE_UNKNOWN',
  'ERR_NAME_TAKEN',
  'ERR_NOT_CACHED',
  'ERR_STORE_UNCONFIRMED',
  'ERR_LOAD_TIMEOUT',
  'ERR_LOAD_REENTRANT',
  'ERR_CLOSED',
  'ERR_BATCH_MISALIGNED',
  'ERR_BATCH_TIMEOUT',
  'ERR_ANSWER_MISSING',
  'ERR_GRAPH_INVALID',
  'ERR_EDIT_INVALID',
  'ERR_PEER_MISSING',
  'ERR_PIPELINE_INVALID',
  'ERR_CONTRACT',
  'ERR_HOP_TIMEOUT',
  'ERR_HOP_FAILED',
  'ERR_RUN_DEADLINE',
  'ERR_RUN_CANCELLED',
  'ERR_ASSEMBLE_FAILED',
  'ERR_BREAKER_OPEN',
  'ERR_QUEUE_FULL',
  'ERR_RETRY_BUDGET_EXHAUSTED',
  'ERR_HTTP_STATUS',
  'ERR_HTTP_TIMEOUT',
  'ERR_HTTP_CONNECTION',
  'ERR_HTTP_ANSWER',
  'ERR_HTTP_CREDENTIALS',
] as const

/** One of {@link ERROR_CODES}. */
export type ErrorCode = (typeof ERROR_CODES)[number]
