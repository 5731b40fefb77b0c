import { type Duration, parseDuration } from '../runtime/duration.js'
import { About } from './entry.js'
import type { Load } from './load-record.js'
import { copyOf } from './ownership.js'
import { checkTags } from './policy.js'
import type { NamespaceState } from './state.js'
import { type UsageMeter, usageOf } from './usage-meter.js'

/** What a loader is given. Nothing in it is made before it is asked for. */
export interface LoaderContext<V = unknown, K = unknown> {
  /** The key as the caller gave it who began the load: one function may load all keys, without a closure for each call. */
  readonly key: K
  /** Aborts when nobody waits any more, and at `hardTimeout`. */
  readonly signal: AbortSignal
  /** The value that is being replaced, if one is still kept. */
  readonly stale: V | undefined
  /** Counts what the upstream call used, for the savings in `stats()`. */
  readonly usage: UsageMeter
  /** Lifetime of this value; capped by `maxTtl`. 0 stores nothing. */
  setTtl(ttl: Duration): void
  addTags(...tags: readonly string[]): void
}

/** Computes a value. What it throws reaches every caller that waits. */
export type Loader<V, K = unknown> = (context: LoaderContext<V, K>) => V | PromiseLike<V>

/** The context of one load. */
export class LoadContext implements LoaderContext {
  readonly tags: string[] = []
  ttlMs: number | undefined
  readonly key: unknown
  readonly #state: NamespaceState
  readonly #load: Load

  constructor(state: NamespaceState, load: Load, key: unknown) {
    this.#state = state
    this.#load = load
    this.key = key
  }

  get signal(): AbortSignal {
    return this.#load.flight.signal
  }

  get stale(): unknown {
    const { replaces } = this.#load
    if (replaces === undefined) return undefined
    return replaces.about instanceof About && replaces.about.readersGetCopies ? copyOf(replaces.value) : replaces.value
  }

  get usage(): UsageMeter {
    return usageOf(this.#state)
  }

  // Getters, so that both may be taken out of the context without a closure for every load.
  get setTtl(): (ttl: Duration) => void {
    return (ttl) => {
      this.ttlMs = parseDuration(ttl, 'setTtl')
    }
  }

  get addTags(): (...tags: readonly string[]) => void {
    return (...tags) => void this.tags.push(...checkTags(tags, 'addTags'))
  }
}
