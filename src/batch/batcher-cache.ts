import type { ReadOptions } from '../cache/call-options.js'
import type { Loader } from '../cache/loader.js'
import { stateOf } from '../cache/namespace-state.js'
import { checkTags } from '../cache/policy.js'
import { getOrSet, identify } from '../cache/read.js'
import type { NamespaceState } from '../cache/state.js'
import { viewOf } from '../cache/view.js'
import { optionInvalid } from '../errors/option-error.js'
import type { Clock } from '../runtime/clock.js'
import { type Duration, parseDuration } from '../runtime/duration.js'
import { atTurnEnd } from './turn-end.js'

/** The namespace in front of a batcher. */
export interface BatcherCache<I, V> {
  /** The cached value, or what `load` resolves with. */
  read(item: I, signal: AbortSignal | undefined, load: Load<V>): Promise<V>
}

type Load<V> = (signal: AbortSignal | undefined, together: ReadsTogether | undefined) => Promise<V>

/** Reads that were begun in one turn: what turns out to be missing goes out together. */
export interface ReadsTogether {
  /** Every one has its answer, or has asked for its load. */
  readonly decided: boolean
  /** Calls `callback` when they are. */
  onDecided(callback: () => void): void
}

interface CacheOptions<I> {
  readonly in?: unknown
  readonly key?: ((item: I) => unknown) | undefined
  readonly name?: string | undefined
  readonly ttl?: Duration | undefined
  readonly tags?: readonly string[] | ((item: I) => readonly string[]) | undefined
  readonly scope?: string | undefined
}

/** A read that waits for a load of another process says nothing for as long as that takes: its company goes out then. */
const MAX_DECIDING_MS = 100

/** The cache a batcher was given, if it was given one. @throws OptionError `ERR_OPTION_INVALID` */
export function createBatcherCache<I, V>(options: CacheOptions<I>): BatcherCache<I, V> | undefined {
  if (options.in === undefined) return undefined
  const { key, name, tags } = options
  const host = stateOf(options.in)
  if (name === '') throw optionInvalid('name', 'a text that is not empty', name)
  if (options.ttl !== undefined) parseDuration(options.ttl, 'ttl')
  if (tags !== undefined && typeof tags !== 'function') checkTags(tags, 'tags')
  const state = name === undefined ? host : viewOf(host, name, key === undefined ? 'record' : 'direct')
  let turn: ReturnType<typeof createTurn> | undefined

  const beginRead = () => {
    if (turn === undefined) {
      const begun = createTurn(state.clock)
      turn = begun
      atTurnEnd(() => {
        if (turn === begun) turn = undefined
        begun.end()
      })
    }
    turn.begin()
    return turn
  }
  // In memory alone a read knows at once; one that joins a load in flight asks for none.
  const knowsAtOnce = (input: unknown): boolean =>
    state.shared === undefined || (state.loads.size > 0 && state.loads.has(idOrEmpty(state, input, options.scope)))
  const optionsOf = (item: I, signal: AbortSignal | undefined): ReadOptions | undefined => {
    const { ttl, scope } = options
    if (ttl === undefined && scope === undefined && tags === undefined && signal === undefined) return undefined
    return {
      ...(ttl !== undefined && { ttl }),
      ...(scope !== undefined && { scope }),
      ...(tags !== undefined && { tags: typeof tags === 'function' ? tags(item) : tags }),
      ...(signal !== undefined && { signal }),
    }
  }

  return {
    read(item, signal, load) {
      let input: unknown
      let readOptions: ReadOptions | undefined
      try {
        input = key === undefined ? item : key(item)
        readOptions = optionsOf(item, signal)
      } catch (error) {
        return Promise.reject(error)
      }
      const begun = knowsAtOnce(input) ? undefined : beginRead()
      let open = true
      const decide = (): void => {
        if (open) begun?.decide()
        open = false
      }
      const loader: Loader<unknown> = (context) => {
        // Who gave no signal stays to the end: then the load is never abandoned, and nobody has to listen.
        const row = load(signal === undefined ? undefined : context.signal, begun?.together)
        decide()
        return row
      }
      const answer = getOrSet(state, input, loader, readOptions) as Promise<V>
      if (begun !== undefined) answer.then(decide, decide)
      return answer
    },
  }
}

function createTurn(clock: Clock) {
  const waiting: (() => void)[] = []
  let undecided = 0
  let over = false
  let late = false
  const timer = clock.setTimer(
    () => {
      late = true
      tell()
    },
    MAX_DECIDING_MS,
    true,
  )
  const isDecided = (): boolean => late || (over && undecided === 0)
  const tell = (): void => {
    if (!isDecided()) return
    clock.clearTimer(timer)
    for (const callback of waiting.splice(0)) callback()
  }
  const together: ReadsTogether = {
    get decided() {
      return isDecided()
    },
    onDecided: (callback) => void waiting.push(callback),
  }
  return {
    together,
    begin(): void {
      undecided++
    },
    decide(): void {
      undecided--
      tell()
    },
    end(): void {
      over = true
      tell()
    },
  }
}

function idOrEmpty(state: NamespaceState, key: unknown, scope: string | undefined): string {
  try {
    return identify(state, key, scope)
  } catch {
    return ''
  }
}
