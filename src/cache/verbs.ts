import { requireArray } from './argument-checks.js'
import { checkRemoveOptions, checkScopeOption, type ScopeOption, type WriteOptions } from './call-options.js'
import { type EntryView, entryView, freshValue, idForRead, viewFound } from './entry-view.js'
import { findShared } from './find-shared.js'
import type { FoundEntry } from './found-entry.js'
import { clear, type InvalidateOptions, invalidateTags } from './invalidate.js'
import { observed, observedAs } from './observe-verb.js'
import { freshOfStore, freshShared } from './shared-read.js'
import { bumpShared, confirmed, expireShared, type RequireOption, removeShared, setShared } from './shared-write.js'
import type { NamespaceState, SharedSide } from './state.js'
import type { WriteResult } from './words.js'
import { expire, refuseClosed, remove, set } from './write.js'

/** What reads and writes of a namespace come down to: in memory alone, or through a shared store, too. */
export interface Verbs {
  get(key: unknown, options: ScopeOption | undefined): Promise<unknown>
  getMany(keys: readonly unknown[], options: ScopeOption | undefined): Promise<unknown[]>
  getEntry(key: unknown, options: ScopeOption | undefined): Promise<EntryView<unknown> | undefined>
  set(key: unknown, value: unknown, options: WriteOptions | undefined): Promise<WriteResult>
  remove(key: unknown, options: (ScopeOption & RequireOption) | undefined): Promise<WriteResult>
  expire(key: unknown, options: (ScopeOption & RequireOption) | undefined): Promise<WriteResult>
}

/** More of them would block the loop for longer than a store may take to answer. */
const READ_AT_ONCE = 5000

/** The verbs a namespace needs, with or without a shared store. */
export function verbsOf(state: NamespaceState): Verbs {
  const verbs = state.shared === undefined ? localVerbs(state) : sharedVerbs(state, state.shared)
  const get: Verbs['get'] = (key, options) =>
    observedAs(
      state,
      'get',
      { key, scope: options?.scope },
      () => {
        checkScopeOption(options)
        return verbs.get(key, options)
      },
      (outcome, value) => {
        outcome.status = value === undefined ? 'miss' : 'hit'
      },
    )
  // An outcome for each, where somebody listens.
  const some = (keys: readonly unknown[], options: ScopeOption | undefined): Promise<unknown[]> =>
    state.channel.hasSubscribers ? Promise.all(keys.map((key) => get(key, options))) : verbs.getMany(keys, options)
  return {
    // Without a promise for nothing: most reads are these.
    get: (key, options) =>
      options === undefined && !state.channel.hasSubscribers ? verbs.get(key, options) : get(key, options),
    async getMany(keys, options) {
      requireArray(keys, 'keys')
      checkScopeOption(options)
      if (keys.length <= READ_AT_ONCE) return some(keys, options)
      const left = [...keys]
      const values: unknown[] = []
      while (left.length > 0) values.push(...(await some(left.splice(0, READ_AT_ONCE), options)))
      return values
    },
    async getEntry(key, options) {
      checkScopeOption(options)
      return verbs.getEntry(key, options)
    },
    set: (key, value, options) =>
      observed(state, 'set', { key, scope: options?.scope }, () => {
        refuseClosed(state)
        return verbs.set(key, value, options)
      }),
    remove: (key, options) =>
      observed(state, 'delete', { key, scope: options?.scope }, () => {
        checkRemoveOptions(options)
        refuseClosed(state)
        return verbs.remove(key, options)
      }),
    expire: (key, options) =>
      observed(state, 'expire', { key, scope: options?.scope }, () => {
        checkRemoveOptions(options)
        refuseClosed(state)
        return verbs.expire(key, options)
      }),
  }
}

function localVerbs(state: NamespaceState): Verbs {
  return {
    get: async (key, options) => freshValue(state, key, options),
    getMany: async (keys, options) => keys.map((key) => freshValue(state, key, options)),
    getEntry: async (key, options) => entryView(state, key, options),
    set: async (key, value, options) => set(state, key, value, options),
    remove: async (key, options) => remove(state, key, options),
    expire: async (key, options) => expire(state, key, options),
  }
}

function sharedVerbs(state: NamespaceState, tier: SharedSide): Verbs {
  return {
    get: (key, options) => freshOfStore(state, tier, key, options),
    getMany: (keys, options) => freshShared(state, tier, keys, options),
    async getEntry(key, options) {
      const id = idForRead(state, key, options)
      if (id === undefined) return undefined
      const found = await new Promise<FoundEntry | undefined>((done) => findShared(state, tier, id, done))
      return found === undefined ? undefined : viewFound(state, found)
    },
    set: (key, value, options) => setShared(state, tier, key, value, options),
    remove: (key, options) => removeShared(state, tier, key, options),
    expire: (key, options) => expireShared(state, tier, key, options),
  }
}

/** Invalidates tags in the given namespaces: here at once, and in the shared store. `everywhere` names all namespaces. */
export function invalidateTagsIn(
  states: readonly NamespaceState[],
  tags: readonly string[],
  options: InvalidateOptions | undefined,
  everywhere: boolean,
): Promise<WriteResult> {
  return observedIn(states, 'invalidateTags', () => invalidateIn(states, tags, options, everywhere))
}

async function invalidateIn(
  states: readonly NamespaceState[],
  tags: readonly string[],
  options: InvalidateOptions | undefined,
  everywhere: boolean,
): Promise<WriteResult> {
  const obey = (): WriteResult => invalidateTags(states, tags, options)
  const local = obey()
  const shared = states[0]?.shared
  if (shared === undefined || tags.length === 0) return local
  const names = tags.flatMap((tag) => (everywhere ? [`t//${tag}`] : states.map((state) => `t/${state.name}/${tag}`)))
  const store = await bumpShared(states, shared, names, options?.mode ?? 'delete', obey)
  return confirmedIn('invalidateTags', states, everywhere, { ...local, store }, options)
}

/** Empties the given namespaces: here at once, and in the shared store. `everywhere` names all namespaces. */
export function clearIn(
  states: readonly NamespaceState[],
  options: RequireOption | undefined,
  everywhere: boolean,
): Promise<WriteResult> {
  return observedIn(states, 'clear', () => emptyIn(states, options, everywhere))
}

// One outcome for the whole operation, in the name of the namespace it was called on, or of the first.
async function observedIn(
  states: readonly NamespaceState[],
  operation: 'clear' | 'invalidateTags',
  run: () => Promise<WriteResult>,
): Promise<WriteResult> {
  const [first] = states
  return first === undefined ? run() : observed(first, operation, undefined, run)
}

async function emptyIn(
  states: readonly NamespaceState[],
  options: RequireOption | undefined,
  everywhere: boolean,
): Promise<WriteResult> {
  const obey = (): WriteResult => clear(states)
  const local = obey()
  const shared = states[0]?.shared
  if (shared === undefined) return local
  const names = everywhere ? ['*'] : states.map((state) => `n/${state.name}`)
  const store = await bumpShared(states, shared, names, 'delete', obey)
  return confirmedIn('clear', states, everywhere, { ...local, store }, options)
}

function confirmedIn(
  operation: string,
  states: readonly NamespaceState[],
  everywhere: boolean,
  result: WriteResult,
  options: RequireOption | undefined,
): WriteResult {
  return confirmed(operation, everywhere ? '*' : (states[0]?.name ?? '*'), result, options ?? {})
}
