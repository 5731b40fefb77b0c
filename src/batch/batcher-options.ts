import type { NamespaceFor } from '../cache/cached.js'
import { optionInvalid } from '../errors/option-error.js'
import { checkFunction, checkShape, checkText, resolveClock, wholeNumber } from '../resilience/option-shape.js'
import type { Clock } from '../runtime/clock.js'
import { type Duration, parseDuration } from '../runtime/duration.js'
import { resolveTimeout } from './batch-options.js'
import { type BatcherCache, createBatcherCache } from './batcher-cache.js'

/** Rows of a batch: one an item, in their order, or a Map by item (an equal one will do). A row that is an `Error` fails its item alone. */
export type LoadedRows<I, V> = readonly (V | Error)[] | ReadonlyMap<I, V | Error>

/** What a batch's `load` is told beside its items. */
export interface LoadContext {
  /** Aborts at `timeout`, and when every caller has left. Made when it is asked for. */
  readonly signal: AbortSignal
}

/** How calls are collected. */
export interface BatcherOptions<I, V, K = unknown> {
  /** Loads several items, no two of them equal, with one call. */
  readonly load: (items: readonly I[], context: LoadContext) => LoadedRows<I, V> | PromiseLike<LoadedRows<I, V>>
  /** Most items in one call. @defaultValue `100` */
  readonly maxItems?: number | undefined
  /** Most tokens in one call; a larger single item goes alone. Needs `tokensOf`. */
  readonly maxTokens?: number | undefined
  readonly tokensOf?: ((item: I) => number) | undefined
  /**
   * How long an item may wait for company while another call is under way. Nothing waits when none is: the call goes out
   * at the end of the turn. @defaultValue `0`: every turn's items go out together
   */
  readonly maxWait?: Duration | undefined
  /** Calls at once. @defaultValue no limit */
  readonly concurrency?: number | undefined
  /** Items that may wait; one more is refused with `ERR_QUEUE_FULL`. @defaultValue `10_000` */
  readonly queue?: number | undefined
  /** For one call; `Infinity` for none. @defaultValue `BATCH_TIMEOUT`, 30 s */
  readonly timeout?: Duration | undefined
  /** A namespace in front: what it has is never loaded, and what is loaded is kept in it, an entry an item. */
  readonly in?: NamespaceFor<K> | undefined
  /** What makes an item itself: equal ones are loaded once, and this is the namespace's key. @defaultValue the item */
  readonly key?: ((item: I) => NoInfer<K>) | undefined
  /** Keeps the entries apart from the namespace's own, and from those of other batchers in it. */
  readonly name?: string | undefined
  readonly ttl?: Duration | undefined
  readonly tags?: readonly string[] | ((item: I) => readonly string[]) | undefined
  readonly scope?: string | undefined
  /** For tests. */
  readonly clock?: Clock | undefined
}

/** {@link BatcherOptions}, checked and complete. */
export interface BatcherPlan<I, V> {
  readonly load: BatcherOptions<I, V>['load']
  readonly maxItems: number
  readonly maxTokens: number
  readonly tokensOf: ((item: I) => number) | undefined
  readonly maxWaitMs: number
  readonly concurrency: number
  readonly queue: number
  readonly timeoutMs: number
  readonly keyOf: ((item: I) => unknown) | undefined
  readonly cache: BatcherCache<I, V> | undefined
  readonly label: string
  /** The clock, made when time is asked for: a batcher may live for one request, and need none. */
  readonly clockOf: () => Clock
}

const KNOWN = [
  'load',
  'maxItems',
  'maxTokens',
  'tokensOf',
  'maxWait',
  'concurrency',
  'queue',
  'timeout',
  'in',
  'key',
  'name',
  'ttl',
  'tags',
  'scope',
  'clock',
] as const satisfies readonly (keyof BatcherOptions<unknown, unknown>)[]

/** Checks and completes {@link BatcherOptions}. @throws OptionError `ERR_OPTION_INVALID` */
export function resolveBatcher<I, V, K>(options: BatcherOptions<I, V, K>): BatcherPlan<I, V> {
  checkShape('the batcher options', options, KNOWN)
  const { load, maxTokens, tokensOf, key, name } = options
  let clock = options.clock === undefined ? undefined : resolveClock(options.clock)
  if (typeof load !== 'function') throw optionInvalid('load', 'a function of several items', load)
  checkFunction(tokensOf, 'tokensOf')
  checkFunction(key, 'key')
  checkText(name, 'name')
  checkText(options.scope, 'scope')
  if ((maxTokens === undefined) !== (tokensOf === undefined)) {
    throw optionInvalid('tokensOf', 'given together with `maxTokens`', tokensOf)
  }
  if (options.in === undefined) {
    for (const only of ['name', 'ttl', 'tags', 'scope'] as const) {
      if (options[only] !== undefined)
        throw optionInvalid(only, 'absent where no namespace is given with `in`', options[only])
    }
  }
  return {
    load,
    maxItems: wholeNumber(options.maxItems ?? 100, 'maxItems', 1, true),
    maxTokens: wholeNumber(maxTokens ?? Infinity, 'maxTokens', 1, true),
    tokensOf,
    maxWaitMs: parseDuration(options.maxWait ?? 0, 'maxWait'),
    concurrency: wholeNumber(options.concurrency ?? Infinity, 'concurrency', 1, true),
    queue: wholeNumber(options.queue ?? 10_000, 'queue', 1, true),
    timeoutMs: resolveTimeout(options.timeout),
    keyOf: key,
    cache: createBatcherCache(options),
    label: name === undefined ? 'batcher' : `batcher '${name}'`,
    clockOf() {
      clock ??= resolveClock(undefined)
      return clock
    },
  }
}
