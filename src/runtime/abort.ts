import type { Clock } from './clock.js'

/** Where a signal keeps who waits for it. On the signal, so that it goes when the signal does. */
const WAITING = Symbol('hopstash.waiting')

type OnAbort = (reason: unknown) => void

/** Those who wait for one signal, behind one listener. */
interface Waiting {
  readonly told: Set<OnAbort>
  readonly listener: () => void
}

/**
 * Calls `onAbort` once when `signal` aborts (at once if it has); the returned function takes it off again.
 *
 * However many wait for a signal, it has one listener: a request's signal is handed to hundreds of calls, and Node warns
 * of a leak at the eleventh listener.
 */
export function onceAborted(signal: AbortSignal | undefined, onAbort: OnAbort): () => void {
  if (signal === undefined) return nothing
  if (signal.aborted) {
    onAbort(signal.reason)
    return nothing
  }
  const waiting = waitingFor(signal)
  if (waiting.told.size === 0) signal.addEventListener('abort', waiting.listener, { once: true })
  // A function of its own for each call: two waits with one function end one by one.
  const own: OnAbort = (reason) => onAbort(reason)
  waiting.told.add(own)
  return () => {
    if (waiting.told.delete(own) && waiting.told.size === 0) signal.removeEventListener('abort', waiting.listener)
  }
}

function waitingFor(signal: AbortSignal & { [WAITING]?: Waiting }): Waiting {
  const found = signal[WAITING]
  if (found !== undefined) return found
  const told = new Set<OnAbort>()
  const listener = (): void => {
    // Who leaves while others are told is not told.
    for (const onAbort of told) {
      told.delete(onAbort)
      onAbort(signal.reason)
    }
  }
  const waiting = { told, listener }
  if (Object.isExtensible(signal)) Object.defineProperty(signal, WAITING, { value: waiting })
  return waiting
}

/**
 * Waits for what others wait for, too, until `signal` aborts: rejects with its reason then, and tells `onLeave` after that.
 *
 * A promise that rejects when nobody waits any more is no unhandled rejection.
 */
export function unlessAborted<T>(shared: Promise<T>, signal: AbortSignal | undefined, onLeave?: OnAbort): Promise<T> {
  if (signal === undefined) return shared
  return new Promise((resolve, reject) => {
    const unlisten = onceAborted(signal, (reason) => {
      reject(reason)
      onLeave?.(reason)
    })
    shared.then(
      (value) => {
        unlisten()
        resolve(value)
      },
      (reason) => {
        unlisten()
        reject(reason)
      },
    )
  })
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
