import { stampScript } from '../redis/control-scripts.js'
import { tokenScript } from '../redis/entry-scripts.js'
import type { RedisArgument } from '../redis/script.js'
import { storedId } from './entry-bytes.js'
import type { Lookup, Lookups } from './redis-lookup.js'
import { DEFAULT_TOKEN_LIFE_MS, entryIn, type ReadSite } from './redis-read-script.js'
import { textOf, UnexpectedReply } from './redis-replies.js'
import {
  isValid,
  type Marker,
  markerNames,
  type ReadReply,
  type ReadRequest,
  type StoredEntry,
} from './shared-store.js'

/** So many bytes are asked for by one MGET: larger replies would keep server and client from working side by side. */
const MGET_BYTES = 32_768
const MGET_KEYS = 64
/** What a header without many tags fits into. */
const HEADER_END = 1023
const HEADER_LENGTH_AT = 4

type Command = readonly RedisArgument[]

/**
 * Reads several entries by plain commands: all of them first, the control record and the markers that concern them second,
 * which is all the order the protocol asks for. Tokens are taken last, for those that are missing or not valid.
 *
 * On one node entries and the markers of their namespaces come in one round trip; another one is needed for tags. On a
 * Cluster it is one to the entries' nodes, and one to the markers'.
 *
 * @param usualBytes What an entry weighs lately.
 */
export async function readMany(
  site: ReadSite,
  lookups: Lookups,
  requests: readonly ReadRequest[],
  usualBytes: number,
): Promise<readonly ReadReply[]> {
  const base = ['*', ...new Set(requests.map(({ namespace }) => `n/${namespace}`))]
  const entryCommands = commandsFor(site, requests, usualBytes)
  const sentAt = site.clock.now()
  const behind = site.isOneNode ? lookups.commands(base) : []
  const replies = await site.pipe([...entryCommands, ...behind], requests.length * usualBytes)
  const first = site.isOneNode ? lookups.read(base, replies.slice(entryCommands.length), sentAt) : undefined
  const bytes = bytesBy(site, requests, replies)
  const stamp = first ?? { storedInc: '', inc: '' }
  const found = bytes.map((each, index) => entryAt(site, requests[index] as ReadRequest, each, stamp))
  const names = new Set(first === undefined ? base : [])
  for (const [index, entry] of found.entries()) {
    if (typeof entry === 'string' || entry === undefined || entry.tags.length === 0) continue
    for (const name of tagMarkers(requests[index] as ReadRequest, entry)) names.add(name)
  }
  const lookup = names.size === 0 && first !== undefined ? first : await look(site, lookups, [...names], first)
  const baseMarkers = markersByNamespace(lookup)
  return Promise.all(
    requests.map((request, index) => {
      const entry = found[index]
      // The header that was asked for is of another entry: now all of it is needed.
      if (entry === 'changed') return readAgain(site, lookups, request, usualBytes)
      return answer(site, request, entry, lookup, baseMarkers)
    }),
  )
}

/** One MGET for a few, a GET each where they are large or lie on several nodes. */
function commandsFor(site: ReadSite, requests: readonly ReadRequest[], usualBytes: number): Command[] {
  const most = site.isOneNode ? Math.max(1, Math.min(MGET_KEYS, Math.floor(MGET_BYTES / usualBytes))) : 1
  const commands: Command[] = []
  const plain: string[] = []
  for (const { key, knownId } of requests) {
    if (knownId === undefined) plain.push(site.keys.entry(key))
    else commands.push(['GETRANGE', site.keys.entry(key), '0', String(HEADER_END)])
  }
  for (let at = 0; at < plain.length; at += most)
    commands.push([most === 1 ? 'GET' : 'MGET', ...plain.slice(at, at + most)])
  return commands
}

/** The bytes at each request's key, in the order of `commandsFor`: the known first. */
function bytesBy(
  site: ReadSite,
  requests: readonly ReadRequest[],
  replies: readonly unknown[],
): (Buffer | undefined)[] {
  const [known, plain]: [number, unknown[]] = [requests.filter(({ knownId }) => knownId !== undefined).length, []]
  for (const reply of replies.slice(known)) {
    if (plain.length >= requests.length - known) break
    if (Array.isArray(reply)) plain.push(...reply)
    else plain.push(reply)
  }
  let [nextKnown, nextPlain] = [0, 0]
  return requests.map(({ knownId }) => {
    const reply = knownId === undefined ? plain[nextPlain++] : replies[nextKnown++]
    if (Buffer.isBuffer(reply)) return reply.length === 0 ? undefined : reply
    if (reply === null) return undefined
    if (!(reply instanceof Error)) throw new UnexpectedReply('expected bytes')
    if (!reply.message.startsWith('WRONGTYPE')) throw reply
    site.unreadable('foreign')
    return undefined
  })
}

