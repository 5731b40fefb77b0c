import { beatScript, stampScript } from '../redis/control-scripts.js'
import { readScript, setScript, tokenScript, writeScript } from '../redis/entry-scripts.js'
import { bumpScript, expireScript, killScript } from '../redis/invalidation-scripts.js'
import type { StoreKeys } from '../redis/store-keys.js'
import { entryBytes, readEntry, storedId } from './entry-bytes.js'
import type { Commands } from './redis-commands.js'
import { keyPayload, namesPayload } from './redis-frame.js'
import type { RecentInvalidation } from './redis-recent.js'
import { bytesOf, listOf, markersOf, numberOf, type ScriptStamp, stampOf, textOf } from './redis-replies.js'
import {
  type BumpReply,
  type KeyRef,
  markerNames,
  type ReadReply,
  type ReadRequest,
  type SetReply,
  type SetRequest,
  type SharedStore,
  type StampReply,
  type StoredEntry,
  type WriteReply,
  type WriteRequest,
} from './shared-store.js'

/** What the verbs stand on. */
export interface RedisSite {
  readonly run: Commands['run']
  readonly runBehind: Commands['runBehind']
  readonly keys: StoreKeys
  /** Who we are on the bus. */
  readonly sender: string
  /** The id of a new incarnation, should there be none: never the same twice. */
  readonly candidate: () => string
  /** Called before an invalidation is sent. */
  readonly remember: (invalidation: RecentInvalidation) => void
  /** Called for stored bytes that are no entry. */
  readonly unreadable: (why: string) => void
}

/** The verbs of the contract, and the heartbeat. */
export type RedisVerbs = Omit<SharedStore, 'subscribe' | 'close'> & { beat(): Promise<unknown> }

const DEFAULT_TOKEN_LIFE_MS = 600_000
const MOST_LOGGED_NAMES = '10000'
const FOUND = { nothing: 0, known: 1, entry: 2, other: 3, invalid: 4 } as const
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
    read: (request) => read(site, request, keysOf(request)),
    async token(key, fresh, lifeMs) {
      return textOf(await run(tokenScript, [keys.token(key)], [fresh, String(lifeMs)]))
    },
    async write(request: WriteRequest): Promise<WriteReply> {
      const { entry, token, lifeMs, notAfterMs } = request
      const { header, body } = entryBytes(request.key, entry)
      const reply = await run(
        writeScript,
        [...keysOf(request), ...markerKeys(request, entry.tags)],
        [
          candidate(),
          entry.inc,
          String(entry.startSeq),
          token,
          whole(lifeMs),
          String(notAfterMs),
          nameAt,
          header,
          body,
        ],
        body.length,
      )
      const outcome = WRITE_OUTCOMES[numberOf(listOf(reply)[4])]
      if (outcome === undefined) throw new Error('unknown outcome')
      return { ...stampOf(reply), outcome, markers: markersOf(reply, 5, request.namespace, entry.tags) }
    },
    async set(request: SetRequest): Promise<SetReply> {
      site.remember({ kind: 'key', ref: refOf(request) })
      const { entry, namespace, digest, lifeMs, notAfterMs } = request
      const { header, body } = entryBytes(request.key, entry)
      const x = keyPayload(namespace, digest)
      const reply = await run(
        setScript,
        [...keysOf(request), ...markerKeys(request, entry.tags)],
        [candidate(), whole(lifeMs), String(notAfterMs), nameAt, keys.channel, sender, x, header, body],
        body.length,
      )
      const outcome = SET_OUTCOMES[numberOf(listOf(reply)[4])]
      if (outcome === undefined) throw new Error('unknown outcome')
      return { ...stampOf(reply), outcome, markers: markersOf(reply, 5, namespace, entry.tags) }
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
    ping: async () => stampOf(await run(stampScript, [keys.control, keys.log], [candidate()])),
    beat: () => run(beatScript, [keys.control], [keys.channel, sender]),
  }
}

/**
 * One round trip: the entry by a plain GET, for a body that passes through a script is copied several times, and behind it
 * the script, which looks at the header alone. Entry first, markers second. Where the two have seen different entries,
 * somebody wrote in between: then the script brings everything.
 */
async function read(site: RedisSite, request: ReadRequest, ownKeys: readonly string[]): Promise<ReadReply> {
  const { keys, candidate } = site
  const { namespace, knownId, token = '', tokenLifeMs = DEFAULT_TOKEN_LIFE_MS } = request
  const scriptKeys = [...ownKeys, keys.marker('*'), keys.marker(`n/${namespace}`)]
  const known = knownId === undefined ? '' : storedId(knownId)
  const args = [candidate(), keys.markerPrefix, namespace, known, token, String(tokenLifeMs)]
  if (known === '') {
    const [bytes, reply] = await site.runBehind(['GET', keys.entry(request.key)], readScript, scriptKeys, [...args, ''])
    const parts = listOf(reply)
    if (parts[6] !== FOUND.entry) return readReply(site, request, parts, parts[7])
    if (Buffer.isBuffer(bytes) && isSameEntry(bytes, bytesOf(parts[7]))) return readReply(site, request, parts, bytes)
  } else {
    const parts = listOf(await site.run(readScript, scriptKeys, [...args, '']))
    if (parts[6] !== FOUND.entry) return readReply(site, request, parts, parts[7])
  }
  const parts = listOf(await site.run(readScript, scriptKeys, [...args, '1']))
  return readReply(site, request, parts, parts[7])
}

function isSameEntry(bytes: Buffer, header: Buffer): boolean {
  return bytes.length >= header.length && bytes.compare(header, 0, header.length, 0, header.length) === 0
}

function readReply(site: RedisSite, request: ReadRequest, reply: readonly unknown[], bytes: unknown): ReadReply {
  const stamp = stampOf(reply)
  const token = textOf(reply[5])
  const found = numberOf(reply[6])
  const entry = found === FOUND.nothing ? undefined : entryIn(site, request, stamp, found, bytes)
  return {
    inc: stamp.inc,
    // `TIME` as it is: seconds, and the rest in millionths.
    nowMs: stamp.nowMs * 1000 + Math.floor(numberOf(reply[4]) / 1000),
    seq: stamp.seq,
    entry,
    markers: markersOf(reply, 8, request.namespace, entry?.tags ?? []),
    token: token === '' ? undefined : token,
  }
}

function entryIn(
  site: RedisSite,
  request: ReadRequest,
  stamp: ScriptStamp,
  found: number,
  bytes: unknown,
): StoredEntry | undefined {
  const isKnown = found === FOUND.known
  const headerOnly = isKnown || found === FOUND.invalid
  const read =
    found === FOUND.other ? { failure: 'foreign' as const } : readEntry(request.key, bytesOf(bytes), headerOnly)
  if ('failure' in read) {
    site.unreadable(read.failure)
    return undefined
  }
  const { entry, storedInc } = read
  // What was written in this incarnation is of its present generation: a generation voids memory, not the store.
  const inc = storedInc === stamp.storedInc ? stamp.inc : storedInc
  return { ...entry, inc, id: isKnown && request.knownId !== undefined ? request.knownId : entry.id }
}

/** A key without what a request carries beside it: it may be remembered for ten minutes. */
function refOf({ key, namespace, digest }: KeyRef): KeyRef {
  return { key, namespace, digest }
}

function whole(ms: number): string {
  return String(Math.max(1, Math.ceil(ms)))
}
