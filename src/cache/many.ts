import { batchMisaligned, batchShape } from '../errors/batch-error.js'
import { optionInvalid, optionUnknown, preview } from '../errors/option-error.js'
import type { Duration } from '../runtime/duration.js'
import { getOrSet, identify } from './read.js'
import type { NamespaceState } from './state.js'

/** Loads several keys at once: rows as an array, or as a Map by key. */
export type BatchLoader<K, V> = (
  missing: readonly K[],
  context: { readonly signal: AbortSignal },
) => BatchRows<K, V> | PromiseLike<BatchRows<K, V>>

/** What a batch loader returns. A row may be an `Error`: then only its key fails. */
export type BatchRows<K, V> = readonly (V | Error | undefined)[] | ReadonlyMap<K, V | Error>

/** How rows find their keys, and what a failed one does. */
export interface ManyOptions<K, V> {
  /** Reads the key off a row. Rows may come in any order, be missing, or be too many. */
  readonly by?: (row: V) => K
  /** The loader promises one row a key, in the order of the keys; `undefined` for none. */
  readonly aligned?: boolean
  readonly ttl?: Duration
  readonly tags?: readonly string[]
  readonly scope?: string
  readonly signal?: AbortSignal
}

const MANY_OPTION_NAMES = ['by', 'aligned', 'ttl', 'tags', 'scope', 'signal', 'settled']

/**
 * Cache-aside for several keys with one call for all that are missing.
 *
 * Built on the flights of single keys, so a key another caller is loading is waited for, not loaded again, and
 * invalidations reach each key by itself. Equal keys in one call share one row.
 */
export function getOrSetMany<K, V>(
  state: NamespaceState,
  keys: readonly K[],
  loader: BatchLoader<K, V>,
  options: ManyOptions<K, V>,
): Promise<PromiseSettledResult<V | undefined>[]> {
  for (const name of Object.keys(options)) {
    if (!MANY_OPTION_NAMES.includes(name)) throw optionUnknown('the getOrSetMany options', name, MANY_OPTION_NAMES)
  }
  if (!Array.isArray(keys)) throw optionInvalid('keys', 'an array', keys)
  const { by, aligned, settled: _settled, ...each } = options as ManyOptions<K, V> & { settled?: boolean }
  const batch = new Batch<K, V>(state, by, aligned === true, each.scope)
  const answers = keys.map((key) => getOrSet(state, key, ({ signal }) => batch.rowOf(key, () => signal), each))
  batch.start(loader)
  return Promise.allSettled(answers) as Promise<PromiseSettledResult<V | undefined>[]>
}

/** The keys one call has to load. They are gathered while `getOrSet` claims its flights, then asked for at once. */
class Batch<K, V> {
  readonly #keys: K[] = []
  readonly #ids: string[] = []
  readonly #signals: (() => AbortSignal)[] = []
  readonly #rows: Promise<Map<string, V | Error>>
  #resolve!: (rows: Map<string, V | Error> | Promise<Map<string, V | Error>>) => void
  readonly #state: NamespaceState
  readonly #by: ((row: V) => K) | undefined
  readonly #aligned: boolean
  readonly #scope: string | undefined

  constructor(state: NamespaceState, by: ((row: V) => K) | undefined, aligned: boolean, scope: string | undefined) {
    this.#state = state
    this.#by = by
    this.#aligned = aligned
    this.#scope = scope
    this.#rows = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  async rowOf(key: K, signal: () => AbortSignal): Promise<V | undefined> {
    const id = identify(this.#state, key, this.#scope)
    this.#keys.push(key)
    this.#ids.push(id)
    this.#signals.push(signal)
    const row = (await this.#rows).get(id)
    if (row instanceof Error) throw row
    return row
  }

  start(loader: BatchLoader<K, V>): void {
    if (this.#keys.length === 0) return
    this.#resolve(this.#load(loader))
  }

  async #load(loader: BatchLoader<K, V>): Promise<Map<string, V | Error>> {
    const signals = this.#signals
    const context = {
      get signal(): AbortSignal {
        return allAborted(signals.map((signal) => signal()))
      },
    }
    return this.#index(await loader(Object.freeze([...this.#keys]), context))
  }

  #index(rows: BatchRows<K, V>): Map<string, V | Error> {
    const byId = new Map<string, V | Error>()
    if (rows instanceof Map) {
      for (const [key, row] of rows as ReadonlyMap<K, V | Error>) byId.set(identify(this.#state, key, this.#scope), row)
      return byId
    }
    if (!Array.isArray(rows)) throw batchShape(this.#state.name, preview(rows))
    if (this.#aligned && rows.length !== this.#ids.length) {
      throw batchMisaligned(this.#state.name, this.#ids.length, rows.length)
    }
    for (const [position, row] of (rows as readonly (V | Error | undefined)[]).entries()) {
      if (row === undefined) continue
      const id = this.#aligned ? (this.#ids[position] as string) : this.#idOfRow(row)
      // The first row of a key stands: a second one is not the answer to another key.
      if (id !== undefined && !byId.has(id)) byId.set(id, row)
    }
    return byId
  }

  #idOfRow(row: V | Error): string | undefined {
    if (row instanceof Error) throw row
    if (this.#by === undefined)
      throw optionInvalid('by', 'a function that reads the key off a row, or `aligned: true`', undefined)
    return identify(this.#state, this.#by(row), this.#scope)
  }
}

/** A signal that aborts when every one of `signals` has: a batch goes on while any of its keys is wanted. */
function allAborted(signals: readonly AbortSignal[]): AbortSignal {
  const controller = new AbortController()
  let left = signals.length
  for (const signal of signals) {
    const count = (): void => {
      left--
      if (left === 0) controller.abort(signal.reason)
    }
    if (signal.aborted) count()
    else signal.addEventListener('abort', count, { once: true })
  }
  return controller.signal
}
