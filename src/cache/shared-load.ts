import { isValid, markerNames, type ReadReply, type StoredEntry } from '../stores/shared-store.js'
import { admit } from './admit.js'
import { About, Entry, horizonFrom } from './entry.js'
import type { Fill } from './fills.js'
import { freshnessAt } from './freshness.js'
import { checkAtOf } from './keep.js'
import { MAX_OWNED_BYTES, own } from './ownership.js'
import { countRefused, fitsMemory } from './refusals.js'
import type { SharedFlight } from './shared-flight.js'
import { LEASE_MS, leads } from './shared-lease.js'
import type { NamespaceState, SharedSide } from './state.js'
import { outrankedByStore } from './trust.js'

/** Begins a flight: registered before the first command leaves, so that messages find it. */
export function beginShared(state: NamespaceState, tier: SharedSide, id: string, kind: Fill['kind']): SharedFlight {
  const ref = tier.refOf(state, id)
  tier.remember(ref.namespace, ref.digest, id)
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
    seenId: undefined,
    fruitless: false,
    id: undefined,
  }
}

export function endShared(state: NamespaceState, tier: SharedSide, id: string, flight: SharedFlight): void {
  // A written value has used its lease up already.
  if (flight.token !== undefined) void tier.leases.release(flight.token, flight.fruitless ? 'alone' : 'lead')
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
  flight.seenId = entry?.id
  if (entry === undefined || !isValid(entry, markerNames(state.name, entry.tags), reply.inc, reply.markers))
    return undefined
  const found = held !== undefined && entry.body === undefined ? held.entry : await decoded(state, tier, entry, flight)
  if (found === undefined) return undefined
  // Guard `voidDrops`: what memory holds is older than what voided this flight.
  const { fill } = flight
  if (fill.void && fill.voidedBy !== entry.id) state.memory.delete(id)
  else place(state, tier, id, flight, found, entry, reply)
  state.fills.overtake(id, flight.fill)
  return found
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
  // Again: an entry that left memory meanwhile took the name with it.
  tier.remember(flight.ref.namespace, flight.ref.digest, id)
  state.memory.set(id, found)
}

async function decoded(
  state: NamespaceState,
  tier: SharedSide,
  entry: StoredEntry,
  flight: SharedFlight,
): Promise<Entry | undefined> {
  if (entry.body === undefined) return undefined
  const body = await tier.codec.decode(entry.body, entry, flight.ref.key)
  const checked = body.ok ? await admit(state, body.value) : undefined
  if (checked === undefined) return undefined
  const { isolation } = state.live.policy
  const owned = own(checked.value, { isolation, copy: false, maxBytes: MAX_OWNED_BYTES })
  if ('refused' in owned) countRefused(state, owned.refused)
  const kept = 'refused' in owned ? { value: checked.value, bytes: UNOWNED, handOut: 'same' as const } : owned
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
    startSeq: flight.bornAt,
    cells: state.cells.ofAll(entry.tags),
    readersGetCopies: kept.handOut === 'copy',
  })
  const now = tier.clock.now()
  if (freshnessAt(about, now) === 'dead') return undefined
  // The generation before this one: every read asks `trustOf`, which a deaf process must never skip (guard `deaf`).
  const generation = state.coherence.generation - 1
  return new Entry(kept.value, checkAtOf(state, about, horizonFrom(now)), generation, kept.bytes, about)
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
