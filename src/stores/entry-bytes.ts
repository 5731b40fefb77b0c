import { hash } from 'node:crypto'
import { crc32 } from '../codec/checksum.js'
import { type BodyInfo, type HeaderFailure, ID_LENGTH, keyDigestOf } from '../codec/entry-header.js'
import { decodeHeader } from '../codec/header-reader.js'
import { encodeHeader } from '../codec/header-writer.js'
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
  if (entry.header !== undefined) return { header: asBuffer(entry.header), body }
  const header = {
    ...entry,
    id: storedId(entry.id),
    inc: '',
    startSeq: 0,
    // A fraction says that the entry was expired by hand.
    freshUntilMs: Math.floor(entry.freshUntilMs),
  }
  const info: BodyInfo = {
    format: 'raw',
    byteKind: RAW_BYTES_KIND,
    isCompressed: false,
    bodyBytes: body.length,
    contentBytes: body.length,
    checksum: crc32(body),
    encryption: undefined,
  }
  return { header: asBuffer(encodeHeader(header, keyDigestOf(key), info)), body }
}

/** The entry in stored bytes; with `headerOnly` its body is not there. Never throws. */
export function readEntry(key: string, bytes: Buffer, headerOnly: boolean): ReadEntry {
  const decoded = decodeHeader(bytes, keyDigestOf(key))
  if (!decoded.ok) return { failure: decoded.reason }
  const { header, body, headerBytes } = decoded
  if (!headerOnly && bytes.length < headerBytes + body.bodyBytes) return { failure: 'truncated' }
  if (!headerOnly && bytes.length > headerBytes + body.bodyBytes) return { failure: 'corrupt' }
  const entry: StoredEntry = {
    ...header,
    id: Number.isInteger(header.freshUntilMs) ? header.id : `${header.id}x`,
    header: bytes.subarray(0, headerBytes),
    body: headerOnly ? undefined : bytes.subarray(headerBytes),
  }
  return { entry, storedInc: header.inc }
}

/** The id as it is stored: of the length the header has room for. */
export function storedId(id: string): string {
  return id.length === ID_LENGTH || (id.length === ID_LENGTH + 1 && id.endsWith('x'))
    ? id
    : hash('sha256', id, 'base64url').slice(0, ID_LENGTH)
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
