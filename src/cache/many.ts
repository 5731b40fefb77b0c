import { batchMisaligned, batchShape } from '../errors/batch-error.js'
import { optionInvalid, optionUnknown, preview } from '../errors/option-error.js'
import { checkAnswersAtOnce } from '../resilience/option-shape.js'
import type { Duration } from '../runtime/duration.js'
import { requireArray, requireBoolean, requireFunction, requireObject, requireSignal } from './argument-checks.js'
import { getOrSet, identify } from './read.js'
import { runHoldingAll } from './reentrancy.js'
import type { NamespaceState } from './state.js'

/**
 * Loads several keys at once: rows as an array, or as a Map by key.
 *
 * @typeParam I The keys of one call. @typeParam K The keys of the namespace.
 */
export type BatchLoader<I, V, K = I> = (
  missing: readonly I[],
  context: { readonly signal: AbortSignal },
) => BatchRows<K, V> | PromiseLike<BatchRows<K, V>>

/** What a batch loader returns. A row may be an `Error`: then only its key fails, where the row has one: not with `by`. */
export type BatchRows<K, V> = readonly (V | Error | undefined)[] | ReadonlyMap<K, V | Error>

/** How rows find their keys, and what a failed one does. */
export interface ManyOptions<K, V> {
  /** Reads the key off a row. Rows may come in any order, be missing, or be too many. */
  readonly by?: ((row: V) => K) | undefined
  /** The loader promises one row a key, in the order of the keys; `undefined` for none. */
  readonly aligned?: boolean | undefined
  readonly ttl?: Duration | undefined
  readonly tags?: readonly string[] | undefined
  readonly scope?: string | undefined
  readonly signal?: AbortSignal | undefined
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
  requireArray(keys, 'keys')
  requireFunction(loader, 'loader', 'a function of the missing keys that returns their rows')
  requireObject(options, 'options', 'an object with `by` or `aligned`')
  for (const name of Object.keys(options)) {
    if (!MANY_OPTION_NAMES.includes(name)) throw optionUnknown('the getOrSetMany options', name, MANY_OPTION_NAMES)
  }
  if (options.by !== undefined) requireFunction(options.by, 'by', 'a function that reads the key off a row')
  checkAnswersAtOnce(options.by, 'by')
  requireBoolean(options.aligned, 'aligned')
  if (options.by !== undefined && options.aligned === true)
    throw optionInvalid('by', 'left out where the rows are `aligned`', options.by, 'Of the two, `by` needs no promise.')
  requireSignal(options.signal)
  const { by, aligned, settled: _settled, ...each } = options as ManyOptions<K, V> & { settled?: boolean }
  const batch = new Batch<K, V>(state, loader, by, aligned === true, each.scope)
  const answers = keys.map((key) => {
    const id = idIfAny(state, key, each.scope)
    const running = id === undefined ? undefined : state.loads.get(id)
    const decided = batch.expect(running !== undefined)
    const answer = getOrSet(state, key, (load) => batch.rowOf(key, () => load.signal, decided), each)
    answer.then(decided, decided)
    // That process may be waiting for another key of this call.
    const own = id === undefined ? undefined : state.loads.get(id)
    if (own !== undefined && own !== running) own.onFollow = decided
    return answer
  })
  return Promise.allSettled(answers) as Promise<PromiseSettledResult<V | undefined>[]>
}

function idIfAny(state: NamespaceState, key: unknown, scope: string | undefined): string | undefined {
  try {
    return identify(state, key, scope)
  } catch {
    return undefined
  }
}

/**
 * The keys one call has to load, gathered until every key is either answered from the cache or known to be missing, then
 * asked for at once. A key that turns out to be missing later makes a batch of its own.
 */
class Batch<K, V> {
  #keys: K[] = []
  #ids: string[] = []
  #signals: (() => AbortSignal)[] = []
  #rows: Deferred<Map<string, V | Error>> | undefined
  #undecided = 0
  #bypassed = 0
  #flushing = false
  readonly #loader: BatchLoader<K, V>
  readonly #state: NamespaceState
  readonly #by: ((row: V) => K) | undefined
  readonly #aligned: boolean
  readonly #scope: string | undefined

