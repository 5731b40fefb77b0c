import { firstOf, lastBefore, viewOf } from '../codec/buffer-reads.js'
import { crc32 } from '../codec/checksum.js'
import { keyDigestHex, type OfKey } from '../codec/entry-header.js'
import { restamped } from '../codec/header-writer.js'
import { readJson } from '../codec/json-reader.js'
import { endedFreshness, entryBytes, type ReadEntry, readEntry } from './entry-bytes.js'
import { readBase64 } from './file-base64.js'
import type { StoredEntry } from './shared-store.js'
import { isSubjectTag } from './subject.js'

/** What a file has beside its entry. */
export interface FileFacts {
  readonly key: string
  /** What is written of the key, for people: files are found by its digest. @defaultValue all of it */
  readonly shownKey?: string
  /** Wall clock, ms: the end of its physical life; `Infinity` for none. */
  readonly goneAtMs: number
  /** What was asked, for people, and for whoever looks for the nearest record. */
  readonly request: string | undefined
}

/** A file that was read. */
export interface ReadFile {
  readonly read: ReadEntry
  /** Wall clock, ms; `Infinity` for none. */
  readonly goneAtMs: number
}

/** Longer requests are not written: they would be most of the file. */
const MOST_REQUEST = 32 * 1024
const LINE_END = 10
const QUOTE = 34
const EQUALS = 61
const BRACE_END = 125
/** Digits of the checksum that a head begins with. */
const CHECK_DIGITS = 8
/** Of the fields that are read: `,"gone":null,"head":"` and `"}` around them. */
const GONE = Buffer.from(',"gone":')
const HEAD = Buffer.from(',"head":"')
const NULL = Buffer.from('null')
const MOST_DIGITS = 16
/** Of a line, in which a request is the longest part. */
const LIMITS = { maxBytes: 1024 * 1024, maxDepth: 128 }
const FOREIGN: ReadFile = { read: { failure: 'foreign' }, goneAtMs: Infinity }
const BEGINNING = Buffer.from('{"hopstash":1,')

/** Name of the file of a key, made of the first half of its SHA-256: nothing of the key gets into a path. */
export function fileNameOf(key: string): string {
  return keyDigestHex(key)
}

/**
 * Pure: a line of JSON, then the body as the codec made it. People read the line; of its fields only the last two are
 * read by this package: `gone`, and `head`, which is the CRC-32 of all that follows it in the file, in hexadecimal, and the
 * header of docs/stored-format.md in base64.
 */
export function writeFileEntry(entry: StoredEntry, facts: FileFacts): Uint8Array[] {
  const { header, body } = entryBytes(facts.key, entry)
  const { inc, startSeq, storedAtMs, freshUntilMs } = entry
  const gone = Number.isFinite(facts.goneAtMs) ? Math.ceil(facts.goneAtMs) : null
  const parts = [`"hopstash":1,"key":${JSON.stringify(facts.shownKey ?? facts.key)},"stored":${instant(storedAtMs)}`]
  const tags = entry.tags.filter((tag) => !isSubjectTag(tag))
  if (tags.length > 0) parts.push(`"tags":${JSON.stringify(tags)}`)
  if (entry.loadMs > 0) parts.push(`"loadMs":${Math.round(entry.loadMs)}`)
  if (facts.request !== undefined && facts.request.length <= MOST_REQUEST) {
    parts.push(requestField(facts.request))
  }
  const stamped = restamped(header, { inc, startSeq, storedAtMs, freshUntilMs })
  return [Buffer.from(`{${parts.join(',')},"gone":${gone},"head":"`), ...checked(stamped, body)]
}

/** What a file ends with: the checksum, the header and the end of its line, the body. */
function checked(header: Uint8Array, body: Uint8Array): Uint8Array[] {
  const end = Buffer.from(`${Buffer.from(header).toString('base64')}"}\n`)
  // Of no bytes Node's may be 0, whatever was before them.
  const check = body.length === 0 ? crc32(end) : crc32(body, crc32(end))
  return [Buffer.from(check.toString(16).padStart(CHECK_DIGITS, '0')), end, body]
}

/**
 * The entry in a file; a failure for what is none, damaged, or of another key. Never throws.
 *
 * @param bytes Taken over: the header is put where its text ends, right before the body, as the codec wants it.
 */
export function readFileEntry(key: OfKey, bytes: Buffer): ReadFile {
  const tail = tailOf(bytes)
  if (tail === undefined || crc32(viewOf(bytes, tail.headAt)) !== tail.check) return FOREIGN
  const start = tail.end + 1 - tail.headBytes
  if (!readBase64(bytes, tail.headAt, bytes, start, tail.headBytes)) return FOREIGN
  return { read: readEntry(key, viewOf(bytes, start), true), goneAtMs: tail.goneAtMs }
}

