import { readScript } from '../redis/entry-scripts.js'
import type { StoreKeys } from '../redis/store-keys.js'
import type { Clock } from '../runtime/clock.js'
import { entryOf, storedId } from './entry-bytes.js'
import type { Commands } from './redis-commands.js'
import { bytesOf, listOf, markersOf, numberOf, type ScriptStamp, stampOf, textOf } from './redis-replies.js'
import type { ReadReply, ReadRequest, StoredEntry } from './shared-store.js'

/** What reads stand on. */
export interface ReadSite {
  readonly run: Commands['run']
  readonly runBehind: Commands['runBehind']
  readonly pipe: Commands['pipe']
  readonly asOne: Commands['asOne']
  readonly split: Commands['split']
  readonly keys: StoreKeys
  readonly clock: Clock
  /** Whether one node has all keys: then entries and markers are asked for in one round trip. */
  readonly isOneNode: boolean
  /** Whether the digest of a key is what its entry repeats of it, in hexadecimal. */
  readonly digestIsHash: boolean
  /** The id of a new incarnation, should there be none: never the same twice. */
  readonly candidate: () => string
  /** Called for stored bytes that are no entry. */
  readonly unreadable: (why: string) => void
}

/** How long a token lives where nobody says. */
export const DEFAULT_TOKEN_LIFE_MS = 600_000
const FOUND = { nothing: 0, known: 1, entry: 2, other: 3, invalid: 4 } as const

/**
 * One round trip: the entry by a plain GET, for a body that passes through a script is copied several times, and behind it
 * the script, which looks at the header alone. Entry first, markers second. Where the two have seen different entries,
 * somebody wrote in between: then the script brings everything.
 */
export async function readByScript(site: ReadSite, request: ReadRequest): Promise<ReadReply> {
  const { keys, candidate } = site
  const { run, runBehind } = site.asOne()
  const { key, namespace, knownId, token = '', tokenLifeMs = DEFAULT_TOKEN_LIFE_MS } = request
  const scriptKeys = [
    keys.entry(key),
    keys.token(key),
    keys.control,
    keys.log,
    keys.marker('*'),
    keys.marker(`n/${namespace}`),
  ]
  const known = knownId === undefined ? '' : storedId(knownId)
  const args = [candidate(), keys.markerPrefix, namespace, known, token, String(tokenLifeMs)]
  if (known === '') {
    const [bytes, reply] = await runBehind(['GET', keys.entry(key)], readScript, scriptKeys, [...args, ''])
    const parts = listOf(reply)
    if (parts[6] !== FOUND.entry) return readReply(site, request, parts, parts[7])
    if (Buffer.isBuffer(bytes) && isSameEntry(bytes, bytesOf(parts[7]))) return readReply(site, request, parts, bytes)
  } else {
    const parts = listOf(await run(readScript, scriptKeys, [...args, '']))
    if (parts[6] !== FOUND.entry) return readReply(site, request, parts, parts[7])
  }
  const parts = listOf(await run(readScript, scriptKeys, [...args, '1']))
  return readReply(site, request, parts, parts[7])
}

/** The entry in bytes of the store, as the contract shows it; `undefined` for what is none. */
export function entryIn(
  site: ReadSite,
  request: ReadRequest,
  stamp: Pick<ScriptStamp, 'storedInc' | 'inc'>,
  bytes: Buffer,
  headerOnly: boolean,
): StoredEntry | undefined {
  const key = site.digestIsHash ? { hex: request.digest } : request.key
  const entry = entryOf(key, bytes, headerOnly, stamp)
  if (typeof entry !== 'string') return entry
  site.unreadable(entry)
  return undefined
}

function isSameEntry(bytes: Buffer, header: Buffer): boolean {
  return bytes.length >= header.length && bytes.compare(header, 0, header.length, 0, header.length) === 0
}

function readReply(site: ReadSite, request: ReadRequest, reply: readonly unknown[], bytes: unknown): ReadReply {
  const stamp = stampOf(reply)
  const token = textOf(reply[5])
  const found = numberOf(reply[6])
  const entry = foundEntry(site, request, stamp, found, bytes)
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

function foundEntry(
  site: ReadSite,
  request: ReadRequest,
  stamp: ScriptStamp,
  found: number,
  bytes: unknown,
): StoredEntry | undefined {
  if (found === FOUND.nothing) return undefined
  if (found === FOUND.other) {
    site.unreadable('foreign')
    return undefined
  }
  const isKnown = found === FOUND.known
  const entry = entryIn(site, request, stamp, bytesOf(bytes), isKnown || found === FOUND.invalid)
  return isKnown && entry !== undefined && request.knownId !== undefined ? { ...entry, id: request.knownId } : entry
}
