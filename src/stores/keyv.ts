import { randomBytes } from 'node:crypto'
import { optionUnknown } from '../errors/option-error.js'
import { type Clock, createSystemClock } from '../runtime/clock.js'
import { type Duration, parseDuration } from '../runtime/duration.js'
import { endedFreshness, storedId } from './entry-bytes.js'
import { createMarkerBook, type MarkerBook, sameHard } from './keyv-markers.js'
import { readRecord, writeRecord } from './keyv-record.js'
import { type KeyvLike, type TextStore, textStoreOver } from './keyv-source.js'
import {
  type KeyRef,
  markerNames,
  type ReadReply,
  type ReadRequest,
  type SetReply,
  type SharedStore,
  type StampReply,
  type StoredEntry,
} from './shared-store.js'

/** Options of {@link createKeyvStore}. */
export interface KeyvStoreOptions {
  /** First part of every key there. @defaultValue `'hopstash'` */
  readonly prefix?: string
  /**
   * How long memory is served before it is compared with the store: other processes' deletes, sets and invalidations take
   * effect here within it. `0`: every hit is compared. @defaultValue `'5s'`
   */
  readonly recheck?: Duration
  readonly clock?: Clock
}

/** A store over a Keyv. */
export interface KeyvStore extends SharedStore {
  readonly capabilities: { readonly scripts: false; readonly messages: false; readonly cluster: false }
}

/** What one operation knows of the store's present life. */
interface Site {
  readonly texts: TextStore
  readonly book: MarkerBook
  readonly prefix: string
  readonly clock: Clock
  /** Which load of this process may write a key. Others cannot be fenced. */
  readonly tokens: Map<string, string>
}

const YEAR_MS = 366 * 86_400_000
const MOST_TOKENS = 10_000

/**
 * Returns a shared store over any Keyv storage adapter: a weaker one, for it has neither scripts nor messages.
 *
 * Within one process everything holds that holds with Redis. Between processes: tags, namespaces, deletes and sets take
 * effect within `recheck`; a load elsewhere that began before a delete may write the old value after it, which then lives
 * until its ttl; there are no leases. Lifetimes are counted by the wall clocks of the hosts.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID`
 */
export function createKeyvStore(source: KeyvLike, options: KeyvStoreOptions = {}): KeyvStore {
  const known = ['prefix', 'recheck', 'clock']
  for (const name of Object.keys(options))
    if (!known.includes(name)) throw optionUnknown('createKeyvStore', name, known)
  const { prefix = 'hopstash', recheck = '5s', clock = createSystemClock() } = options
  const recheckMs = parseDuration(recheck, 'recheck')
  const texts = textStoreOver(source, () => clock.wall())
  const book = createMarkerBook(texts, `${prefix}:m:`)
  const site: Site = { texts, book, prefix, clock, tokens: new Map() }
  let timer: unknown
  let isClosed = false

  return {
    capabilities: { scripts: false, messages: false, cluster: false },
    read: (request) => read(site, request),
    async token(key, candidate) {
      return takeToken(site, key, candidate)
    },
    async write(request) {
      const { entry, key, namespace } = request
      const names = markerNames(namespace, entry.tags)
      const stamp = await stampNow(site)
      const found = await book.ensure(names, entry.startSeq)
      const markers = book.markers(names)
      if (stamp.inc !== entry.inc || names.some((name) => (markers.get(name)?.hard ?? Infinity) > entry.startSeq)) {
        return { ...stamp, outcome: 'dead', markers }
      }
      // Nothing may be awaited from here to the write: that is what fences it within this process.
      if (site.tokens.get(key) !== request.token || clock.wall() > request.notAfterMs) {
        return { ...stamp, outcome: 'refused', markers }
      }
      site.tokens.delete(key)
      await put(site, request, entry, found, request.lifeMs)
      return { ...stamp, outcome: 'written', markers }
    },
    async set(request): Promise<SetReply> {
      const { entry, namespace } = request
      site.tokens.delete(request.key)
      const names = markerNames(namespace, entry.tags)
      const stamp = await stampNow(site)
      const found = await book.ensure(names, Infinity)
      const markers = book.markers(names)
      if (clock.wall() > request.notAfterMs) return { ...stamp, outcome: 'late', seq: book.seq, markers }
      await put(site, request, { ...entry, inc: stamp.inc }, found, request.lifeMs)
      return { ...stamp, outcome: 'written', seq: book.seq, markers }
    },
    async kill(ref) {
      site.tokens.delete(ref.key)
      await texts.delete(ref.key)
      return stampNow(site)
    },
    expire: (ref) => expire(site, ref),
    async bump(names, mode) {
      const seq = await book.bump(names, mode)
      return { ...(await stampNow(site)), seq }
    },
    ping: async () => ({ ...(await stampNow(site)), seq: book.seq }),
    subscribe(listener) {
      // Nobody will ever say anything: instead of messages, everything held is compared anew from time to time.
      if (recheckMs === 0) return
      const again = (): void => {
        if (isClosed) return
        listener.confirmed()
        timer = clock.setTimer(again, recheckMs)
      }
      again()
    },
    async close() {
      isClosed = true
      clock.clearTimer(timer)
    },
  }
}

