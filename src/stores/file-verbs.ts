import { codeOf, type Draft, tryTo } from './file-disk.js'
import { expiredFile, writeFileEntry } from './file-entry.js'
import { free, heldToken } from './file-leases.js'
import { type FileSite, FULL, fileOf, foundIn, ownNumbered, type Place, pathOf, placeOf, stamped } from './file-site.js'
import {
  type BumpReply,
  type KeyRef,
  type Markers,
  markerNames,
  type ReadReply,
  type ReadRequest,
  type SetReply,
  type SetRequest,
  type StoredEntry,
  type WriteReply,
  type WriteRequest,
} from './shared-store.js'

const TOKEN_LIFE_MS = 600_000

export function readFile(site: FileSite, request: ReadRequest): ReadReply | Promise<ReadReply> {
  const at = placeOf(site, request)
  const bytes = site.disk.read(at.shard, at.name)
  return bytes instanceof Promise
    ? bytes.then((late) => judged(site, request, at, late))
    : judged(site, request, at, bytes)
}

function judged(site: FileSite, request: ReadRequest, at: Place, bytes: Buffer | undefined): ReadReply {
  const { log, sweep, clock } = site
  const { file } = at
  const found = foundIn(site, at, bytes)
  // The entry first, the markers second: an invalidation between the two is seen.
  log.catchUp()
  const entry = found !== undefined && found.startSeq < log.book.overUntil(file) ? undefined : found
  if (entry === undefined) log.checkThere()
  const { book } = log
  const markers =
    entry === undefined || entry.tags.length === 0
      ? book.markersOfAll(request.namespace)
      : book.markers(markerNames(request.namespace, entry.tags))
  const isUsable = entry !== undefined && isLive(entry, book.inc, markers)
  const reply: { -readonly [Part in keyof ReadReply]: ReadReply[Part] } = {
    inc: book.inc,
    nowMs: clock.wall(),
    seq: book.seq,
    markers,
    entry: shown(entry, request.knownId),
    token: undefined,
  }
  if (isUsable) sweep.used(at, entry.storedAtMs, reply.nowMs)
  else if (request.token !== undefined) {
    reply.token = heldToken(site, file, request.token, request.tokenLifeMs ?? TOKEN_LIFE_MS)
  }
  return reply
}

export async function writeFile(site: FileSite, request: WriteRequest): Promise<WriteReply> {
  const { log, clock } = site
  const { entry, namespace, token } = request
  const at = placeOf(site, request)
  const { file } = at
  const names = markerNames(namespace, entry.tags)
  const came = (outcome: WriteReply['outcome']): WriteReply => {
    return { ...stamped(site), outcome, markers: site.log.book.markers(names) }
  }
  const isDead = (): boolean => !isLive(entry, log.book.inc, site.log.book.markers(names))
  let draft: Draft | undefined
  try {
    log.catchUp()
    if (isDead()) return came('dead')
    if (clock.wall() > request.notAfterMs) return came('refused')
    const drafting = site.disk.write(at.shard, chunksOf(site, request, entry))
    draft = drafting instanceof Promise ? await drafting : drafting
    const nowMs = Math.floor(clock.wall())
    if (nowMs > request.notAfterMs || log.book.token(file, nowMs)?.token !== token) return came('refused')
    log.append({ kind: 'use', sender: site.me, file, token, nowMs })
    if (isDead()) return came('dead')
    if (!log.book.wasUsed) return came('refused')
    const { ownSeq } = log.book
    draft.publish(at.name)
    draft = undefined
    if (removeIfOver(site, at, entry, ownSeq)) return came('dead')
    if (request.tells === 'key') tell(site, request, false)
    if (request.tells === 'done') free(site, request, 'lead')
    return came('written')
  } catch (error) {
    return full(site, request, error) ?? came('full')
  } finally {
    draft?.discard()
  }
}

export async function setFile(site: FileSite, request: SetRequest): Promise<SetReply> {
  const { log, clock } = site
  const { namespace, entry } = request
  const at = placeOf(site, request)
  const names = markerNames(namespace, entry.tags)
  log.catchUp()
  const came = (outcome: SetReply['outcome'], seq: number): SetReply => {
    return { ...stamped(site), outcome, seq, markers: site.log.book.markers(names) }
  }
  if (clock.wall() > request.notAfterMs) return came('late', log.book.seq)
  tell(site, request, true)
  // Of its own line: with the number of a deletion that came behind it, this value would outlive the deletion.
  const { ownSeq: seq, inc } = log.book
  try {
    const own = { ...entry, inc, startSeq: seq }
    const chunks = chunksOf(site, request, own)
    // What is there is over by that line, so a reader that meets half of this one has missed nothing.
    if (!site.disk.overwrite(at.shard, at.name, chunks)) {
      const drafting = site.disk.write(at.shard, chunks)
      const draft = drafting instanceof Promise ? await drafting : drafting
      // While a large one was written somebody else may have been faster, and his is the newer.
      putInPlace(site, at, draft, own, seq)
    } else removeIfOver(site, at, own, seq)
    return came('written', seq)
  } catch (error) {
    return full(site, request, error) ?? came('full', seq)
  }
}

