import { optionInvalid } from '../errors/option-error.js'
import { isSignal } from '../resilience/option-shape.js'
import { type BatcherOptions, resolveBatcher } from './batcher-options.js'
import { type BatcherStats, Collector } from './collector.js'

/** Options of one call of a {@link Batcher}. */
export interface BatcherCall {
  /** Lets this caller leave; the item is loaded while another waits for it. */
  readonly signal?: AbortSignal | undefined
}

/** A function of one item that loads several at once. */
export interface Batcher<I, V> {
  /** Rejects with the item's own error, that of its load, the signal's reason, `ERR_QUEUE_FULL` or `ERR_CLOSED`. */
  (item: I, options?: BatcherCall): Promise<V>
  stats(): BatcherStats
  /** Refuses further calls; resolves when those before have their answer. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Returns a function of one item that collects the calls made close together into one call of `load`.
 *
 * When nothing is under way the call goes out at the end of the turn: nobody waits for company that may not come. Under
 * load, items may wait for each other as long as `maxWait` says, until `maxItems` or `maxTokens` are together, or until a
 * call ends. Equal items that wait together are loaded once; every caller gets its own item's outcome. It remembers
 * nothing but with `in`, a namespace in front. One batcher is for one model, one prompt, one tenant: what it is given ends up in one call.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID`
 * @example
 * import { batcher } from 'hopstash/batch'
 * const calls: string[][] = []
 * const lengthOf = batcher({
 *   load: async (texts: readonly string[]) => {
 *     calls.push([...texts])
 *     return texts.map((text) => text.length)
 *   },
 * })
 * await Promise.all(['one', 'three', 'one'].map((text) => lengthOf(text))) // => [3, 5, 3]
 * calls // => [['one', 'three']]
 */
export function batcher<I, V, K = unknown>(options: BatcherOptions<I, V, K>): Batcher<I, Exclude<V, Error>> {
  const plan = resolveBatcher(options)
  const collector = new Collector(plan)
  const { cache } = plan

  const call = (item: I, callOptions?: BatcherCall): Promise<V> => {
    // `texts.map(embed)` gives a place where options would be.
    const signal = typeof callOptions === 'object' ? callOptions?.signal : undefined
    if (signal !== undefined && !isSignal(signal)) {
      return Promise.reject(optionInvalid('signal', 'an AbortSignal', signal))
    }
    if (cache === undefined) return collector.collect(item, signal, undefined)
    return cache.read(item, signal, (abandoned, together) => collector.collect(item, abandoned, together))
  }
  const close = (): Promise<void> => collector.close()
  call.stats = (): BatcherStats => collector.stats
  call.close = close
  call[Symbol.asyncDispose] = close
  return call as Batcher<I, Exclude<V, Error>>
}
