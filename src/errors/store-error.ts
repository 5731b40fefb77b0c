import { HopstashError } from './base-error.js'

/** A shared store that did not do what a caller insisted on (`ERR_STORE_UNCONFIRMED`). */
export class StoreError extends HopstashError {
  override readonly name = 'StoreError'
}

/** `ERR_STORE_UNCONFIRMED`: an erasure the shared store has not confirmed. Never says whose. */
export function erasureUnconfirmed(became: string): StoreError {
  return new StoreError(
    `The shared store has not confirmed this erasure: it is ${became}. This process has erased what it held; call \`forget\` again until it resolves.`,
    { code: 'ERR_STORE_UNCONFIRMED', retryable: true, context: { operation: 'forget', became } },
  )
}

/** `ERR_STORE_UNCONFIRMED`: `{ require: 'store' }` was asked for, and the store has not confirmed. */
export function storeUnconfirmed(operation: string, namespace: string, became: string): StoreError {
  return new StoreError(
    `The shared store has not confirmed this ${operation} in namespace '${namespace}': it is ${became}. This process obeys it already; retry, or leave out \`require\`.`,
    { code: 'ERR_STORE_UNCONFIRMED', retryable: true, context: { operation, namespace, became } },
  )
}
