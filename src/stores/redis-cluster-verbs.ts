import { ensureScript, putScript, softenScript, tellScript } from '../redis/cluster-scripts.js'
import { storedId } from './entry-bytes.js'
import { runWithEntry } from './redis-draft.js'
import { keyPayload } from './redis-frame.js'
import { listOf, markersOf, numberOf, type ScriptStamp, stampOf } from './redis-replies.js'
import { type RedisSite, type RedisVerbs, redisVerbs } from './redis-verbs.js'
import {
  type KeyRef,
  type Markers,
  markerNames,
  type SetReply,
  type SetRequest,
  type StampReply,
  type StoredEntry,
  type WriteReply,
  type WriteRequest,
} from './shared-store.js'

/** What the verbs stand on where keys lie on several nodes. */
export interface ClusterSite extends RedisSite {
  /** How far the clock of a key's node is at least ahead of the control key's. */
  readonly leastSkewMs: (storedKey: string) => number
}

const PUT_OUTCOMES = ['written', 'refused', undefined, 'full'] as const

/**
 * The verbs on a Cluster: what is one script on one node is one per slot here, control key first for what a write needs to
 * know, last for what peers are told. What has one slot anyway is as it is on one node.
 */
export function redisClusterVerbs(site: ClusterSite): RedisVerbs {
  const { keys } = site
  /** What several round trips of one operation are sent by: they have one budget. */
  const asOne = (): ClusterSite => ({ ...site, ...site.asOne() })
  const remember = ({ key, namespace, digest }: KeyRef): void =>
    site.remember({ kind: 'key', ref: { key, namespace, digest } })

  return {
    ...redisVerbs(site),
    async write(request: WriteRequest): Promise<WriteReply> {
      const { entry, token, tells } = request
      const one = asOne()
      if (tells === 'key') remember(request)
      const { stamp, markers } = await ensure(one, request, entry.tags, request.lifeMs)
      const isDead =
        stamp.inc !== entry.inc ||
        markerNames(request.namespace, entry.tags).some(
          (name) => (markers.get(name)?.hard ?? Infinity) > entry.startSeq,
        )
      if (isDead) return { outcome: 'dead', markers, ...stamp }
      const outcome = await put(one, request, { ...stamp, seq: entry.startSeq }, token, tells === 'done')
      if (tells === 'key' && outcome === 'written') await tell(one, request, storedId(entry.id))
      return { outcome, markers, ...stamp }
    },
    async set(request: SetRequest): Promise<SetReply> {
      const one = asOne()
      remember(request)
      const { stamp, markers } = await ensure(one, request, request.entry.tags, request.lifeMs)
      const outcome = await put(one, request, stamp, '', false)
      if (outcome === 'refused') return { outcome: 'late', markers, ...stamp }
      await tell(one, request, storedId(request.entry.id))
      return { outcome, markers, ...stamp }
    },
    async kill(ref): Promise<StampReply> {
      const one = asOne()
      remember(ref)
      // One by one: of a slot that is being moved a command finds all of its keys in one place, or none. The token first, so
      // that no load writes between the two.
      const replies = await one.pipe([
        ['UNLINK', keys.token(ref.key)],
        ['UNLINK', keys.entry(ref.key)],
      ])
      for (const reply of replies) if (reply instanceof Error) throw reply
      return tell(one, ref)
    },
    async expire(ref): Promise<StampReply> {
      const one = asOne()
      remember(ref)
      // Lifetimes are in the control key's time.
      const { nowMs } = await redisVerbs(one).ping()
      await one.run(softenScript, [keys.entry(ref.key), keys.token(ref.key)], [String(nowMs)])
      return tell(one, ref)
    },
  }
}

async function tell(site: ClusterSite, { namespace, digest }: KeyRef, id?: string): Promise<ScriptStamp> {
  const { keys } = site
  const x = keyPayload(namespace, digest, id)
  return stampOf(
    await site.run(tellScript, [keys.control, keys.log], [site.candidate(), keys.channel, site.sender, 'key', x]),
  )
}

async function ensure(
  site: ClusterSite,
  { namespace }: KeyRef,
  tags: readonly string[],
  lifeMs: number,
): Promise<{ readonly stamp: ScriptStamp; readonly markers: Markers }> {
  const { keys } = site
  const reply = await site.run(
    ensureScript,
    [keys.control, keys.log, keys.nothing, ...markerNames(namespace, tags).map((name) => keys.marker(name))],
    [site.candidate(), whole(lifeMs), String(keys.markerPrefix.length + 1)],
  )
  return { stamp: stampOf(reply), markers: markersOf(listOf(reply), 4, namespace, tags) }
}

async function put(
  site: ClusterSite,
  request: KeyRef & { readonly entry: StoredEntry; readonly lifeMs: number; readonly notAfterMs: number },
  stamp: Pick<ScriptStamp, 'storedInc' | 'seq'>,
  token: string,
  tellsFollowers: boolean,
): Promise<'written' | 'refused' | 'full'> {
  const { keys } = site
  const { key, namespace, digest, entry, lifeMs } = request
  const storedKey = keys.entry(key)
  const tokenKey = keys.token(key)
  const reply = await runWithEntry(site, key, entry, {
    script: putScript,
    // Without a draft any key of this slot will do.
    keys: (draft) => [storedKey, tokenKey, draft === keys.nothing ? tokenKey : draft],
    args: (header, body, inDraft) => [
      token,
      whole(lifeMs),
      // The latest instant is in the control key's time: a write may be refused too early, never let in too late.
      String(request.notAfterMs + site.leastSkewMs(storedKey)),
      stamp.storedInc,
      String(stamp.seq),
      header,
      body,
      keys.channel,
      site.sender,
      tellsFollowers ? '1' : '',
      keyPayload(namespace, digest, storedId(entry.id)),
      inDraft,
    ],
  })
  const outcome = PUT_OUTCOMES[numberOf(reply)]
  if (outcome === undefined) throw new Error('unknown outcome')
  return outcome
}

function whole(ms: number): string {
  return String(Math.max(1, Math.ceil(ms)))
}
