import { storeUnconfirmed } from '../errors/store-error.js'
import { valueUnsupported } from '../errors/value-error.js'
import type { KeyRef, SetReply, StoredEntry } from '../stores/shared-store.js'
import { checkWriteOptions, type ScopeOption, type WriteOptions } from './call-options.js'
import type { InvalidationMode } from './cells.js'
import type { Fill } from './fills.js'
import { judgeWrite } from './keep.js'
import { describing } from './mode.js'
import { MAX_OWNED_BYTES, own } from './ownership.js'
import { identify } from './read.js'
import { countRefused } from './refusals.js'
import type { SharedFlight } from './shared-flight.js'
import { beginShared, endShared } from './shared-load.js'
import {
  confirmSet,
  encodedEntry,
  keepUnconfirmed,
  type Publication,
  physicalLifeMs,
  withDeadline,
} from './shared-publish.js'
import type { NamespaceState, SharedSide } from './state.js'
import { supersede } from './supersede.js'
import { removeAs } from './valid.js'
import type { TierResult, WriteResult } from './words.js'

/** What a caller may insist on. */
export interface RequireOption {
  readonly require?: 'store' | undefined
}

/** `set` with a shared store: ordered where the store executes it. A failed one leaves no old value behind. */
export async function setShared(
  state: NamespaceState,
  tier: SharedSide,
  key: unknown,
  value: unknown,
  options: WriteOptions = {},
): Promise<WriteResult> {
  checkWriteOptions(options)
  const id = identify(state, key, options.scope)
  supersede(state, id)
  const flight = beginShared(state, tier, id, 'set')
  tier.underWay.begins()
  try {
    const publication = prepare(state, key, value, options)
    // A deadline in store time needs the store's time: the first operation of a process has to ask.
    if (!tier.link.knowsTime) await tier.ask(() => tier.store.ping())
    // The script stamps incarnation and sequence number: a set is ordered where the store executes it.
    const stamp = { inc: '', seq: 0 }
    if (typeof publication === 'string')
      return confirmed('set', state.name, await refused(state, tier, id, flight, publication), options)
    const entry = await encodedEntry(state, tier, publication, stamp, flight.ref.key)
    if (entry === undefined)
      return confirmed('set', state.name, await refused(state, tier, id, flight, 'failed'), options)
    const reply = await send(tier, flight, publication, entry)
    if (reply === undefined || reply.outcome === 'late') {
      return confirmed('set', state.name, await unanswered(state, tier, id, flight, publication), options)
    }
    state.counters.writes++
    tier.leases.wake(flight.ref, 'lead')
    // Guards `setKept`, `ownSets`: whatever else is under way for the key is older than what the store holds now.
    const { void: overtaken } = flight.fill
    supersede(state, id)
    removeAs(state, id, 'invalidated')
    if (!overtaken) confirmSet(state, tier, id, flight, publication, reply)
    const memory = publication.owned.bytes <= state.live.policy.maxValueBytes ? 'done' : 'failed'
    return confirmed('set', state.name, { memory, store: reply.outcome === 'full' ? 'failed' : 'done' }, options)
  } finally {
    tier.underWay.ends()
    endShared(state, tier, id, flight)
  }
}

/** `delete` with a shared store. Guard `deleteTwice`: a read between call and reply may have brought the old value. */
export async function removeShared(
  state: NamespaceState,
  tier: SharedSide,
  key: unknown,
  options: ScopeOption & RequireOption = {},
): Promise<WriteResult> {
  const id = identify(state, key, options.scope)
  state.counters.deletes++
  const store = await killKey(state, tier, id, (ref) => tier.ask(() => tier.store.kill(ref)))
  return confirmed('delete', state.name, { memory: 'done', store }, options)
}

/** `expire` with a shared store. What cannot be told to the store in an outage is replayed as a delete. */
export async function expireShared(
  state: NamespaceState,
  tier: SharedSide,
  key: unknown,
  options: ScopeOption & RequireOption = {},
): Promise<WriteResult> {
  const id = identify(state, key, options.scope)
  const store = await killKey(state, tier, id, (ref) => tier.ask(() => tier.store.expire(ref)))
  return confirmed('expire', state.name, { memory: 'done', store }, options)
}

/** What a store can be told at once within its budget. */
const MOST_NAMES = 1000

/**
 * Raises markers in the store. The local part has been done: this process obeys already. Guard `obeyTwice`: it is done
 * again where no reply tells the cells what came between, because a read may have brought the old value meanwhile.
 */
export async function bumpShared(
  states: readonly NamespaceState[],
  tier: SharedSide,
  names: readonly string[],
  mode: InvalidationMode,
  obey: () => void,
): Promise<TierResult> {
  let isTold = true
  tier.underWay.begins()
  try {
    for (let at = 0; at < names.length; at += MOST_NAMES) {
      const some = names.length <= MOST_NAMES ? names : names.slice(at, at + MOST_NAMES)
      if (!(await bumpSome(states, tier, some, mode))) isTold = false
    }
  } finally {
    tier.underWay.ends()
  }
  if (isTold) return 'done'
  if (states[0]?.live.closed === false) obey()
  return tier.underWay.isEnding ? 'failed' : 'queued'
}

