import type { Clock } from './clock.js'

/** Calls `onAbort` once when `signal` aborts (at once if it has); the returned function takes the listener off again. */
export function onceAborted(signal: AbortSignal | undefined, onAbort: (reason: unknown) => void): () => void {
  if (signal === undefined) return nothing
  if (signal.aborted) {
    onAbort(signal.reason)
    return nothing
  }
  const listener = (): void => onAbort(signal.reason)
  signal.addEventListener('abort', listener, { once: true })
  return () => signal.removeEventListener('abort', listener)
}

/** A controller that follows parents and can let go of them. */
export interface LinkedController {
  readonly signal: AbortSignal
  abort(reason?: unknown): void
  /** Takes every listener off the parents. Must be called when the work is over. */
  release(): void
}

/**
 * Returns a controller that aborts with any of `parents`.
 *
 * `AbortSignal.any()` keeps a record on a long-lived parent for every call, for ever, on Node below 26; here the
 * listener is removed by `release`.
 */
export function linkedController(...parents: readonly (AbortSignal | undefined)[]): LinkedController {
  const controller = new AbortController()
  const releases = parents.map((parent) => onceAborted(parent, (reason) => controller.abort(reason)))
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    release() {
      for (const release of releases) release()
    },
  }
}

/** Resolves after `ms`; rejects with the signal's reason when it aborts first. Keeps the process alive: somebody waits. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const timer = clock.setTimer(
      () => {
        unlisten()
        resolve()
      },
      ms,
      true,
    )
    const unlisten = onceAborted(signal, (reason) => {
      clock.clearTimer(timer)
      reject(reason)
    })
  })
}

function nothing(): void {}