  constructor(
    state: NamespaceState,
    loader: BatchLoader<K, V>,
    by: ((row: V) => K) | undefined,
    aligned: boolean,
    scope: string | undefined,
  ) {
    this.#state = state
    this.#loader = loader
    this.#by = by
    this.#aligned = aligned
    this.#scope = scope
  }

  /** Announces a key; the returned function says that its fate is known. Another caller's load is not waited for. */
  expect(isLoading: boolean): () => void {
    let open = !isLoading
    if (open) this.#undecided++
    return () => {
      if (!open) return
      open = false
      this.#undecided--
      this.#flushSoon()
    }
  }

  async rowOf(key: K, signal: () => AbortSignal, decided: () => void): Promise<V | undefined> {
    const id = this.#idOf(key)
    this.#keys.push(key)
    this.#ids.push(id)
    this.#signals.push(signal)
    this.#rows ??= new Deferred()
    const { promise } = this.#rows
    decided()
    this.#flushSoon()
    const row = (await promise).get(id)
    if (row instanceof Error) throw row
    return row
  }

  // A key without a canonical form bypasses the cache; it gets its row by position, if at all.
  #idOf(key: K): string {
    try {
      return identify(this.#state, key, this.#scope)
    } catch (error) {
      if (this.#state.live.policy.strict || this.#state.requireScope) throw error
      return `\u0000bypass ${this.#bypassed++}`
    }
  }

  #flushSoon(): void {
    if (this.#flushing || this.#undecided > 0 || this.#rows === undefined) return
    this.#flushing = true
    queueMicrotask(() => {
      this.#flushing = false
      if (this.#undecided > 0 || this.#rows === undefined) return
      const rows = this.#rows
      this.#rows = undefined
      rows.follow(this.#load())
    })
  }

  async #load(): Promise<Map<string, V | Error>> {
    const keys = Object.freeze(this.#keys)
    const ids = this.#ids
    const signals = this.#signals
    this.#keys = []
    this.#ids = []
    this.#signals = []
    const context = {
      get signal(): AbortSignal {
        return allAborted(signals.map((signal) => signal()))
      },
    }
    return this.#index(ids, await this.#asPartOf(ids, () => this.#loader(keys, context)))
  }

  /** A batch is part of the loads of all its keys: if it asked for one of them, it would wait for itself. */
  #asPartOf<T>(ids: readonly string[], call: () => T): T {
    const { loads, live } = this.#state
    const own = ids.flatMap((id) => loads.get(id) ?? [])
    for (const load of own) load.starting = true
    try {
      return live.policy.detectReentrancy ? runHoldingAll(own, call) : call()
    } finally {
      for (const load of own) load.starting = false
    }
  }

  #index(ids: readonly string[], rows: BatchRows<K, V>): Map<string, V | Error> {
    const byId = new Map<string, V | Error>()
    if (rows instanceof Map) {
      for (const [key, row] of rows as ReadonlyMap<K, V | Error>) {
        const id = idIfAny(this.#state, key, this.#scope)
        if (id !== undefined) byId.set(id, row)
      }
      return byId
    }
    if (!Array.isArray(rows)) throw batchShape(this.#state.name, preview(rows))
    if (this.#aligned && rows.length !== ids.length) {
      throw batchMisaligned(this.#state.name, ids.length, rows.length)
    }
    for (const [position, row] of (rows as readonly (V | Error | undefined)[]).entries()) {
      if (row === undefined) continue
      const id = this.#aligned ? (ids[position] as string) : this.#idOfRow(row)
      // The first row of a key stands: a second one is not the answer to another key.
      if (id !== undefined && !byId.has(id)) byId.set(id, row)
    }
    return byId
  }

  // A row of nothing has no key, and one without a canonical form nobody's: neither is an answer to any key.
  #idOfRow(row: V | Error): string | undefined {
    if (row instanceof Error) throw row
    if (this.#by === undefined)
      throw optionInvalid('by', 'a function that reads the key off a row, or `aligned: true`', undefined)
    return row === null ? undefined : idIfAny(this.#state, this.#by(row), this.#scope)
  }
}

/** A promise and its settlement. */
class Deferred<T> {
  readonly promise: Promise<T>
  #resolve!: (value: T | Promise<T>) => void

  constructor() {
    this.promise = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  follow(promise: Promise<T>): void {
    this.#resolve(promise)
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
