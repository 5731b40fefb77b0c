import type { DecodedShape } from '../codec/decoded-shape.js'
import { isValid, type Markers, markerNames, type ReadReply, type StoredEntry } from '../stores/shared-store.js'
import { admit } from './admit.js'
import { About, Entry, horizonFrom } from './entry.js'
import type { Fill } from './fills.js'
import { freshnessAt } from './freshness.js'
import { checkAtOf } from './keep.js'
import { MAX_OWNED_BYTES, own, ownDecoded } from './ownership.js'
import { countRefused, fitsMemory } from './refusals.js'
import { SharedFlight } from './shared-flight.js'
import { LEASE_MS, leads } from './shared-lease.js'
import type { DecodedBody, NamespaceState, SharedSide } from './state.js'
import { outrankedByStore, softenedByStore } from './trust.js'
import { endFreshness } from './valid.js'

/** Begins a flight: registered before the first command leaves, so that messages find it. */
export function beginShared(state: NamespaceState, tier: SharedSide, id: string, kind: Fill['kind']): SharedFlight {
  const ref = tier.refOf(state, id)
  tier.remember(ref.namespace, ref.digest, id)
  state.cells.loadBegins()
  return new SharedFlight(ref, state.fills.begin(id, kind), tier.link.epoch, state.coherence)
}

export function endShared(state: NamespaceState, tier: SharedSide, id: string, flight: SharedFlight): void {
  // A written value has used its lease up already.
  if (flight.token !== undefined) void tier.leases.release(flight.token, flight.fruitless ? 'alone' : 'lead')
  state.fills.end(id, flight.fill)
  flight.over = true
  state.cells.loadEnds()
  if (state.memory.peek(id) === undefined && !state.fills.has(id)) tier.forget(flight.ref.namespace, flight.ref.digest)
}

/** Told the entry that a read found, if there is one that may be used. It must not throw. */
export type FoundHere = (found: Entry | undefined) => void

/**
 * Reads the store for a flight. What is found goes to memory, if nothing voids it, before `done` is told: once, and never before
 * this returns. Functions rather than promises: a hit of the store is mostly what this process makes of it.
 */
export function readShared(
  state: NamespaceState,
  tier: SharedSide,
  id: string,
  flight: SharedFlight,
  wantsToken: boolean,
  done: FoundHere,
): void {
  const { key, namespace, digest } = flight.ref
  const held = heldEntry(state, id)
  const token = wantsToken ? tier.nonce() : undefined
  const knownId = held === undefined ? undefined : held.shared.id
  tier.askRead({ key, namespace, digest, knownId, token, tokenLifeMs: tokenLifeMs(state, tier) }, (reply) => {
    let found: ReturnType<typeof taken>
    try {
      found = reply && taken(state, tier, id, flight, held?.entry, reply)
    } catch {
      // A store that answers with something else than the contract says: as good as nothing.
    }
    if (found instanceof Promise) found.then(done, () => done(undefined))
    else done(found)
  })
}

/** What a reply holds that may be used, placed in memory. */
function taken(
  state: NamespaceState,
  tier: SharedSide,
  id: string,
  flight: SharedFlight,
  held: Entry | undefined,
  reply: ReadReply,
): ReturnType<typeof decoded> {
  const entry = learnt(state, tier, flight, reply)
  if (entry === undefined) return undefined
  const found = held !== undefined && entry.body === undefined ? held : decoded(state, tier, entry, flight)
  if (!(found instanceof Promise)) return settled(state, tier, id, flight, found, entry, reply)
  return found.then((late) => settled(state, tier, id, flight, late, entry, reply))
}

/** Takes in what a reply says of the store, and returns its entry if that is valid. */
function learnt(
  state: NamespaceState,
  tier: SharedSide,
  flight: SharedFlight,
  { inc, seq, token, entry, markers }: ReadReply,
): StoredEntry | undefined {
  tier.learn(state, markers)
  flight.stamp = { inc, seq }
  flight.token = token
  if (entry === undefined) return undefined
  flight.seenId = entry.id
  if (entry.tags.length > 0) {
    return isValid(entry, markerNames(state.name, entry.tags), inc, markers) ? entry : undefined
  }
  const { startSeq } = entry
  const isOutranked = entry.inc !== inc || outranks(markers, '*', startSeq) || outranks(markers, state.marker, startSeq)
  return isOutranked ? undefined : entry
}

/** As in `isValid`, without a list of names. */
function outranks(markers: Markers, name: string, startSeq: number): boolean {
  return (markers.get(name)?.hard ?? Infinity) > startSeq
}

function settled(
  state: NamespaceState,
  tier: SharedSide,
  id: string,
  flight: SharedFlight,
  found: Entry | undefined,
  entry: StoredEntry,
  reply: ReadReply,
): Entry | undefined {
  // Guard `late`: what comes when the flight is over may have been outdated since, and nobody here would have heard of it.
  if (found === undefined || flight.over) return undefined
  const about = found.about as About
  const softAt = softenedSince(state, tier, about, entry, reply)
  if (softAt !== undefined) {
    endFreshness(found, about, softAt)
    if (freshnessAt(about, tier.clock.now()) === 'dead') return void state.memory.delete(id)
  }
  // Guard `voidDrops`: what memory holds is older than what voided this flight.
  const { fill } = flight
  if (fill.void && fill.voidedBy !== entry.id) state.memory.delete(id)
  else place(state, tier, id, flight, found, entry, reply)
  state.fills.overtake(id, flight.fill)
  return found
}

