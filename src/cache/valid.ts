import { About, type Entry, horizonFrom, livesForEver } from './entry.js'
import { type Freshness, freshnessAt, refreshesEarly, type Windows } from './freshness.js'
import { checkAtOf } from './keep.js'
import { copyOf } from './ownership.js'
import type { NamespaceState } from './state.js'
import { softenedByStore, type Trust, trustOf } from './trust.js'
import type { MissCause } from './words.js'

/**
 * The entry of a key if nothing invalidated it: the one rule behind every read. Its age is another question.
 *
 * An entry checked in this generation needs no look at its cells. `peek` leaves the order of use as it is.
 */
export function validEntry(state: NamespaceState, id: string, how: 'get' | 'peek' = 'get'): Entry | undefined {
  const entry = state.memory[how](id)
  if (entry === undefined || entry.generation === state.coherence.generation) return entry
  if (entry.about instanceof About) {
    const trust = survives(entry, entry.about) ? trustIn(state, entry, entry.about) : 'drop'
    if (trust === 'drop') removeAs(state, id, 'invalidated')
    if (trust !== 'serve') return undefined
  }
  entry.generation = state.coherence.generation
  return entry
}

/** What the shared store's state, as far as it is known here, says of an entry. `ask` leaves it where it is. */
function trustIn(state: NamespaceState, entry: Entry, about: About): Trust {
  const { shared } = state
  if (shared === undefined || about.shared === undefined) return 'serve'
  const softAt = softenedByStore(about, about.shared.startSeq)
  if (softAt !== undefined) endFreshness(entry, about, softAt)
  return trustOf(state, about, shared.link, shared.maxDisconnectedMs, state.clock.now())
}

/** Compares an entry with its cells; a soft invalidation ends its freshness, a hard one its life. */
function survives(entry: Entry, about: About): boolean {
  for (const cell of about.cells) {
    if (cell.hard > about.startSeq) return false
    if (cell.soft > about.startSeq) endFreshness(entry, about, cell.softAt)
  }
  return true
}

/** Ends the freshness of an entry at `at`, and lets its stale windows count from there. */
export function endFreshness(entry: Entry, about: About, at: number): void {
  about.freshUntil = Math.min(about.freshUntil, at)
  entry.checkAt = 0
}

/** What may be done with a valid entry now; moves its `checkAt` on where it was only a place to think. */
export function freshnessOf(state: NamespaceState, entry: Entry, now: number): Freshness {
  const horizon = horizonFrom(now)
  if (typeof entry.about === 'number') {
    if (now < entry.checkAt) return 'fresh'
    if (!livesForEver(entry.checkAt)) return 'dead'
    entry.checkAt = horizon
    return 'fresh'
  }
  const { about } = entry
  const freshness = freshnessAt(about, now)
  if (freshness !== 'fresh') return freshness
  const beta = state.live.policy.earlyRefreshBeta
  if (beta !== undefined && refreshesEarly(now, about.freshUntil, about.loadMs, beta, state.clock.random()))
    return 'refresh'
  entry.checkAt = checkAtOf(state, about, horizon)
  return 'fresh'
}

/** Starts the lifetime of an entry anew, for `sliding`; never beyond `maxTtl` from when it was stored. */
export function slide(entry: Entry, now: number, maxTtlMs: number): void {
  if (!(entry.about instanceof About)) return
  const { about } = entry
  const shift = Math.max(0, now - about.slidAt)
  about.slidAt += shift
  about.freshUntil = Math.min(about.freshUntil + shift, Math.max(about.freshUntil, about.storedAt + maxTtlMs))
}

/** What one reader gets of an entry. */
export function valueFor(entry: Entry): unknown {
  return entry.about instanceof About && entry.about.readersGetCopies ? copyOf(entry.value) : entry.value
}

/** Removes an entry and remembers why, for the next miss. */
export function removeAs(state: NamespaceState, id: string, cause: MissCause): void {
  if (state.memory.delete(id)) state.ghost.note(id, cause)
}

/** When the value was stored, and its windows. */
export function timesOf(entry: Entry): Windows & { readonly storedAt: number } {
  if (entry.about instanceof About) return entry.about
  const end = livesForEver(entry.checkAt) ? Infinity : entry.checkAt
  return { storedAt: entry.about, freshUntil: end, refreshAt: Infinity, staleForMs: 0, errorForMs: 0 }
}