/** Whether the store has answered; else it is owed. */
async function bumpSome(
  states: readonly NamespaceState[],
  tier: SharedSide,
  names: readonly string[],
  mode: InvalidationMode,
): Promise<boolean> {
  const reply = await tier.ask(() => tier.store.bump(names, mode))
  if (reply === undefined) {
    tier.owe({ kind: 'names', names, mode })
    return false
  }
  const marker = mode === 'delete' ? { hard: reply.seq, soft: 0 } : { hard: 0, soft: reply.seq }
  const markers = new Map(names.map((name) => [name, marker]))
  for (const state of states) tier.learn(state, markers)
  return true
}

/** Removes a key here, in the store and at peers, or owes it: `failed` where the stash is being closed, because that may never be paid. */
export async function killKey(
  state: NamespaceState,
  tier: SharedSide,
  id: string,
  send: (ref: KeyRef) => Promise<unknown>,
  but?: Fill,
): Promise<TierResult> {
  const ref = tier.refOf(state, id)
  drop()
  tier.underWay.begins()
  const reply = await send(ref).finally(() => tier.underWay.ends())
  drop()
  tier.leases.wake(ref, 'lead')
  if (reply !== undefined) return 'done'
  tier.owe({ kind: 'key', ...ref })
  return tier.underWay.isEnding ? 'failed' : 'queued'

  function drop(): void {
    supersede(state, id, but)
    removeAs(state, id, 'invalidated')
  }
}

/** What a write came to, if that is good enough for the caller. @throws {StoreError} `ERR_STORE_UNCONFIRMED` */
export function confirmed(
  operation: string,
  namespace: string,
  result: WriteResult,
  options: RequireOption,
): WriteResult {
  if (options.require === 'store' && result.store !== 'done') {
    throw storeUnconfirmed(operation, namespace, result.store)
  }
  return result
}

/** Takes the value over and works out its lifetime; what the tiers did with it, if it is not to be stored. */
export function prepare(
  state: NamespaceState,
  key: unknown,
  value: unknown,
  options: WriteOptions,
): Publication | 'failed' | 'none' {
  const { policy } = state.live
  const owned = own(value, { isolation: policy.isolation, copy: true, maxBytes: MAX_OWNED_BYTES })
  if ('refused' in owned) {
    countRefused(state, owned.refused)
    if (policy.strict && owned.refused === 'type') throw valueUnsupported(owned.path, owned.received)
    return 'failed'
  }
  if (value === undefined) {
    countRefused(state, 'undefined')
    return 'failed'
  }
  const judged = judgeWrite(state, key, value, options)
  if (judged === undefined || judged.life.ttlMs <= 0) {
    countRefused(state, judged === undefined ? 'policy-error' : 'ttl')
    return judged === undefined ? 'failed' : 'none'
  }
  const { life } = judged
  const tags = [...new Set(judged.tags)]
  return { owned, life, cells: state.cells.ofAll(tags), loadMs: 0, describe: describing(state, { input: key }) }
}

function send(
  tier: SharedSide,
  flight: SharedFlight,
  publication: Publication,
  entry: StoredEntry,
): Promise<SetReply | undefined> {
  flight.id = entry.id
  const lifeMs = physicalLifeMs(publication.life)
  const { key, namespace, digest } = flight.ref
  const { describe } = publication
  const request = withDeadline(tier, { key, namespace, digest, entry, lifeMs, describe })
  return tier.ask(() => tier.store.set(request))
}

/** The value cannot be stored: the old one is over all the same. */
async function refused(
  state: NamespaceState,
  tier: SharedSide,
  id: string,
  flight: SharedFlight,
  memory: 'failed' | 'none',
): Promise<WriteResult> {
  const store = await killKey(state, tier, id, (ref) => tier.ask(() => tier.store.kill(ref)))
  flight.fill.void = true
  return { memory, store: store === 'done' ? memory : store }
}

/**
 * Guard `replayDelete`: a set the store did not acknowledge is owed as a delete; a value is never replayed. In an outage
 * this process serves it meanwhile.
 */
async function unanswered(
  state: NamespaceState,
  tier: SharedSide,
  id: string,
  flight: SharedFlight,
  publication: Publication,
): Promise<WriteResult> {
  const kill = (ref: KeyRef) => tier.ask(() => tier.store.kill(ref))
  const store = await killKey(state, tier, id, kill, flight.fill)
  if (store === 'done') return { memory: 'none', store: 'failed' }
  return { memory: keepUnconfirmed(state, tier, id, flight, publication) ? 'done' : 'none', store }
}
