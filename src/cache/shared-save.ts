import { checkWriteOptions, type WriteOptions } from './call-options.js'
import { identify } from './read.js'
import type { SharedFlight } from './shared-flight.js'
import { leads } from './shared-lease.js'
import { beginShared, endShared, tokenLifeMs } from './shared-load.js'
import {
  confirmWrite,
  encodedEntry,
  keepUnconfirmed,
  type Publication,
  physicalLifeMs,
  withDeadline,
} from './shared-publish.js'
import { confirmed, killKey, prepare } from './shared-write.js'
import type { NamespaceState, SharedSide } from './state.js'
import { supersede } from './supersede.js'
import { removeAs } from './valid.js'
import type { WriteResult } from './words.js'

/**
 * `writeThrough` with a shared store: a load whose loader is the save. It takes the key's token and the sequence number
 * before it saves, and writes only if both still hold; else the key has no entry. So of two saves that overlap, in whichever
 * processes, the newer one stays, or none.
 */
export async function saveShared(
  state: NamespaceState,
  tier: SharedSide,
  key: unknown,
  value: unknown,
  save: (value: unknown) => unknown,
  options: WriteOptions = {},
): Promise<unknown> {
  checkWriteOptions(options)
  const id = identify(state, key, options.scope)
  const flight = beginShared(state, tier, id, 'set')
  tier.underWay.begins()
  try {
    await stampSave(state, tier, flight)
    const saved = await save(value)
    const written = saved === undefined ? value : saved
    confirmed('writeThrough', state.name, await store(state, tier, id, flight, { key, written, options }), options)
    return written
  } finally {
    tier.underWay.ends()
    endShared(state, tier, id, flight)
  }
}

/** Guard `saveToken`: the present token, else a new one; and only then the sequence number. Without either the save goes on. */
async function stampSave(state: NamespaceState, tier: SharedSide, flight: SharedFlight): Promise<void> {
  const candidate = tier.nonce()
  const token = await tier.ask(() => tier.store.token(flight.ref.key, candidate, tokenLifeMs(state, tier)))
  if (token === undefined) return
  const stamp = await tier.ask(() => tier.store.ping())
  if (stamp === undefined) return
  flight.stamp = { inc: stamp.inc, seq: stamp.seq }
  flight.token = token
  if (leads(state, tier) && token === candidate) tier.leases.hold(tier, flight)
}

interface Saved {
  readonly key: unknown
  readonly written: unknown
  readonly options: WriteOptions
}

async function store(
  state: NamespaceState,
  tier: SharedSide,
  id: string,
  flight: SharedFlight,
  { key, written, options }: Saved,
): Promise<WriteResult> {
  const publication = state.live.closed ? 'none' : prepare(state, key, written, options)
  if (typeof publication === 'string') return drop(state, tier, id, flight, undefined, publication)
  const { stamp, token } = flight
  if (stamp === undefined || token === undefined) return drop(state, tier, id, flight, publication, 'none')
  const entry = await encodedEntry(state, tier, publication, stamp, flight.ref.key)
  if (entry === undefined) return drop(state, tier, id, flight, undefined, 'failed')
  const request = withDeadline(tier, {
    key: flight.ref.key,
    namespace: flight.ref.namespace,
    digest: flight.ref.digest,
    token,
    entry,
    lifeMs: physicalLifeMs(publication.life),
    tells: 'key' as const,
    describe: publication.describe,
  })
  const reply = await tier.ask(() => tier.store.write(request))
  if (reply !== undefined) tier.learn(state, reply.markers)
  if (reply?.outcome !== 'written') return drop(state, tier, id, flight, publication, 'none')
  state.counters.writes++
  tier.leases.used(flight.ref, token)
  tier.leases.wake(flight.ref, 'lead')
  // Guard `saveTouches`: what memory has, and what else is under way, is from before.
  const { void: overtaken } = flight.fill
  supersede(state, id)
  removeAs(state, id, 'invalidated')
  if (!overtaken && reply.inc === entry.inc) confirmWrite(state, tier, id, flight, publication, entry)
  return { memory: overtaken ? 'none' : 'done', store: 'done' }
}

/**
 * Guard `saveRefusedDeletes`: the old value is over, and of the new one nobody can tell whether it is the newest. In an
 * outage this process serves it meanwhile, if nothing was invalidated since the save began.
 */
async function drop(
  state: NamespaceState,
  tier: SharedSide,
  id: string,
  flight: SharedFlight,
  publication: Publication | undefined,
  became: 'none' | 'failed',
): Promise<WriteResult> {
  const told = await killKey(state, tier, id, (ref) => tier.ask(() => tier.store.kill(ref)), flight.fill)
  if (told === 'done') return { memory: became, store: became === 'none' ? 'done' : 'failed' }
  const isKept = publication !== undefined && keepUnconfirmed(state, tier, id, flight, publication)
  return { memory: isKept ? 'done' : became, store: told }
}
