import { HopstashError } from './base-error.js'

/**
 * What went wrong with a batch (`ERR_BATCH_MISALIGNED`, `ERR_BATCH_TIMEOUT`, `ERR_ANSWER_MISSING`, `ERR_CONTRACT`,
 * `ERR_GRAPH_INVALID`, `ERR_EDIT_INVALID`).
 */
export class BatchError extends HopstashError {
  override readonly name = 'BatchError'
}

/** `ERR_BATCH_MISALIGNED`: as many rows as keys were promised, another number came. */
export function batchMisaligned(namespace: string, expected: number, received: number): BatchError {
  return new BatchError(
    `Expected the batch loader of namespace '${namespace}' to return ${expected} rows in the order of its keys, received ${received}. Give \`by\`, which reads the key off a row.`,
    { code: 'ERR_BATCH_MISALIGNED', context: { namespace, expected, received } },
  )
}

/** `ERR_BATCH_MISALIGNED`: the loader returned something that is neither an array nor a Map. */
export function batchShape(namespace: string, received: string): BatchError {
  return new BatchError(
    `Expected the batch loader of namespace '${namespace}' to return an array or a Map by key, received ${received}.`,
    { code: 'ERR_BATCH_MISALIGNED', context: { namespace } },
  )
}

/** `ERR_BATCH_MISALIGNED`: a batch function or loader returned another number of rows than it was given items. */
export function rowsMisaligned(where: string, expected: number, received: number | string): BatchError {
  return new BatchError(
    `Expected ${where} to return ${expected} ${expected === 1 ? 'row' : 'rows'}, one an item and in their order, received ${received}. Return an \`Error\` in the place of an item that failed.`,
    { code: 'ERR_BATCH_MISALIGNED', context: { where, expected, received } },
  )
}

/** `ERR_BATCH_TIMEOUT`: one batch, load, call or run took longer than its `timeout`. */
export function batchTimeout(where: string, timeoutMs: number): BatchError {
  return new BatchError(
    `${where} did not settle within ${timeoutMs} ms (\`timeout\`). Raise it, make the batches smaller, or hand the \`signal\` to the call.`,
    { code: 'ERR_BATCH_TIMEOUT', retryable: true, context: { where, timeoutMs } },
  )
}

/** `ERR_ANSWER_MISSING`: nothing that came back belongs to this item. */
export function answerMissing(where: string, calls: number): BatchError {
  return new BatchError(
    `${where} was asked for in ${calls} ${calls === 1 ? 'call' : 'calls'} and no answer had its id. Give a \`fallback\`, or look at what came back.`,
    { code: 'ERR_ANSWER_MISSING', retryable: true, context: { where, calls } },
  )
}

/** `ERR_ANSWER_MISSING`: the Map a load returned has nothing for this item. */
export function rowMissing(where: string): BatchError {
  return new BatchError(
    `The Map that ${where} returned has no row for an item. Key it by the items \`load\` was given, or return a list with one row an item, in their order.`,
    { code: 'ERR_ANSWER_MISSING', retryable: true, context: { where } },
  )
}

/** `ERR_CONTRACT`: an answer does not fit its schema. Names paths, never values. */
export function answerInvalid(where: string, paths: readonly string[]): BatchError {
  const shown = paths.slice(0, 5)
  return new BatchError(
    `The answer for ${where} does not fit its schema at ${shown.length === 0 ? '$' : shown.join(', ')}. Correct the schema, or give a \`fallback\`.`,
    { code: 'ERR_CONTRACT', retryable: true, context: { where, paths: shown } },
  )
}

/** `ERR_GRAPH_INVALID`: items that cannot be put in an order. */
export function graphInvalid(problem: string, hint: string): BatchError {
  return new BatchError(`The items cannot be put in an order: ${problem}. ${hint}`, { code: 'ERR_GRAPH_INVALID' })
}

/** `ERR_EDIT_INVALID`: an edit that leads nowhere. Names the path, never a value. */
export function editInvalid(path: string, problem: string): BatchError {
  const shown = path.length <= 120 ? path : `${path.slice(0, 120)}…`
  return new BatchError(`The edit of '${shown}' cannot be made: ${problem}.`, {
    code: 'ERR_EDIT_INVALID',
    context: { path: shown },
  })
}