function entryAt(
  site: ReadSite,
  request: ReadRequest,
  bytes: Buffer | undefined,
  stamp: Pick<Lookup, 'storedInc' | 'inc'>,
): StoredEntry | 'changed' | undefined {
  if (bytes === undefined) return undefined
  const { knownId } = request
  if (knownId === undefined) return entryIn(site, request, stamp, bytes, false)
  if (bytes.length > HEADER_LENGTH_AT + 2 && bytes.readUInt16LE(HEADER_LENGTH_AT) > bytes.length) return 'changed'
  const entry = entryIn(site, request, stamp, bytes, true)
  if (entry === undefined) return undefined
  return entry.id === storedId(knownId) ? { ...entry, id: knownId } : 'changed'
}

function readAgain(
  site: ReadSite,
  lookups: Lookups,
  { knownId: _, ...request }: ReadRequest,
  usualBytes: number,
): Promise<ReadReply> {
  return readMany(site, lookups, [request], usualBytes).then(([reply]) => reply as ReadReply)
}

/** A further look, and what an earlier one in the same read has found. */
async function look(
  site: ReadSite,
  lookups: Lookups,
  names: readonly string[],
  first: Lookup | undefined,
): Promise<Lookup> {
  for (let attempt = 0; attempt < 2; attempt++) {
    const sentAt = site.clock.now()
    const found = lookups.read(names, await site.pipe(lookups.commands(names)), sentAt)
    if (found !== undefined) return first?.storedInc === found.storedInc ? joined(first, found) : found
    await site.run(stampScript, [site.keys.control, site.keys.log], [site.candidate()])
  }
  throw new UnexpectedReply('expected a control record')
}

// The older number: a load that begins after this read is stamped with what was true before its markers were read.
function joined(first: Lookup, second: Lookup): Lookup {
  return { ...second, seq: first.seq, markers: new Map([...first.markers, ...second.markers]) }
}

/** The two markers every entry of a namespace has, as one map that all its replies share. */
function markersByNamespace(lookup: Lookup): (namespace: string) => ReadonlyMap<string, Marker> {
  const known = new Map<string, ReadonlyMap<string, Marker>>()
  return (namespace) => {
    let markers = known.get(namespace)
    if (markers === undefined) {
      markers = picked(lookup, markerNames(namespace, []))
      known.set(namespace, markers)
    }
    return markers
  }
}

function picked(lookup: Lookup, names: readonly string[]): Map<string, Marker> {
  const markers = new Map<string, Marker>()
  for (const name of names) {
    const marker = lookup.markers.get(name)
    if (marker !== undefined) markers.set(name, marker)
  }
  return markers
}

function tagMarkers(request: ReadRequest, entry: StoredEntry): readonly string[] {
  return markerNames(request.namespace, entry.tags).slice(2)
}

async function answer(
  site: ReadSite,
  request: ReadRequest,
  found: StoredEntry | undefined,
  lookup: Lookup,
  baseMarkers: (namespace: string) => ReadonlyMap<string, Marker>,
): Promise<ReadReply> {
  const { inc, nowMs, seq } = lookup
  const tags = found?.tags ?? []
  const names = markerNames(request.namespace, tags)
  const markers = tags.length === 0 ? baseMarkers(request.namespace) : picked(lookup, names)
  const entry = found === undefined || found.inc === inc ? found : { ...found, inc: currentInc(found.inc, lookup) }
  if (entry !== undefined && isValid(entry, names, inc, markers)) {
    return { inc, nowMs, seq, entry, markers, token: undefined }
  }
  const token = request.token === undefined ? undefined : await takeToken(site, request, request.token)
  // Nobody may have the value of an entry that is not valid.
  return { inc, nowMs, seq, entry: entry && { ...entry, body: undefined }, markers, token }
}

function currentInc(inc: string, { storedInc, inc: current }: Lookup): string {
  return inc === storedInc ? current : inc
}

async function takeToken(site: ReadSite, request: ReadRequest, token: string): Promise<string> {
  const { key, tokenLifeMs = DEFAULT_TOKEN_LIFE_MS } = request
  return textOf(await site.run(tokenScript, [site.keys.token(key)], [token, String(tokenLifeMs)]))
}
