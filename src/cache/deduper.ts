import { dedupeReentrant } from '../errors/load-error.js'
import { optionUnknown } from '../errors/option-error.js'
import { createKeyer } from '../keys/key.js'
import { Flight } from '../resilience/single-flight.js'
import { requireFunction, requireObject, requireSignal } from './argument-checks.js'

/** Context of a deduplicated call. */
export interface DedupeContext {
  /** Aborts when the last waiter has left. Made on first use. */
  readonly signal: AbortSignal
}

/** Options of one deduplicated call. */
export interface DedupeOptions {
  /** Lets this caller leave; the call goes on while others wait. */
  readonly signal?: AbortSignal | undefined
}

/** Shares a call in flight and stores nothing. */
export interface Deduper {
  <T>(key: unknown, call: (context: DedupeContext) => T | PromiseLike<T>, options?: DedupeOptions): Promise<T>
  /** Calls in flight now. */
  readonly size: number
}

/**
 * Returns a function that shares one call among concurrent callers of an equal key, and forgets it when it settles.
 *
 * The key may be any canonical value; one that has no canonical form is not shared, and the call runs by itself.
 * Callers share the result object as it is. A call whose synchronous part asks for its own key gets `ERR_LOAD_REENTRANT`.
 *
 * @example
 * import { createDeduper } from 'hopstash'
 * const dedupe = createDeduper()
 * let calls = 0
 * const fix = () => dedupe('autofix:123', async () => ++calls)
 * await Promise.all([fix(), fix()]) // => [1, 1]
 */
export function createDeduper(): Deduper {
  const keyer = createKeyer<unknown>({ namespace: 'dedupe' })
  const flights = new Map<string, Flight<unknown>>()
  /** Those whose call is in its synchronous part. */
  const starting = new Set<Flight<unknown>>()

  const dedupe = <T>(
    key: unknown,
    call: (context: DedupeContext) => T | PromiseLike<T>,
    options?: DedupeOptions,
  ): Promise<T> => {
    try {
      checkCall(call, options)
    } catch (invalid) {
      return Promise.reject(invalid)
    }
    const id = idOrUndefined(key)
    if (id === undefined) return run(new Flight<T>(), call, options?.signal)
    const running = flights.get(id)
    if (running !== undefined && starting.has(running)) return Promise.reject(dedupeReentrant())
    if (running !== undefined) return running.join(options?.signal) as Promise<T>
    const forget = (): void => {
      if (flights.get(id) === flight) flights.delete(id)
    }
    const flight = new Flight<T>(forget)
    flights.set(id, flight as Flight<unknown>)
    flight.promise.then(forget, forget)
    starting.add(flight as Flight<unknown>)
    const answer = run(flight, call, options?.signal)
    starting.delete(flight as Flight<unknown>)
    return answer
  }

  const idOrUndefined = (key: unknown): string | undefined => {
    try {
      return keyer.id(key)
    } catch {
      return undefined
    }
  }

  return Object.defineProperty(dedupe, 'size', { get: () => flights.size }) as Deduper
}

function checkCall(call: unknown, options: DedupeOptions | undefined): void {
  requireFunction(call, 'call', 'a function that does the work')
  if (options === undefined) return
  requireObject(options, 'options', 'an object with `signal`')
  for (const name of Object.keys(options)) if (name !== 'signal') throw optionUnknown('the options', name, ['signal'])
  requireSignal(options.signal)
}

function run<T>(
  flight: Flight<T>,
  call: (context: DedupeContext) => T | PromiseLike<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  const joined = flight.join(signal)
  if (signal?.aborted) {
    flight.reject(signal.reason)
    return joined
  }
  try {
    const context = {
      get signal() {
        return flight.signal
      },
    }
    Promise.resolve(call(context)).then(
      (value) => flight.resolve(value),
      (reason) => flight.reject(reason),
    )
  } catch (error) {
    flight.reject(error)
  }
  return joined
}
