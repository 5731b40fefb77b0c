import {
  isValid,
  markerNames,
  type ReadReply,
  type SetReply,
  type StoredEntry,
  type WriteReply,
} from '../stores/shared-store.js'
import { admit } from './admit.js'
import type { Cell } from './cells.js'
import { About, Entry, horizonFrom } from './entry.js'
import type { Fill } from './fills.js'
import { freshnessAt, type Lifetime } from './freshness.js'
import { checkAtOf } from './keep.js'
import { type Owned, own } from './ownership.js'
import type { SharedFlight } from './shared-flight.js'
import type { NamespaceState, SharedSide } from './state.js'
import { outrankedByStore } from './trust.js'
import { timesOf } from './valid.js'

/** Why a physical entry lives so long at most where it has no logical end. */
const FOREVER_MS = 90 * 86_400_000
const MIN_LIFE_MS = 1000

/** Begins a flight: registered before the first command leaves, so that messages find it. */
export function beginShared(state: NamespaceState, tier: SharedSide, id: string, kind: Fill['kind']): SharedFlight {
  const ref = tier.refOf(state, id)
  tier.remember(ref, id)
  state.cells.loadBegins()
  const { coherence } = state
  return {
    ref,
    fill: state.fills.begin(id, kind, {}),
    epoch: tier.link.epoch,
    bornAt: coherence.seq,
    generation: coherence.generation,
    stamp: undefined,
    token: undefined,
    id: undefined,
  }
}

export function endShared(state: NamespaceState, tier: SharedSide, id: string, flight: SharedFlight): void {
  state.fills.end(id, flight.fill)
  state.cells.loadEnds()
  if (state.memory.peek(id) === undefined && !state.fills.has(id)) tier.forget(flight.ref.namespace, flight.ref.digest)
}

/** Reads the store for a flight; `undefined` if there is nothing usable. What is found goes to memory, if nothing voids it. */
export async function readShared(
  state: NamespaceState,
  tier: SharedSide,
  id: string,
  flight: SharedFlight,
  wantsToken: boolean,
): Promise<Entry | undefined> {
  const held = heldEntry(state, id)
  const sent = wantsToken ? tier.nonce() : undefined
  const reply = await tier.ask(() =>
    tier.store.read({ ...flight.ref, knownId: held?.shared.id, token: sent, tokenLifeMs: tokenLifeMs(state, tier) }),
  )
  if (reply === undefined) return undefined
  tier.learn(state, reply.markers)
  flight.stamp = { inc: reply.inc, seq: reply.seq }
  flight.token = reply.token
  const { entry } = reply
  if (entry === undefined || !isValid(entry, markerNames(state.name, entry.tags), reply.inc, reply.markers))
    return undefined
  const found =
    held !== undefined && entry.body === undefined ? held.entry : await decoded(state, tier, entry, flight.bornAt)
  if (found === undefined) return undefined
  // Guard `voidDrops`: what memory holds is older than what voided this flight.
  if (flight.fill.void) state.memory.delete(id)
  else place(state, tier, id, flight, found, entry, reply)
  state.fills.overtake(id, flight.fill)
  return found
}

/** Takes the key's token if the read has not. Guard `tokenFirst`: the loader starts only after the reply. */
export async function takeToken(state: NamespaceState, tier: SharedSide, flight: SharedFlight): Promise<void> {
  if (flight.stamp === undefined || flight.token !== undefined) return
  flight.token = await tier.ask(() => tier.store.token(flight.ref.key, tier.nonce(), tokenLifeMs(state, tier)))
}

/** What a load brought, on its way to the store and to memory. */
export interface Publication {
  readonly owned: Owned<unknown>
  readonly life: Lifetime
  readonly cells: readonly Cell[]
  readonly loadMs: number
}

