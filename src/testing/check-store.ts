import { optionInvalid } from '../errors/option-error.js'
import type { SharedStore } from '../stores/shared-store.js'

/** Refuses what can be no shared store. @throws OptionError `ERR_OPTION_INVALID` */
export function checkStore(store: unknown): void {
  const { read, subscribe } = (store ?? {}) as Partial<SharedStore>
  if (typeof read === 'function' && typeof subscribe === 'function') return
  throw optionInvalid('store', 'a shared store, such as `createSimulatedStore().connect()`', store)
}