export function killFile(site: FileSite, ref: KeyRef): BumpReply {
  const path = pathOf(placeOf(site, ref))
  // Before it is said, too: a process that dies in between must leave no value whose end may be forgotten one day.
  site.disk.remove(path)
  tell(site, ref, true)
  const reply = ownNumbered(site)
  site.disk.remove(path)
  return reply
}

export async function expireFile(site: FileSite, ref: KeyRef): Promise<BumpReply> {
  tell(site, ref, false)
  const reply = ownNumbered(site)
  const at = placeOf(site, ref)
  const reading = site.disk.read(at.shard, at.name)
  const bytes = reading instanceof Promise ? await reading : reading
  const expired = bytes && expiredFile(ref.key, bytes, site.clock.wall())
  if (expired === undefined) return reply
  const drafting = site.disk.write(at.shard, expired.chunks)
  const draft = drafting instanceof Promise ? await drafting : drafting
  putInPlace(site, at, draft, expired.entry, reply.seq)
  return reply
}

/** Publishes what took its time to write, unless it was ended meanwhile. */
function putInPlace(site: FileSite, at: Place, draft: Draft, entry: StoredEntry, since: number): void {
  site.log.catchUp()
  if (isOver(site, at, entry, since)) draft.discard()
  else {
    draft.publish(at.name)
    removeIfOver(site, at, entry, since)
  }
}

/** Whether an entry was ended; or may have been since a line of this process, because the book forgets single keys. */
function isOver({ log: { book } }: FileSite, { file, namespace }: Place, entry: StoredEntry, since: number): boolean {
  if (book.overUntil(file) > entry.startSeq || book.forgottenUntil > since) return true
  return !isLive(entry, book.inc, book.markers(markerNames(namespace, entry.tags)))
}

/**
 * Removes a file just put in its place, where its entry was ended in that moment: who ended it has found nothing to remove.
 * What is newer there goes with it, and is a miss.
 */
function removeIfOver(site: FileSite, at: Place, entry: StoredEntry, since: number): boolean {
  site.log.catchUp()
  const over = isOver(site, at, entry, since)
  if (over) site.disk.remove(pathOf(at))
  return over
}

/** As `isValid`, of a book's markers: there all are. */
function isLive({ inc, startSeq }: StoredEntry, now: string, markers: Markers): boolean {
  if (inc !== now) return false
  for (const { hard } of markers.values()) if (hard > startSeq) return false
  return true
}

function shown(entry: StoredEntry | undefined, knownId: string | undefined): StoredEntry | undefined {
  if (entry === undefined || entry.id !== knownId) return entry
  const { header: _header, ...known } = entry
  return { ...known, body: undefined }
}

function chunksOf(
  site: FileSite,
  request: KeyRef & Pick<WriteRequest, 'lifeMs' | 'describe'>,
  entry: StoredEntry,
): Uint8Array[] {
  const goneAtMs = site.expires ? site.clock.wall() + request.lifeMs : Infinity
  const { key } = request
  const facts = { key, shownKey: shownKey(site, key), goneAtMs, request: textOf(site, request.describe) }
  const chunks = writeFileEntry(entry, facts)
  site.sweep.wrote(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  return chunks
}

// Some signs are percent-encoded in keys, and behind that no secret is known.
function shownKey(site: FileSite, key: string): string {
  try {
    const plain = decodeURIComponent(key)
    const clean = site.scrub(plain)
    return clean === plain ? key : clean
  } catch {
    return ''
  }
}

function textOf(site: FileSite, describe: (() => string) | undefined): string | undefined {
  try {
    return describe && site.scrub(describe())
  } catch {
    // For people only: an entry without it is as good.
    return undefined
  }
}

/** After a write that failed: nothing where the disk is full, and then the old entry is over; else throws. */
function full(site: FileSite, ref: KeyRef, error: unknown): undefined {
  if (!FULL.has(codeOf(error))) throw error
  site.trouble(error)
  tryTo(() => site.disk.remove(pathOf(placeOf(site, ref))))
}

function tell(site: FileSite, ref: KeyRef, over: boolean): void {
  const { namespace, digest } = ref
  site.log.append({ kind: 'key', sender: site.me, over, file: fileOf(site, ref), namespace, digest })
}
