import { beatScript, stampScript } from '../redis/control-scripts.js'
import { setScript, tokenScript, writeScript } from '../redis/entry-scripts.js'
import { bumpScript, expireScript, killScript } from '../redis/invalidation-scripts.js'
import { leaseScript, releaseScript, renewScript } from '../redis/lease-scripts.js'
import { storedId } from './entry-bytes.js'
import { runWithEntry } from './redis-draft.js'
import { keyPayload, namesPayload } from './redis-frame.js'
import type { ReadSite } from './redis-read-script.js'
import type { Reads } from './redis-reads.js'
import type { RecentInvalidation } from './redis-recent.js'
import { listOf, markersOf, numberOf, stampOf, textOf } from './redis-replies.js'
import {
  type BumpReply,
  type KeyRef,
  type LeaseReply,
  type LeaseRequest,
  markerNames,
  type SetReply,
  type SetRequest,
  type SharedStore,
  type StampReply,
  type WriteReply,
  type WriteRequest,
} from './shared-store.js'

/** What the verbs stand on. */
export interface RedisSite extends ReadSite {
  readonly read: Reads['read']
  readonly readTo?: Reads['readTo']
  /** Who we are on the bus. */
  readonly sender: string
  /** Called before an invalidation is sent. */
  readonly remember: (invalidation: RecentInvalidation) => void
}

/** The verbs of the contract, and the heartbeat. */
export type RedisVerbs = Required<
  Omit<SharedStore, 'subscribe' | 'close' | 'forget' | 'arrival' | 'keepsBudget' | 'readTo'>
> &
  Pick<SharedStore, 'readTo'> & { beat(): Promise<unknown> }

const MOST_LOGGED_NAMES = '10000'
const WRITE_OUTCOMES = ['written', 'refused', 'dead', 'full'] as const
const SET_OUTCOMES: readonly (SetReply['outcome'] | undefined)[] = ['written', 'late', undefined, 'full']

/** The verbs of the contract as one script each. */
export function redisVerbs(site: RedisSite): RedisVerbs {
  const { run, keys, sender, candidate } = site
  const nameAt = String(keys.markerPrefix.length + 1)
  const keysOf = (ref: KeyRef): string[] => [keys.entry(ref.key), keys.token(ref.key), keys.control, keys.log]
  const markerKeys = (ref: KeyRef, tags: readonly string[]): string[] =>
    markerNames(ref.namespace, tags).map((name) => keys.marker(name))

  const invalidateKey = async (ref: KeyRef, script: typeof killScript): Promise<StampReply> => {
    site.remember({ kind: 'key', ref })
    const x = keyPayload(ref.namespace, ref.digest)
    return stampOf(await run(script, keysOf(ref), [candidate(), keys.channel, sender, x]))
  }

  return {
    read: site.read,
    readTo: site.readTo,
    async token(key, fresh, lifeMs) {
      return textOf(await run(tokenScript, [keys.token(key)], [fresh, String(lifeMs)]))
    },
    async write(request: WriteRequest): Promise<WriteReply> {
      const { entry, token, lifeMs, tells } = request
      if (tells === 'key') site.remember({ kind: 'key', ref: refOf(request) })
      const reply = await runWithEntry(site, request.key, entry, {
        script: writeScript,
        keys: (draft) => [...keysOf(request), draft, ...markerKeys(request, entry.tags)],
        args: (header, body, inDraft) => [
          candidate(),
          entry.inc,
          String(entry.startSeq),
          token,
          whole(lifeMs),
          String(request.notAfterMs),
          nameAt,
          header,
          body,
          keys.channel,
          sender,
          tells ?? '',
          keyPayload(request.namespace, request.digest, storedId(entry.id)),
          inDraft,
        ],
      })
      const outcome = WRITE_OUTCOMES[numberOf(listOf(reply)[4])]
      if (outcome === undefined) throw new Error('unknown outcome')
      const { inc, nowMs } = stampOf(reply)
      return { inc, nowMs, outcome, markers: markersOf(reply, 5, request.namespace, entry.tags) }
    },
    async set(request: SetRequest): Promise<SetReply> {
      site.remember({ kind: 'key', ref: refOf(request) })
      const { entry, namespace, digest, lifeMs } = request
      const x = keyPayload(namespace, digest, storedId(entry.id))
      const reply = await runWithEntry(site, request.key, entry, {
        script: setScript,
        keys: (draft) => [...keysOf(request), draft, ...markerKeys(request, entry.tags)],
        args: (header, body, inDraft) => [
          candidate(),
          whole(lifeMs),
          String(request.notAfterMs),
          nameAt,
          keys.channel,
          sender,
          x,
          header,
          body,
          inDraft,
        ],
      })
      const outcome = SET_OUTCOMES[numberOf(listOf(reply)[4])]
      if (outcome === undefined) throw new Error('unknown outcome')
      const { inc, nowMs, seq } = stampOf(reply)
      return { inc, nowMs, seq, outcome, markers: markersOf(reply, 5, namespace, entry.tags) }
    },
    kill: (ref) => invalidateKey(refOf(ref), killScript),
    expire: (ref) => invalidateKey(refOf(ref), expireScript),
    async bump(names, mode): Promise<BumpReply> {
      site.remember({ kind: 'names', names, mode })
      const reply = await run(
        bumpScript,
        [keys.control, keys.log, keys.nothing, ...names.map((name) => keys.marker(name))],
        [candidate(), mode, nameAt, keys.channel, sender, namesPayload(names), MOST_LOGGED_NAMES],
      )
      return stampOf(reply)
    },
    lease: (request) => lease(site, request, keys.entry(request.key)),
    async renew(key, token, lifeMs) {
      return (await run(renewScript, [keys.token(key)], [token, whole(lifeMs)])) === 1
    },
    async release({ key, namespace, digest, token, next }) {
      const kind = next === 'alone' ? 'alone' : 'done'
      const args = [token, keys.channel, sender, kind, keyPayload(namespace, digest)]
      return (await run(releaseScript, [keys.token(key)], args)) === 1
    },
    ping: async () => stampOf(await run(stampScript, [keys.control, keys.log], [candidate()])),
    beat: () => run(beatScript, [keys.control], [keys.channel, sender]),
  }
}

async function lease(site: RedisSite, request: LeaseRequest, entryKey: string): Promise<LeaseReply> {
  const { key, token, lifeMs, seen } = request
  const compared = seen === 'any' ? ['', '0'] : [seen.id ?? '', '1']
  const reply = await site.run(leaseScript, [entryKey, site.keys.token(key)], [token, whole(lifeMs), ...compared])
  const [outcome, holder, leftMs] = listOf(reply)
  if (outcome === 1) return { outcome: 'held', token: textOf(holder), leftMs: numberOf(leftMs) }
  return { outcome: outcome === 0 ? 'yours' : 'changed' }
}

/** A key without what a request carries beside it: it may be remembered for ten minutes. */
function refOf({ key, namespace, digest }: KeyRef): KeyRef {
  return { key, namespace, digest }
}

function whole(ms: number): string {
  return String(Math.max(1, Math.ceil(ms)))
}
