/** Why an item of a batch has no value. The words are those of a hop's reason; `resumed`: an earlier run did it. */
export type ItemReason = 'error' | 'timeout' | 'contract_output' | 'aborted' | 'upstream_failed' | 'resumed'

/** What became of an item that has a value. */
export interface ItemDone<R> {
  readonly status: 'ok'
  readonly value: R
  readonly reason?: undefined
  readonly error?: undefined
}

/** What became of an item that has none. `error` is what was thrown, or an error of this package with a `code`. */
export interface ItemUndone {
  readonly status: 'failed' | 'skipped' | 'cancelled'
  readonly value?: undefined
  readonly reason: ItemReason
  readonly error: unknown
}

/** What became of one item, told apart by `status`. */
export type ItemResult<R> = ItemDone<R> | ItemUndone

/** {@link ItemResult} with the item's place among the items, from 0. */
export type ItemOutcome<R> = ItemResult<R> & { readonly index: number }

/** The item has a value. */
export function itemDone<R>(value: R): ItemDone<R> {
  return { status: 'ok', value }
}

/** The item has none. */
export function itemFailed(error: unknown, reason: 'error' | 'timeout' | 'contract_output' = 'error'): ItemUndone {
  return { status: 'failed', reason, error }
}

/** The caller left before the item was done. */
export function itemCancelled(error: unknown): ItemUndone {
  return { status: 'cancelled', reason: 'aborted', error }
}
