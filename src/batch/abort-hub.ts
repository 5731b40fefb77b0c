import { onceAborted } from '../runtime/abort.js'

/** Listens to signals on behalf of many. */
export interface AbortHub {
  /** Calls `onAbort` once when `signal`, which has not aborted yet, does; the returned function ends that. */
  listen(signal: AbortSignal, onAbort: (reason: unknown) => void): () => void
}

/**
 * Returns a hub that puts one listener on a signal however many wait for it: a request's signal is handed to hundreds of
 * calls, and Node warns of a leak at the eleventh listener.
 */
export function createAbortHub(): AbortHub {
  const listeners = new Map<AbortSignal, { readonly told: Set<(reason: unknown) => void>; readonly end: () => void }>()

  const open = (signal: AbortSignal) => {
    const told = new Set<(reason: unknown) => void>()
    const end = onceAborted(signal, (reason) => {
      listeners.delete(signal)
      for (const onAbort of told) onAbort(reason)
    })
    const opened = { told, end }
    listeners.set(signal, opened)
    return opened
  }
  return {
    listen(signal, onAbort) {
      const found = listeners.get(signal) ?? open(signal)
      const own = (reason: unknown): void => onAbort(reason)
      found.told.add(own)
      return () => {
        found.told.delete(own)
        if (found.told.size > 0 || listeners.get(signal) !== found) return
        found.end()
        listeners.delete(signal)
      }
    },
  }
}