/** An entry, and the file of it with a freshness that has ended; `undefined` where there is none, or it has ended before. */
export function expiredFile(
  key: string,
  bytes: Buffer,
  nowMs: number,
): { readonly entry: StoredEntry; readonly chunks: Uint8Array[] } | undefined {
  const { read } = readFileEntry(key, Buffer.from(bytes))
  if ('failure' in read || read.entry.header === undefined || !(read.entry.freshUntilMs > nowMs)) return undefined
  const header = restamped(read.entry.header, { ...read.entry, freshUntilMs: endedFreshness(nowMs) })
  const end = bytes.indexOf(LINE_END)
  const at = bytes.lastIndexOf(HEAD, end) + HEAD.length
  return { entry: read.entry, chunks: [bytes.subarray(0, at), ...checked(header, bytes.subarray(end + 1))] }
}

/** The header of docs/stored-format.md in a file, unchecked. */
export function headOf(bytes: Buffer): Buffer | undefined {
  const tail = tailOf(bytes)
  if (tail === undefined) return undefined
  const head = Buffer.allocUnsafe(tail.headBytes)
  return readBase64(bytes, tail.headAt, head, 0, tail.headBytes) ? head : undefined
}

/** What was asked, by a file: what its text said, where that was JSON, else the text. `undefined` where it does not say. */
export function requestIn(bytes: Buffer): unknown {
  const line = lineOf(bytes)
  const facts = line && parsed(line)
  return typeof facts === 'object' && facts !== null && 'request' in facts ? facts.request : undefined
}

/** What a request's text says, as {@link requestIn} has it. */
export function requestOf(text: string): unknown {
  return parsed(Buffer.from(text)) ?? text
}

function lineOf(bytes: Buffer): Buffer | undefined {
  const end = bytes.indexOf(LINE_END)
  return end > 0 && hasAt(bytes, 0, BEGINNING) ? bytes.subarray(0, end) : undefined
}

/** The fields that are read of a file's line, and where it ends. By the byte: this is most of what a small read costs. */
interface Tail {
  readonly goneAtMs: number
  /** The checksum it names. */
  readonly check: number
  /** Where the header begins, in base64, and how long it is without that. */
  readonly headAt: number
  readonly headBytes: number
  readonly end: number
}

function tailOf(bytes: Buffer): Tail | undefined {
  const end = firstOf(bytes, LINE_END)
  const headEnd = end - 2
  if (headEnd < 0 || !hasAt(bytes, 0, BEGINNING)) return undefined
  if (bytes[headEnd] !== QUOTE || bytes[headEnd + 1] !== BRACE_END) return undefined
  const checkAt = lastBefore(bytes, QUOTE, headEnd - 1) + 1
  const headStart = checkAt + CHECK_DIGITS
  const goneEnd = checkAt - HEAD.length
  if (headStart >= headEnd || !hasAt(bytes, goneEnd, HEAD)) return undefined
  const goneAtMs = goneBefore(bytes, goneEnd)
  if (goneAtMs === undefined) return undefined
  const padding = bytes[headEnd - 1] !== EQUALS ? 0 : bytes[headEnd - 2] !== EQUALS ? 1 : 2
  const headBytes = Math.floor(((headEnd - headStart - padding) * 3) / 4)
  return { goneAtMs, check: hexAt(bytes, checkAt), headAt: headStart, headBytes, end }
}

/** The instant that ends at a place; `undefined` if there is none. */
function goneBefore(bytes: Buffer, end: number): number | undefined {
  if (hasAt(bytes, end - NULL.length, NULL) && hasAt(bytes, end - NULL.length - GONE.length, GONE)) return Infinity
  let start = end
  while (end - start < MOST_DIGITS && isDigit(bytes[start - 1])) start--
  if (start === end || !hasAt(bytes, start - GONE.length, GONE)) return undefined
  return Number(bytes.toString('latin1', start, end))
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 48 && byte <= 57
}

/** The number of a checksum's digits; `NaN` where they are none. */
function hexAt(bytes: Buffer, at: number): number {
  let number = 0
  for (let place = at; place < at + CHECK_DIGITS; place++) {
    const byte = bytes[place] as number
    number = 16 * number + (isDigit(byte) ? byte - 48 : byte >= 97 && byte <= 102 ? byte - 87 : Number.NaN)
  }
  return number
}

function hasAt(bytes: Buffer, at: number, wanted: Buffer): boolean {
  if (at < 0) return false
  for (let index = 0; index < wanted.length; index++) if (bytes[at + index] !== wanted[index]) return false
  return true
}

function parsed(json: Buffer): unknown {
  try {
    return readJson(json, LIMITS)
  } catch {
    return undefined
  }
}

// Where it is JSON it is written as such: that reads better than a text full of backslashes.
function requestField(text: string): string {
  const isJson = !text.includes('\n') && parsed(Buffer.from(text)) !== undefined
  return `"request":${isJson ? text : JSON.stringify(text)}`
}

function instant(ms: number): string {
  return Number.isFinite(ms) && Math.abs(ms) < 8.64e15 ? JSON.stringify(new Date(ms).toISOString()) : 'null'
}