/** Whether the value may be handed to callers that joined after an invalidation, too. */
export async function publishShared(
  state: NamespaceState,
  tier: SharedSide,
  id: string,
  flight: SharedFlight,
  publication: Publication,
): Promise<boolean> {
  const { stamp, token } = flight
  if (flight.fill.void) return false
  if (stamp === undefined || token === undefined) return keepUnconfirmed(state, tier, id, flight, publication)
  const body = await tier.codec.encode(publication.owned.value)
  if (body === undefined) return keepUnconfirmed(state, tier, id, flight, publication)
  const entry = storedEntry(tier, publication, { ...stamp, body })
  const request = {
    ...flight.ref,
    token,
    entry,
    lifeMs: physicalLifeMs(publication.life),
    notAfterMs: tier.link.storeNowMs() + tier.storeTimeoutMs,
  }
  if (flight.fill.void) return false
  const reply = await tier.ask(() => tier.store.write(request))
  if (reply === undefined) return keepUnconfirmed(state, tier, id, flight, publication)
  tier.learn(state, reply.markers)
  return settleWrite(state, tier, id, flight, publication, entry, reply)
}

function settleWrite(
  state: NamespaceState,
  tier: SharedSide,
  id: string,
  flight: SharedFlight,
  publication: Publication,
  entry: StoredEntry,
  reply: WriteReply,
): boolean {
  if (reply.outcome !== 'written' || reply.inc !== entry.inc) return false
  if (!flight.fill.void) {
    const kept = memoryEntry(publication, Math.floor(tier.clock.now()), flight.bornAt)
    kept.shared = { id: entry.id, startSeq: entry.startSeq, epoch: flight.epoch, digest: flight.ref.digest }
    insert(state, tier, id, publication.owned, kept)
  }
  state.fills.overtake(id, flight.fill)
  return true
}

/** Puts what `set` wrote into memory. Not called where a message about the key came meanwhile: then the store has the answer. */
export function confirmSet(
  state: NamespaceState,
  tier: SharedSide,
  id: string,
  flight: SharedFlight,
  publication: Publication,
  reply: SetReply,
): void {
  tier.learn(state, reply.markers)
  if (reply.inc !== tier.link.inc) return
  const kept = memoryEntry(publication, Math.floor(tier.clock.now()), state.coherence.seq)
  kept.shared = { id: flight.id, startSeq: reply.seq, epoch: flight.epoch, digest: flight.ref.digest }
  insert(state, tier, id, publication.owned, kept)
}

/**
 * Keeps what the store could not confirm: only in an outage, and only if nothing was invalidated since the flight began
 * (guard `quiet`). It is never served once the store is back.
 */
export function keepUnconfirmed(
  state: NamespaceState,
  tier: SharedSide,
  id: string,
  flight: SharedFlight,
  publication: Publication,
): boolean {
  if (!tier.link.away || flight.fill.void || flight.epoch < tier.link.floor) return false
  if (state.coherence.seq !== flight.bornAt) return false
  const kept = memoryEntry(publication, Math.floor(tier.clock.now()), flight.bornAt)
  kept.shared = { id: undefined, startSeq: Number.MAX_SAFE_INTEGER, epoch: flight.epoch, digest: flight.ref.digest }
  insert(state, tier, id, publication.owned, kept)
  return true
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
  about.shared ??= { id: entry.id, startSeq: entry.startSeq, epoch: flight.epoch, digest: flight.ref.digest }
  state.cells.retain(about.cells)
  state.memory.set(id, found)
}

