import { hash } from 'node:crypto'
import { asBuffer, viewOf } from '../codec/buffer-reads.js'
import { checksumOf } from '../codec/checksum.js'
import { type BodyInfo, type HeaderFailure, ID_LENGTH, keyDigestOf, type OfKey } from '../codec/entry-header.js'
import { decodeHeader } from '../codec/header-reader.js'
import { encodeHeader, restamped } from '../codec/header-writer.js'
import type { StoredEntry } from './shared-store.js'

/** An entry as two arguments of a script, which puts its own stamp into the header and joins them. */
export interface EntryBytes {
  readonly header: Buffer
  readonly body: Buffer
}

/** What stored bytes turned out to be. */
export type ReadEntry =
  | { readonly entry: StoredEntry; readonly storedInc: string }
  | { readonly failure: HeaderFailure }

const RAW_BYTES_KIND = 1

/**
 * The bytes of an entry. Where the codec has made a header it is taken as it is; else the body counts as plain bytes.
 * The stamp is left to the store.
 */
export function entryBytes(key: string, entry: StoredEntry): EntryBytes {
  const body = asBuffer(entry.body ?? new Uint8Array())
  if (entry.header !== undefined) return { header: asBuffer(wholeMs(entry, entry.header)), body }
  const header = {
    ...entry,
    id: storedId(entry.id),
    inc: '',
    startSeq: 0,
    freshUntilMs: Math.floor(entry.freshUntilMs),
  }
  const info: BodyInfo = {
    format: 'raw',
    byteKind: RAW_BYTES_KIND,
    isCompressed: false,
    bodyBytes: body.length,
    contentBytes: body.length,
    checksum: checksumOf(body),
    encryption: undefined,
  }
  return { header: asBuffer(encodeHeader(header, keyDigestOf(key), info)), body }
}

/**
 * Pure: the freshness of an entry that is expired by hand. Half a ms is what no writer gives: the entry is another one for who
 * knows its id. And a little in the past, because readers think in a time of their own.
 */
export function endedFreshness(nowMs: number): number {
  return Math.floor(nowMs) - 249.5
}

// A fraction of a ms says that the entry was expired by hand, so no writer may give one.
function wholeMs({ storedAtMs, freshUntilMs }: StoredEntry, header: Uint8Array): Uint8Array {
  if (Number.isInteger(freshUntilMs)) return header
  return restamped(header, { inc: '', startSeq: 0, storedAtMs, freshUntilMs: Math.floor(freshUntilMs) })
}

/** The entry in stored bytes, by its key or the digest of that; with `isWhole` they have been checked. Never throws. */
export function readEntry(key: OfKey, bytes: Buffer, isWhole = false): ReadEntry {
  const entry = entryOf(key, bytes, false, UNSTAMPED, isWhole)
  return typeof entry === 'string' ? { failure: entry } : { entry, storedInc: entry.inc }
}

/** What entries carry as their incarnation, and what readers call it: with its generation. */
export interface IncarnationNames {
  readonly storedInc: string
  readonly inc: string
}

const UNSTAMPED: IncarnationNames = { storedInc: '', inc: '' }

/**
 * The same as one object, or why there is none. What was written in this incarnation is of its present generation: a
 * generation voids memory, not the store.
 */
export function entryOf(
  key: OfKey,
  bytes: Buffer,
  headerOnly: boolean,
  { storedInc, inc }: IncarnationNames,
  isWhole = false,
): StoredEntry | HeaderFailure {
  const decoded = decodeHeader(bytes, key, isWhole)
  if (!decoded.ok) return decoded.reason
  const { header, body, headerBytes } = decoded
  if (!headerOnly && bytes.length !== headerBytes + body.bodyBytes) {
    return bytes.length < headerBytes + body.bodyBytes ? 'truncated' : 'corrupt'
  }
  return {
    id: Number.isInteger(header.freshUntilMs) ? header.id : `${header.id}x`,
    inc: header.inc === storedInc ? inc : header.inc,
    startSeq: header.startSeq,
    tags: header.tags,
    storedAtMs: header.storedAtMs,
    freshUntilMs: header.freshUntilMs,
    staleForMs: header.staleForMs,
    errorForMs: header.errorForMs,
    loadMs: header.loadMs,
    body: headerOnly ? undefined : viewOf(bytes, headerBytes),
    header: viewOf(bytes, 0, headerBytes),
    checked: headerOnly ? undefined : { bytes, header: decoded },
  }
}

/** The id as it is stored: of the length the header has room for. */
export function storedId(id: string): string {
  return id.length === ID_LENGTH || (id.length === ID_LENGTH + 1 && id.endsWith('x'))
    ? id
    : hash('sha256', id, 'base64url').slice(0, ID_LENGTH)
}
