import { optionInvalid, optionUnknown } from '../errors/option-error.js'
import { diffKeys, type KeyDifference } from '../keys/diff-keys.js'
import { explainKey, type KeyExplanation } from '../keys/explain.js'
import type { Duration } from '../runtime/duration.js'
import { parseDuration } from '../runtime/duration.js'
import { requireArray, requireFunction, requireObject } from './argument-checks.js'
import {
  checkScopeOption,
  checkWriteOptions,
  type ReadOptions,
  type ScopeOption,
  type WriteOptions,
} from './call-options.js'
import { type NamespaceStats, statsOf } from './counters.js'
import { type EntryView, freshValue } from './entry-view.js'
import { type Explanation, explainEntry } from './explain-entry.js'
import { settledCounters } from './failed-load.js'
import { clearOptions, type InvalidateOptions } from './invalidate.js'
import type { Loader, LoaderContext } from './loader.js'
import { type BatchLoader, getOrSetMany, type ManyOptions } from './many.js'
import { bindState } from './namespace-state.js'
import { observedAs } from './observe-verb.js'
import { resolveMax, ttlOf, withChanges } from './policy.js'
import { getOrSet } from './read.js'
import { createRecords } from './record-store.js'
import type { RecordHost } from './records.js'
import type { RequireOption } from './shared-write.js'
import type { NamespaceState } from './state.js'
import { clearIn, invalidateTagsIn, verbsOf } from './verbs.js'
import { type WarmItem, type WarmOptions, type WarmSummary, warm } from './warm.js'
import type { WriteResult } from './words.js'
import { requireSave, writeThrough } from './write.js'

/** Only a namespace of `unknown` values takes the type of a value from the call. One signature, for functions generic in `V`. */
export type GetOrSet<V, K> = <T extends V, I extends K = K>(
  key: I,
  loader: (context: LoaderContext<V, I>) => T | PromiseLike<T>,
  options?: ReadOptions,
) => Promise<unknown extends V ? T : V>

/**
 * A typed cache namespace: keys of one kind, values of one kind, one policy.
 *
 * A failing cache never fails a call; a failing loader always does, unless a stale value was asked for.
 * `0`, `''`, `false` and `null` are values; `undefined` is the only miss.
 *
 * @typeParam V The value. @typeParam K What a caller gives as key.
 */
export interface Namespace<V = unknown, K = unknown> extends RecordHost {
  readonly name: string
  /** Cache-aside: the cached value, or what `loader` returns. Concurrent equal calls share one load. */
  readonly getOrSet: GetOrSet<V, K>
  /**
   * Cache-aside for several keys with one call for all that are missing; results in the order of the keys.
   *
   * Rejects with the first error; `{ settled: true }` tells each key's outcome instead.
   */
  getOrSetMany<I extends K>(
    keys: readonly I[],
    loader: BatchLoader<I, V, K>,
    options: ManyOptions<K, V> & { readonly settled: true },
  ): Promise<PromiseSettledResult<V | undefined>[]>
  getOrSetMany<I extends K>(
    keys: readonly I[],
    loader: BatchLoader<I, V, K>,
    options: ManyOptions<K, V>,
  ): Promise<(V | undefined)[]>
  /** The fresh value in memory, now; `undefined` if there is none. Never loads, never waits. */
  peek(key: K, options?: ScopeOption): V | undefined
  /** The fresh value of the nearest tier that has it. */
  get(key: K, options?: ScopeOption): Promise<V | undefined>
  /** The value with its age, tier and tags; also one that is past its ttl but kept (`status: 'stale'`). */
  getEntry(key: K, options?: ScopeOption): Promise<EntryView<V> | undefined>
  getMany(keys: readonly K[], options?: ScopeOption): Promise<(V | undefined)[]>
  has(key: K, options?: ScopeOption): Promise<boolean>
  /** Stores a copy of `value`. Resolves with what happened per tier. */
  set(key: K, value: V, options?: WriteOptions): Promise<WriteResult>
  setMany(entries: Iterable<readonly [K, V]>, options?: WriteOptions): Promise<WriteResult[]>
  /** Removes for good: nothing stale is served, and a load that began before cannot bring the value back. */
  delete(key: K, options?: ScopeOption & RequireOption): Promise<WriteResult>
  deleteMany(keys: readonly K[], options?: ScopeOption & RequireOption): Promise<WriteResult[]>
  /** Ends the freshness; keeps the value for stale fallback. */
  expire(key: K, options?: ScopeOption & RequireOption): Promise<WriteResult>
  clear(options?: RequireOption): Promise<WriteResult>
  /** Makes every entry of this namespace that has one of the tags a miss. */
  invalidateTags(tags: readonly string[], options?: InvalidateOptions): Promise<WriteResult>
  /** Saves to the system of record first, then stores. Resolves with what `save` returned, or the value. */
  writeThrough(key: K, value: V, save: (value: V) => unknown, options?: WriteOptions): Promise<V>
  /** `writeThrough` of a change to the present value (`undefined` if there is none). */
  update(
    key: K,
    change: (current: V | undefined) => V | Promise<V>,
    save: (value: V) => unknown,
    options?: WriteOptions,
  ): Promise<V>
  /** Loads keys ahead of their first reader. */
  warm(items: readonly WarmItem<K, V>[], options?: WarmOptions): Promise<WarmSummary>
  /** Changes size and lifetime of a running namespace; wins over environment and code. Entries keep their lifetime. */
  resize(changes: { readonly max?: number; readonly ttl?: Duration }): void
  stats(): NamespaceStats
  /** Why a key is there, for how long, and what a read of it would be. */
  explain(key: K, options?: ScopeOption): Explanation
  /** The canonical form of a key. */
  explainKey(key: K): KeyExplanation
  /** The paths in which two keys differ: why was this a miss? */
  diffKeys(a: K, b: K): readonly KeyDifference[]
}

