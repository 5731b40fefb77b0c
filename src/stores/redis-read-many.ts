import { stampScript } from '../redis/control-scripts.js'
import { tokenScript } from '../redis/entry-scripts.js'
import type { RedisArgument } from '../redis/script.js'
import { type IncarnationNames, storedId } from './entry-bytes.js'
import type { Sending } from './redis-commands.js'
import type { Lookup, Lookups } from './redis-lookup.js'
import { DEFAULT_TOKEN_LIFE_MS, entryIn, type ReadSite } from './redis-read-script.js'
import { textOf, UnexpectedReply } from './redis-replies.js'
import {
  type Marker,
  type Markers,
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

/** Takes the reply to one of the requests. */
export type AnswerTo = (index: number, reply: ReadReply) => void

/**
 * Reads several entries by plain commands: all of them first, the markers that concern them and the control record second,
 * which is all the order the protocol asks for. Tokens are taken last, for those that are missing or not valid.
 *
 * On one node entries and the markers of their namespaces come in one round trip; another one is needed for tags. On a
 * Cluster it is one to the entries' nodes, and one to the markers'. Nothing here is made for each entry that one can do
 * for all: a thousand reads a tick are usual.
 *
 * @param usualBytes What an entry weighs lately.
 * @param way One budget for all its round trips.
 * @param answer Told each reply as soon as it is there. A rejection is the answer to all that are not.
 */
export async function readMany(
  site: ReadSite,
  lookups: Lookups,
  requests: readonly ReadRequest[],
  usualBytes: number,
  answer: AnswerTo,
  way: Sending = site.asOne(),
): Promise<void> {
  const base = lookups.baseOf(requests)
  const plan = planOf(site, requests, usualBytes, site.isOneNode ? lookups.keysOf(base) : [])
  const sentAt = site.clock.now()
  const control = site.isOneNode ? lookups.controlCommands() : []
  const replies = await way.pipe([...plan.commands, ...control], requests.length * usualBytes)
  const { known, plain, markers } = sorted(plan, replies)
  const first = markers && lookups.found(base, markers, replies.slice(plan.commands.length), sentAt)
  const found: (StoredEntry | 'changed' | undefined)[] = []
  const names = new Set(first === undefined ? base : [])
  let [nextKnown, nextPlain] = [0, 0]
  for (let index = 0; index < requests.length; index++) {
    const request = requests[index] as ReadRequest
    const bytes = bytesOf(site, request.knownId === undefined ? plain[nextPlain++] : known[nextKnown++])
    const entry = entryAt(site, request, bytes, first ?? UNSTAMPED)
    found.push(entry)
    if (typeof entry !== 'object' || entry.tags.length === 0) continue
    for (const name of tagMarkers(request, entry)) names.add(name)
  }
  const lookup = names.size === 0 && first !== undefined ? first : await look(site, way, lookups, [...names], first)
  const shared = sharedMarkers(lookup, base)
  const later: Promise<void>[] = []
  // By number: an iterator makes two objects for each of them.
  for (let index = 0; index < requests.length; index++) {
    const request = requests[index] as ReadRequest
    const read = found[index]
    // The header that was asked for is of another entry: now all of it is needed.
    if (read === 'changed') {
      const { knownId: _, ...whole } = request
      later.push(readMany(site, lookups, [whole], usualBytes, (_only, reply) => answer(index, reply), way.split()))
      continue
    }
    const entry = read === undefined || lookup === first ? read : restamped(read, lookup)
    const { markers, hard } =
      entry === undefined || entry.tags.length === 0
        ? shared(request)
        : picked(lookup, markerNames(request.namespace, entry.tags))
    const isValid = entry !== undefined && entry.inc === lookup.inc && hard <= entry.startSeq
    // Nobody may have the value of an entry that is not valid.
    const reply = replyOf(lookup, isValid || entry === undefined ? entry : { ...entry, body: undefined }, markers)
    if (isValid || request.token === undefined) answer(index, reply)
    else
      later.push(
        takeToken(site, way.split(), request, request.token).then((token) => answer(index, { ...reply, token })),
      )
  }
  if (later.length > 0) await Promise.all(later)
}

const UNSTAMPED: IncarnationNames = { storedInc: '', inc: '' }

interface Plan {
  readonly commands: readonly Command[]
  /** How many of the commands ask for entries that are known. */
  readonly known: number
  /** How many keys of the other commands are markers: they are the last ones. */
  readonly markers: number
}

/**
 * A GETRANGE for each entry that is known; one MGET for some others, or one each where they are large or lie on several nodes.
 * The last one asks for the markers too: a command costs this process more than a key.
 */
function planOf(
  site: ReadSite,
  requests: readonly ReadRequest[],
  usualBytes: number,
  markerKeys: readonly string[],
): Plan {
  const most = site.isOneNode ? Math.max(1, Math.min(MGET_KEYS, Math.floor(MGET_BYTES / usualBytes))) : 1
  const commands: Command[] = []
  const plain: string[] = []
  for (const { key, knownId } of requests) {
    if (knownId === undefined) plain.push(site.keys.entry(key))
    else commands.push(['GETRANGE', site.keys.entry(key), '0', String(HEADER_END)])
  }
  const known = commands.length
  for (let at = 0; at < plain.length; at += most) {
    const isLast = at + most >= plain.length
    if (isLast && markerKeys.length > 0) commands.push(['MGET', ...plain.slice(at), ...markerKeys])
    else commands.push([most === 1 ? 'GET' : 'MGET', ...plain.slice(at, at + most)])
  }
  if (plain.length === 0 && markerKeys.length > 0) commands.push(['MGET', ...markerKeys])
  return { commands, known, markers: markerKeys.length }
}

interface Sorted {
  readonly known: readonly unknown[]
  readonly plain: readonly unknown[]
  /** `undefined` where none were asked for. */
  readonly markers: readonly unknown[] | undefined
}

/** What was found for each key, in the order in which the plan asks. */
function sorted({ commands, known, markers }: Plan, replies: readonly unknown[]): Sorted {
  const plain: unknown[] = []
  for (let at = known; at < commands.length; at++) {
    const reply = replies[at]
    if (commands[at]?.[0] !== 'MGET') plain.push(reply)
    else if (Array.isArray(reply)) for (const part of reply) plain.push(part)
    else throw reply instanceof Error ? reply : new UnexpectedReply('expected a list')
  }
  return {
    known: replies.slice(0, known),
    plain,
    markers: markers === 0 ? undefined : plain.splice(plain.length - markers, markers),
  }
}

/** The bytes of an entry; `undefined` where there are none, or something else is. */
function bytesOf(site: ReadSite, reply: unknown): Buffer | undefined {
  if (Buffer.isBuffer(reply)) return reply.length === 0 ? undefined : reply
  if (reply === null) return undefined
  if (!(reply instanceof Error)) throw new UnexpectedReply('expected bytes')
  if (!reply.message.startsWith('WRONGTYPE')) throw reply
  site.unreadable('foreign')
  return undefined
}

function entryAt(
  site: ReadSite,
  request: ReadRequest,
  bytes: Buffer | undefined,
  stamp: IncarnationNames,
): StoredEntry | 'changed' | undefined {
  if (bytes === undefined) return undefined
  const { knownId } = request
  if (knownId === undefined) return entryIn(site, request, stamp, bytes, false)
  if (bytes.length > HEADER_LENGTH_AT + 2 && bytes.readUInt16LE(HEADER_LENGTH_AT) > bytes.length) return 'changed'
  const entry = entryIn(site, request, stamp, bytes, true)
  if (entry === undefined) return undefined
  return entry.id === storedId(knownId) ? { ...entry, id: knownId } : 'changed'
}

/** A further look, and what an earlier one in the same read has found. */
async function look(
  site: ReadSite,
  way: Sending,
  lookups: Lookups,
  names: readonly string[],
  first: Lookup | undefined,
): Promise<Lookup> {
  for (let attempt = 0; attempt < 2; attempt++) {
    const sentAt = site.clock.now()
    const found = lookups.read(names, await way.pipe(lookups.commands(names)), sentAt)
    if (found !== undefined) return first?.storedInc === found.storedInc ? joined(first, found) : found
    await way.run(stampScript, [site.keys.control, site.keys.log], [site.candidate()])
  }
  throw new UnexpectedReply('expected a control record')
}

// The older number: a load that begins after this read is stamped with what was true before its markers were read.
function joined(first: Lookup, second: Lookup): Lookup {
  return { ...second, seq: first.seq, markers: new Map([...first.markers, ...second.markers]) }
}

/** Markers that concern an entry, and the highest hard one: endless where one is absent, so that nothing is valid by it. */
interface Concerns {
  readonly markers: Markers
  readonly hard: number
}

/** The two markers every entry of a namespace has, found once for all its entries. */
function sharedMarkers(lookup: Lookup, base: readonly string[]): (request: ReadRequest) => Concerns {
  if (base.length === 2 && lookup.markers.size <= 2) {
    const only = { markers: lookup.markers, hard: highest(lookup.markers, base) }
    return () => only
  }
  const known = new Map<string, Concerns>()
  return ({ namespace }) => {
    let concerns = known.get(namespace)
    if (concerns === undefined) {
      concerns = picked(lookup, markerNames(namespace, []))
      known.set(namespace, concerns)
    }
    return concerns
  }
}

function picked(lookup: Lookup, names: readonly string[]): Concerns {
  const markers = new Map<string, Marker>()
  for (const name of names) {
    const marker = lookup.markers.get(name)
    if (marker !== undefined) markers.set(name, marker)
  }
  return { markers, hard: highest(markers, names) }
}

function highest(markers: Markers, names: readonly string[]): number {
  let hard = 0
  for (const name of names) hard = Math.max(hard, markers.get(name)?.hard ?? Infinity)
  return hard
}

function tagMarkers(request: ReadRequest, entry: StoredEntry): readonly string[] {
  return markerNames(request.namespace, entry.tags).slice(2)
}

function replyOf({ inc, nowMs, seq }: Lookup, entry: StoredEntry | undefined, markers: Markers): ReadReply {
  return { inc, nowMs, seq, entry, markers, token: undefined }
}

/** An entry that was read before the store's incarnation was known by its full name. */
function restamped(entry: StoredEntry, { storedInc, inc }: IncarnationNames): StoredEntry {
  return entry.inc === storedInc ? { ...entry, inc } : entry
}

async function takeToken(site: ReadSite, way: Sending, request: ReadRequest, token: string): Promise<string> {
  const { key, tokenLifeMs = DEFAULT_TOKEN_LIFE_MS } = request
  return textOf(await way.run(tokenScript, [site.keys.token(key)], [token, String(tokenLifeMs)]))
}
