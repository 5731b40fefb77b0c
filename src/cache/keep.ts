import { parseDuration } from '../runtime/duration.js'
import { requireArray } from './argument-checks.js'
import type { ReadOptions, WriteOptions } from './call-options.js'
import type { Cell } from './cells.js'
import { About, Entry, horizonFrom, livesForEver } from './entry.js'
import { earlyRefreshFrom, jittered, type Lifetime, windowsOf } from './freshness.js'
import type { Owned } from './ownership.js'
import { checkTags } from './policy.js'
import type { NamespaceState } from './state.js'

/** How long, under which marks, and from which logical time a value is kept. */
export interface Keeping {
  readonly life: Lifetime
  readonly cells: readonly Cell[]
  readonly startSeq: number
  readonly loadMs: number
  readonly now: number
}

/** What a call and its loader ask of a lifetime. */
export interface LifetimeWish {
  readonly options: ReadOptions | WriteOptions | undefined
  /** What the loader asked for. */
  readonly askedMs?: number | undefined
  readonly keepStaleForMs?: number | undefined
}

/** Puts an owned value into memory. */
export function keep(state: NamespaceState, id: string, owned: Owned<unknown>, keeping: Keeping): Entry {
  const entry = entryOf(state, owned, keeping)
  state.negatives.delete(id)
  state.cells.retain(keeping.cells, id)
  state.memory.set(id, entry)
  return entry
}

/** The lifetime of a value: what the call says, else the loader, else the namespace; capped, and shortened by jitter. */
export function lifetimeOf(state: NamespaceState, value: unknown, wish: LifetimeWish): Lifetime {
  const { options, askedMs, keepStaleForMs = 0 } = wish
  const { policy } = state.live
  const own = policy.ttlOf?.(value)
  let ttlMs = own === undefined ? policy.ttlMs : parseDuration(own, `${state.name}.ttl`)
  if (askedMs !== undefined) ttlMs = askedMs
  // A loader that says 0 knows that its answer must not be kept: no call overrules it.
  if (options?.ttl !== undefined && askedMs !== 0) ttlMs = parseDuration(options.ttl, 'ttl')
  return {
    ttlMs: livedMs(state, Math.min(ttlMs, policy.maxTtlMs)),
    staleWhileRevalidateMs: windowMs(options?.staleWhileRevalidate, policy.staleWhileRevalidateMs),
    staleIfErrorMs: Math.max(keepStaleForMs, windowMs(options?.staleIfError, policy.staleIfErrorMs)),
    refreshAhead: policy.refreshAhead,
  }
}

function livedMs({ recording, live, clock }: NamespaceState, ttlMs: number): number {
  if (ttlMs === 0 || recording.mode === 'off') return 0
  return recording.timeless ? Infinity : jittered(ttlMs, live.policy.jitter, clock.random())
}

/** All tags of a value: the namespace's, the call's, the loader's, and one for whose data it is. */
export function tagsFor(
  state: NamespaceState,
  value: unknown,
  input: unknown,
  options: ReadOptions | WriteOptions | undefined,
  added: readonly string[] = [],
): readonly string[] {
  const { tagsOf, subjectOf } = state.live.policy
  const own = tagsOf?.(value, input) ?? []
  // A text would fall apart into tags of a letter each.
  requireArray(own, 'tags')
  const tags = [...own, ...(options?.tags ?? []), ...added]
  if (tags.length > 0) checkTags(tags, 'tags')
  const subject = options?.subject ?? subjectOf?.(input)
  if (subject !== undefined) tags.push(state.subjectOf(subject).tag)
  return tags
}

/** Tags and lifetime of a written value; `undefined` if a function of the namespace threw: the old value is over all the same. */
export function judgeWrite(
  state: NamespaceState,
  key: unknown,
  value: unknown,
  options: WriteOptions | undefined,
): { readonly tags: readonly string[]; readonly life: Lifetime } | undefined {
  try {
    const tags = tagsFor(state, value, key, options)
    return { tags, life: lifetimeOf(state, value, { options }) }
  } catch {
    return undefined
  }
}

function windowMs(option: ReadOptions['staleIfError'], or: number): number {
  return option === undefined ? or : parseDuration(option, 'stale window')
}

function entryOf(state: NamespaceState, owned: Owned<unknown>, keeping: Keeping): Entry {
  const { coherence } = state
  const { policy } = state.live
  const { life, cells, now } = keeping
  const horizon = horizonFrom(now)
  const { value, bytes } = owned
  const windows = windowsOf(life, now)
  const simple =
    policy.plain &&
    cells.length === 0 &&
    owned.handOut === 'same' &&
    life.staleWhileRevalidateMs === 0 &&
    life.staleIfErrorMs === 0 &&
    (windows.freshUntil === Infinity || (windows.freshUntil < horizon && !livesForEver(windows.freshUntil)))
  if (simple) return new Entry(value, Math.min(windows.freshUntil, horizon), coherence.generation, bytes, now)
  const about = new About({
    storedAt: now,
    loadMs: Math.ceil(keeping.loadMs),
    startSeq: keeping.startSeq,
    cells,
    readersGetCopies: owned.handOut === 'copy',
    ...windows,
  })
  return new Entry(value, checkAtOf(state, about, horizon), coherence.generation, bytes, about)
}

/** The instant the hit path has to stop and think; at once where every reader gets a copy or moves the lifetime. */
export function checkAtOf(state: NamespaceState, about: About, horizon: number): number {
  const { sliding, earlyRefreshBeta } = state.live.policy
  if (about.readersGetCopies || sliding) return 0
  const early =
    earlyRefreshBeta === undefined ? Infinity : earlyRefreshFrom(about.freshUntil, about.loadMs, earlyRefreshBeta)
  return Math.min(about.freshUntil, about.refreshAt, early, horizon)
}
