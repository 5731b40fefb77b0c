import { HopstashError } from './base-error.js'

/** A batch loader whose rows cannot be told apart (`ERR_BATCH_MISALIGNED`). */
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