/** Since when a soft invalidation has ended the freshness of what was read. */
function softenedSince(
  state: NamespaceState,
  tier: SharedSide,
  about: About,
  { tags, startSeq }: StoredEntry,
  { markers }: ReadReply,
): number | undefined {
  if (tags.length === 0) return undefined
  const known = softenedByStore(about, startSeq)
  if (known !== undefined) return known
  // A clear cuts off the cells of what memory held; the reply still knows.
  const isSoft = markerNames(state.name, tags).some((name) => (markers.get(name)?.soft ?? 0) > startSeq)
  return isSoft ? Math.floor(tier.clock.now()) : undefined
}

/**
 * Takes the key's token if the read has not: the present one, or a new one, which is kept alive where it is a lease. Guard
 * `tokenFirst`: the loader starts only after the reply.
 */
export async function takeToken(state: NamespaceState, tier: SharedSide, flight: SharedFlight): Promise<void> {
  if (flight.stamp === undefined || flight.token !== undefined) return
  const candidate = tier.nonce()
  flight.token = await tier.ask(() => tier.store.token(flight.ref.key, candidate, tokenLifeMs(state, tier)))
  if (leads(state, tier) && flight.token === candidate) tier.leases.hold(tier, flight)
}

/** Puts an entry the store holds into memory, or confirms the one that is there. Guard `cellCheck`. */
function place(
  state: NamespaceState,
  tier: SharedSide,
  id: string,
  flight: SharedFlight,
  found: Entry,
  entry: StoredEntry,
  reply: ReadReply,
): void {
  const about = found.about as About
  if (flight.epoch < tier.link.floor || reply.inc !== tier.link.inc) return void state.memory.delete(id)
  if (outrankedByStore(state, about, entry.startSeq) || about.cells.some((cell) => cell.hard > flight.bornAt)) {
    return void state.memory.delete(id)
  }
  if (about.shared !== undefined) about.shared.epoch = Math.max(about.shared.epoch, flight.epoch)
  if (state.memory.peek(id) === found) return
  if (found.bytes === UNOWNED || !fitsMemory(state, found.bytes)) return void state.memory.delete(id)
  about.shared ??= {
    id: entry.id,
    startSeq: entry.startSeq,
    epoch: flight.epoch,
    digest: flight.ref.digest,
    outage: tier.link.outage,
  }
  state.cells.retain(about.cells, id)
  state.memory.set(id, found)
}

/** What a stored entry holds; a promise only where that cannot be told at once. Never throws, never rejects. */
function decoded(
  state: NamespaceState,
  tier: SharedSide,
  entry: StoredEntry,
  flight: SharedFlight,
): Entry | undefined | Promise<Entry | undefined> {
  if (entry.body === undefined) return undefined
  try {
    const body = tier.codec.decode(entry.body, entry, flight.ref.key)
    if (!(body instanceof Promise)) return admitted(state, tier, entry, flight, body)
    return body.then((late) => admitted(state, tier, entry, flight, late)).catch(nothing)
  } catch {
    return undefined
  }
}

function admitted(
  state: NamespaceState,
  tier: SharedSide,
  entry: StoredEntry,
  flight: SharedFlight,
  body: DecodedBody,
): ReturnType<typeof decoded> {
  if (!body.ok) return undefined
  if (state.live.policy.schema === undefined) return takenOver(state, tier, entry, flight, body.value, body.shape)
  return admit(state, body.value).then((checked) => checked && takenOver(state, tier, entry, flight, checked.value))
}

function takenOver(
  state: NamespaceState,
  tier: SharedSide,
  entry: StoredEntry,
  flight: SharedFlight,
  value: unknown,
  shape?: DecodedShape,
): Entry | undefined {
  const { isolation } = state.live.policy
  const owned = ownDecoded(value, shape, isolation) ?? own(value, { isolation, copy: false, maxBytes: MAX_OWNED_BYTES })
  if ('refused' in owned) countRefused(state, owned.refused)
  const kept = 'refused' in owned ? { value, bytes: UNOWNED, handOut: 'same' as const } : owned
  const { link } = tier
  const about = new About({
    storedAt: Math.floor(link.toLocalMs(entry.storedAtMs)),
    freshUntil:
      entry.freshUntilMs === Number.MAX_SAFE_INTEGER ? Infinity : Math.floor(link.toLocalMs(entry.freshUntilMs)),
    refreshAt: Infinity,
    staleForMs: entry.staleForMs,
    errorForMs: entry.errorForMs,
    loadMs: entry.loadMs,
    startSeq: flight.bornAt,
    cells: state.cells.ofAll(entry.tags),
    readersGetCopies: kept.handOut === 'copy',
  })
  const now = tier.clock.now()
  const freshness = freshnessAt(about, now)
  if (freshness === 'dead') return undefined
  // Past its ttl, whatever the coarse clock says: that one is late where a loop is blocked, or only microtasks run.
  const checkAt = freshness === 'fresh' ? checkAtOf(state, about, horizonFrom(now)) : 0
  // The generation before this one: every read asks `trustOf`, which a deaf process must never skip (guard `deaf`).
  const generation = state.coherence.generation - 1
  return new Entry(kept.value, checkAt, generation, kept.bytes, about)
}

function nothing(): undefined {
  return undefined
}

/** Size of a value that no walk could take over: a schema made something of it that is no data. Memory keeps none. */
const UNOWNED = Infinity

function heldEntry(state: NamespaceState, id: string) {
  const entry = state.memory.peek(id)
  if (entry === undefined || !(entry.about instanceof About)) return undefined
  const { shared } = entry.about
  return shared?.id === undefined ? undefined : { entry, shared }
}

/** How long a token outlives the sign of life before it. */
export function tokenLifeMs(state: NamespaceState, tier: SharedSide): number {
  return leads(state, tier) ? LEASE_MS : state.live.policy.hardTimeoutMs + tier.storeTimeoutMs
}