/** Gives a namespace's state its public face. */
export function createNamespace<V, K>(state: NamespaceState): Namespace<V, K> {
  const verbs = verbsOf(state)
  const many = async (
    keys: readonly K[],
    loader: BatchLoader<K, V>,
    options: ManyOptions<K, V> & { settled?: true } = {},
  ) => {
    const results = await getOrSetMany(state, keys, loader, options)
    return options.settled === true ? results : results.map(unwrap)
  }
  const through = (key: K, value: V, save: (value: V) => unknown, options?: WriteOptions): Promise<V> =>
    observedAs(
      state,
      'writeThrough',
      { key, scope: options?.scope },
      () => writeThrough(state, key, value, save as (value: unknown) => unknown, options) as Promise<V>,
      (outcome) => {
        outcome.status = 'done'
      },
    )
  const namespace: Namespace<V, K> = {
    name: state.name,
    getOrSet: ((key: K, loader: Loader<unknown>, options?: ReadOptions) =>
      getOrSet(state, key, loader, options)) as GetOrSet<V, K>,
    getOrSetMany: many as Namespace<V, K>['getOrSetMany'],
    peek(key, options) {
      checkScopeOption(options)
      return freshValue(state, key, options) as V | undefined
    },
    get: (key, options) => verbs.get(key, options) as Promise<V | undefined>,
    getEntry: (key, options) => verbs.getEntry(key, options) as Promise<EntryView<V> | undefined>,
    getMany: (keys, options) => verbs.getMany(keys, options) as Promise<(V | undefined)[]>,
    has: async (key, options) => (await verbs.get(key, options)) !== undefined,
    set: (key, value, options) => verbs.set(key, value, options),
    setMany: async (entries, options) => each(pairsOf(entries), ([key, value]) => verbs.set(key, value, options)),
    delete: (key, options) => verbs.remove(key, options),
    deleteMany: async (keys, options) => each(keys, (key) => verbs.remove(key, options)),
    expire: (key, options) => verbs.expire(key, options),
    async clear(...given: unknown[]) {
      const options = clearOptions(
        given,
        `${state.name}.clear()`,
        'It empties the whole namespace: for one key call `delete`, for some `invalidateTags`.',
      )
      return clearIn([state], options, false)
    },
    invalidateTags: (tags, options) => invalidateTagsIn([state], tags, options, false),
    writeThrough: through,
    async update(key, change, save, options) {
      requireFunction(change, 'change', 'a function of the present value that returns the next')
      requireSave(save)
      if (options !== undefined) checkWriteOptions(options)
      const at = options?.scope === undefined ? undefined : { scope: options.scope }
      return through(key, await change((await verbs.get(key, at)) as V | undefined), save, options)
    },
    warm: (items, options) => warm(state, items as readonly WarmItem<unknown, unknown>[], options),
    resize: (changes) => resize(state, changes),
    stats: () => statsOf(settledCounters(state), memoryOf(state), ttlOf(state.live.policy)),
    explain(key, options) {
      checkScopeOption(options)
      return explainEntry(state, key, options)
    },
    explainKey: (key) => explainKey(key),
    diffKeys: (a, b) => diffKeys(a, b),
    records: (name) => createRecords(state, name),
  }
  bindState(namespace, state)
  return Object.freeze(namespace)
}

/** All at once: what is written or deleted later must find every one of them begun. */
async function each<T, R>(items: readonly T[], verb: (item: T) => Promise<R>): Promise<R[]> {
  requireArray(items, 'keys')
  return (await Promise.allSettled(items.map(verb))).map(unwrap)
}

function pairsOf<K, V>(entries: Iterable<readonly [K, V]>): (readonly [K, V])[] {
  const isIterable = typeof (entries as Partial<typeof entries> | undefined)?.[Symbol.iterator] === 'function'
  const pairs = isIterable && typeof entries !== 'string' ? [...entries] : undefined
  if (pairs === undefined || !pairs.every((pair) => Array.isArray(pair))) {
    throw optionInvalid('entries', 'a Map, or a list of `[key, value]`', entries)
  }
  return pairs
}

function unwrap<T>(result: PromiseSettledResult<T>): T {
  if (result.status === 'rejected') throw result.reason
  return result.value
}

function resize(state: NamespaceState, changes: { readonly max?: number; readonly ttl?: Duration }): void {
  requireObject(changes, 'changes', 'an object with `max` or `ttl`')
  for (const name of Object.keys(changes)) {
    if (name !== 'max' && name !== 'ttl') throw optionUnknown('resize()', name, ['max', 'ttl'])
  }
  const max = changes.max === undefined ? undefined : resolveMax(changes.max, `${state.name}.max`)
  const ttlMs = changes.ttl === undefined ? undefined : parseDuration(changes.ttl, `${state.name}.ttl`)
  const said = { ...(max !== undefined && { max }), ...(ttlMs !== undefined && { ttlMs }) }
  state.live.policy = withChanges(state.live.policy, said, 'resize')
  if (max !== undefined) state.memory.resize(max)
}

function memoryOf(state: NamespaceState) {
  const { size, max, bytes } = state.memory
  return { size, max, bytes, inFlight: state.loads.size }
}