async function decoded(
  state: NamespaceState,
  tier: SharedSide,
  entry: StoredEntry,
  bornAt: number,
): Promise<Entry | undefined> {
  if (entry.body === undefined) return undefined
  const body = await tier.codec.decode(entry.body)
  const checked = body.ok ? await admit(state, body.value) : undefined
  if (checked === undefined) return undefined
  const { isolation, maxValueBytes } = state.live.policy
  const owned = own(checked.value, { isolation, copy: false, maxBytes: maxValueBytes })
  const kept = 'refused' in owned ? { value: checked.value, bytes: maxValueBytes, handOut: 'same' as const } : owned
  const { link } = tier
  const storedAt = Math.floor(link.toLocalMs(entry.storedAtMs))
  const about = new About({
    storedAt,
    freshUntil:
      entry.freshUntilMs === Number.MAX_SAFE_INTEGER ? Infinity : Math.floor(link.toLocalMs(entry.freshUntilMs)),
    refreshAt: Infinity,
    staleForMs: entry.staleForMs,
    errorForMs: entry.errorForMs,
    loadMs: entry.loadMs,
    startSeq: bornAt,
    cells: entry.tags.map((tag) => state.cells.of(tag)),
    readersGetCopies: kept.handOut === 'copy',
  })
  const now = tier.clock.now()
  if (freshnessAt(about, now) === 'dead') return undefined
  return new Entry(kept.value, checkAtOf(state, about, horizonFrom(now)), state.coherence.generation, kept.bytes, about)
}

function memoryEntry(publication: Publication, now: number, bornAt: number): About {
  const { life, cells, owned, loadMs } = publication
  return new About({
    storedAt: now,
    freshUntil: now + life.ttlMs,
    refreshAt: life.refreshAhead === undefined ? Infinity : now + Math.floor(life.ttlMs * life.refreshAhead),
    staleForMs: life.staleWhileRevalidateMs,
    errorForMs: life.staleIfErrorMs,
    loadMs: Math.ceil(loadMs),
    startSeq: bornAt,
    cells,
    readersGetCopies: owned.handOut === 'copy',
  })
}

function insert(state: NamespaceState, tier: SharedSide, id: string, owned: Owned<unknown>, about: About): void {
  const startSeq = about.shared?.startSeq ?? 0
  if (outrankedByStore(state, about, startSeq) || about.cells.some((cell) => cell.hard > about.startSeq)) return
  if ((about.shared?.epoch ?? 0) < tier.link.floor) return
  const checkAt = checkAtOf(state, about, horizonFrom(about.storedAt))
  state.cells.retain(about.cells)
  // The generation before this one: the first read asks `trustOf`.
  state.memory.set(id, new Entry(owned.value, checkAt, state.coherence.generation - 1, owned.bytes, about))
}

function heldEntry(state: NamespaceState, id: string) {
  const entry = state.memory.peek(id)
  if (entry === undefined || !(entry.about instanceof About)) return undefined
  const { shared } = entry.about
  return shared?.id === undefined ? undefined : { entry, shared }
}

/** An entry as it is written. */
export function storedEntry(
  tier: SharedSide,
  publication: Publication,
  at: { readonly inc: string; readonly seq: number; readonly body: Uint8Array },
): StoredEntry {
  const { life } = publication
  const storedAtMs = Math.floor(tier.link.storeNowMs())
  return {
    id: tier.nonce(),
    inc: at.inc,
    startSeq: at.seq,
    tags: publication.cells.map((cell) => cell.tag),
    storedAtMs,
    freshUntilMs: life.ttlMs === Infinity ? Number.MAX_SAFE_INTEGER : storedAtMs + life.ttlMs,
    staleForMs: life.staleWhileRevalidateMs,
    errorForMs: life.staleIfErrorMs,
    loadMs: Math.ceil(publication.loadMs),
    body: at.body,
  }
}

/** How long an entry is physically kept: its ttl and the longer stale window, or 90 days where it has no end. */
export function physicalLifeMs(life: Lifetime): number {
  if (life.ttlMs === Infinity) return FOREVER_MS
  return Math.max(MIN_LIFE_MS, life.ttlMs + Math.max(life.staleWhileRevalidateMs, life.staleIfErrorMs))
}

function tokenLifeMs(state: NamespaceState, tier: SharedSide): number {
  return state.live.policy.hardTimeoutMs + tier.storeTimeoutMs
}

/** Age of what a flight found, for the outcome. */
export function ageOf(entry: Entry, now: number): number {
  return Math.max(0, now - timesOf(entry).storedAt)
}
