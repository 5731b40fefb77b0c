import { HopstashError } from './base-error.js'

/** A shared store that did not do what a caller insisted on (`ERR_STORE_UNCONFIRMED`). */
export class StoreError extends HopstashError {
  override readonly name = 'StoreError'
}

/** `ERR_STORE_UNCONFIRMED`: `{ require: 'store' }` was asked for, and the store has not confirmed. */
export function storeUnconfirmed(operation: string, namespace: string, became: string): StoreError {
  return new StoreError(
    `The shared store has not confirmed this ${operation} in namespace '${namespace}': it is ${became}. This process obeys it already; retry, or leave out \`require\`.`,
    { code: 'ERR_STORE_UNCONFIRMED', retryable: true, context: { operation, namespace, became } },
  )
}