async function read(site: Site, request: ReadRequest): Promise<ReadReply> {
  const { key, namespace, knownId } = request
  const text = await site.texts.get(key)
  const record = text === undefined ? undefined : readRecord(key, namespace, text, site.clock.wall())
  const names = markerNames(namespace, record?.entry.tags ?? [])
  const [stamp, ids] = await Promise.all([stampNow(site), site.book.look(names)])
  const isSame = record?.ids.every((id, at) => sameHard(id, ids[at] ?? '')) === true
  const isAlive = isSame && record.entry.inc === stamp.inc
  const softened = isAlive ? names.filter((_, at) => record.ids[at] !== ids[at]) : []
  const startSeq = softened.length > 0 ? site.book.startBefore(softened, names) : isAlive ? site.book.seq : 0
  const markers = site.book.markers(names)
  const entry = record === undefined ? undefined : seen(record.entry, startSeq, knownId)
  const token = !isAlive && request.token !== undefined ? takeToken(site, key, request.token) : undefined
  return { ...stamp, seq: site.book.seq, entry, markers, token }
}

/** As the contract shows an entry. Equality of ids stands for the order of numbers. */
function seen(entry: StoredEntry, startSeq: number, knownId: string | undefined): StoredEntry {
  const { header, ...rest } = entry
  return knownId !== undefined && entry.id === storedId(knownId)
    ? { ...rest, id: knownId, startSeq, body: undefined }
    : { ...rest, startSeq, header }
}

async function expire(site: Site, ref: KeyRef): Promise<StampReply> {
  site.tokens.delete(ref.key)
  const text = await site.texts.get(ref.key)
  const now = site.clock.wall()
  const record = text === undefined ? undefined : readRecord(ref.key, ref.namespace, text, now)
  if (record !== undefined && record.entry.freshUntilMs > now) {
    const entry = { ...record.entry, freshUntilMs: endedFreshness(now) }
    const goneAtMs = Number(text?.split('|', 2)[1])
    await site.texts.set(ref.key, writeRecord(ref.key, entry, record.ids, goneAtMs), Math.max(1, goneAtMs - now))
  }
  return stampNow(site)
}

async function put(site: Site, ref: KeyRef, entry: StoredEntry, ids: readonly string[], lifeMs: number): Promise<void> {
  await site.texts.set(ref.key, writeRecord(ref.key, entry, ids, site.clock.wall() + lifeMs), lifeMs)
}

function takeToken(site: Site, key: string, candidate: string): string {
  const present = site.tokens.get(key)
  if (present !== undefined) return present
  site.tokens.set(key, candidate)
  if (site.tokens.size > MOST_TOKENS) site.tokens.delete(site.tokens.keys().next().value as string)
  return candidate
}

/** The incarnation is a random text that whoever misses it writes. Two who do so at once agree at their next look. */
async function stampNow(site: Site): Promise<StampReply> {
  const name = `${site.prefix}:ctl`
  let inc = await site.texts.get(name)
  if (inc === undefined || !/^[\w-]{16}$/.test(inc)) {
    inc = randomBytes(12).toString('base64url')
    await site.texts.set(name, inc, YEAR_MS)
    site.book.forget()
  }
  return { inc, nowMs: site.clock.wall() }
}
