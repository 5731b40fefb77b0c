import type { SetReply, StoredEntry, WriteReply } from '../stores/shared-store.js'
import type { Cell } from './cells.js'
import { About, Entry, horizonFrom } from './entry.js'
import type { Lifetime } from './freshness.js'
import { checkAtOf } from './keep.js'
import type { Owned } from './ownership.js'
import { fitsMemory } from './refusals.js'
import type { SharedFlight } from './shared-flight.js'
import { leads } from './shared-lease.js'
import type { NamespaceState, SharedSide } from './state.js'
import { outrankedByStore } from './trust.js'
import { removeAs } from './valid.js'

/** Why a physical entry lives so long at most where it has no logical end. */
const FOREVER_MS = 90 * 86_400_000
const MIN_LIFE_MS = 1000
const PATIENT_BUDGETS = 4
/** A silent connection is given up after 10 s. */
const MOST_PATIENT_MS = 9000

/** What a load brought, on its way to the store and to memory. */
export interface Publication {
  readonly owned: Owned<unknown>
  readonly life: Lifetime
  readonly cells: readonly Cell[]
  readonly loadMs: number
  /** What was asked, for stores that people read. */
  readonly describe: (() => string) | undefined
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
  const entry = await encodedEntry(state, tier, publication, stamp, flight.ref.key)
  if (entry === undefined) return keepUnconfirmed(state, tier, id, flight, publication)
  const request = withDeadline(tier, {
    key: flight.ref.key,
    namespace: flight.ref.namespace,
    digest: flight.ref.digest,
    token,
    entry,
    lifeMs: physicalLifeMs(publication.life),
    tells: leads(state, tier) ? ('done' as const) : undefined,
    describe: publication.describe,
  })
  if (flight.fill.void) return false
  const reply = await tier.ask(() => tier.store.write(request))
  if (reply === undefined) return keepUnconfirmed(state, tier, id, flight, publication)
  tier.learn(state, reply.markers)
  if (reply.outcome === 'written' || reply.outcome === 'full') tier.leases.used(flight.ref, token)
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
  // `full`: the store took no bytes, but the value is as good as a written one.
  if ((reply.outcome !== 'written' && reply.outcome !== 'full') || reply.inc !== entry.inc) return false
  if (!flight.fill.void) confirmWrite(state, tier, id, flight, publication, entry)
  state.fills.overtake(id, flight.fill)
  return true
}

/** Puts what a fenced write stored into memory. */
export function confirmWrite(
  state: NamespaceState,
  tier: SharedSide,
  id: string,
  flight: SharedFlight,
  publication: Publication,
  entry: StoredEntry,
): void {
  const kept = memoryEntry(publication, Math.floor(tier.clock.now()), flight.bornAt)
  kept.shared = {
    id: entry.id,
    startSeq: entry.startSeq,
    epoch: flight.epoch,
    digest: flight.ref.digest,
    outage: tier.link.outage,
  }
  insert(state, tier, id, publication.owned, kept)
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
  kept.shared = {
    id: flight.id,
    startSeq: reply.seq,
    epoch: flight.epoch,
    digest: flight.ref.digest,
    outage: tier.link.outage,
  }
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
  kept.shared = {
    id: undefined,
    startSeq: Number.MAX_SAFE_INTEGER,
    epoch: flight.epoch,
    digest: flight.ref.digest,
    outage: tier.link.outage,
  }
  insert(state, tier, id, publication.owned, kept)
  return true
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
  // The store has it; what memory held is older.
  if (!fitsMemory(state, owned.bytes)) return void removeAs(state, id, 'evicted')
  const checkAt = checkAtOf(state, about, horizonFrom(about.storedAt))
  state.cells.retain(about.cells, id)
  // The generation before this one: the first read asks `trustOf`.
  state.memory.set(id, new Entry(owned.value, checkAt, state.coherence.generation - 1, owned.bytes, about))
}

/** An entry as it is written, its value encoded; `undefined` if the codec refuses the value. */
export async function encodedEntry(
  state: NamespaceState,
  tier: SharedSide,
  publication: Publication,
  stamp: { readonly inc: string; readonly seq: number },
  key: string,
): Promise<StoredEntry | undefined> {
  const { life, owned, cells, loadMs } = publication
  const storedAtMs = Math.floor(tier.link.storeNowMs())
  const entry: StoredEntry = {
    id: tier.nonce(),
    inc: stamp.inc,
    startSeq: stamp.seq,
    tags: cells.map((cell) => cell.tag),
    storedAtMs,
    freshUntilMs: life.ttlMs === Infinity ? Number.MAX_SAFE_INTEGER : storedAtMs + life.ttlMs,
    staleForMs: life.staleWhileRevalidateMs,
    errorForMs: life.staleIfErrorMs,
    loadMs: Math.ceil(loadMs),
    body: undefined,
    // Here already: to Node 20 a property that a copy adds costs more than all that it has.
    header: undefined,
  }
  const encoded = await tier.codec.encode(owned.value, entry, key)
  if (encoded === undefined) return undefined
  if ('refused' in encoded) {
    state.counters.refused[encoded.refused]++
    return undefined
  }
  return encoded instanceof Uint8Array
    ? { ...entry, body: encoded }
    : { ...entry, body: encoded.body, header: encoded.header }
}

/**
 * Sets the store time after which a write must not happen any more. A store that keeps its budget asks for it when it
 * sends, because a command may wait for its turn in this process, and waits for longer where this process is slow; but not
 * until a silent connection is given up, for on another one the write would have no place in the order any more.
 */
export function withDeadline<T extends object>(tier: SharedSide, request: T): T & { readonly notAfterMs: number } {
  const inTime = (budgets: number): number =>
    tier.link.storeNowAtMostMs() + Math.min(budgets * tier.storeTimeoutMs, MOST_PATIENT_MS)
  const atCall = inTime(1)
  const isLate = tier.store.keepsBudget === true
  return Object.defineProperty(request as T & { readonly notAfterMs: number }, 'notAfterMs', {
    enumerable: true,
    get: () => (isLate ? inTime(PATIENT_BUDGETS) : atCall),
  })
}

/** How long an entry is physically kept: its ttl and the longer stale window, or 90 days where it has no end. */
export function physicalLifeMs(life: Lifetime): number {
  if (life.ttlMs === Infinity) return FOREVER_MS
  return Math.max(MIN_LIFE_MS, life.ttlMs + Math.max(life.staleWhileRevalidateMs, life.staleIfErrorMs))
}
