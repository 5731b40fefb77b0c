import { keyDigestOf } from '../codec/entry-header.js'
import { restamped } from '../codec/header-writer.js'
import { readJson } from '../codec/json-reader.js'
import { entryBytes, type ReadEntry, readEntry } from './entry-bytes.js'
import type { StoredEntry } from './shared-store.js'
import { isSubjectTag } from './subject.js'

/** What a file has beside its entry. */
export interface FileFacts {
  readonly key: string
  /** Wall clock, ms: the end of its physical life; `Infinity` for none. */
  readonly goneAtMs: number
  /** What was asked, for people, and for whoever looks for the nearest record. */
  readonly request: string | undefined
}

/** A file that was read. */
export type ReadFile = ReadEntry & { readonly goneAtMs: number }

/** Longer requests are not written: they would be most of the file. */
const MOST_REQUEST = 32 * 1024
const LINE_END = 10
const TAIL = /,"gone":(null|\d{1,16}),"head":"([A-Za-z0-9+/=]+)"\}$/
/** Of a line, in which a request is the longest part. */
const LIMITS = { maxBytes: 1024 * 1024, maxDepth: 128 }
const BEGINNING = Buffer.from('{"hopstash":1,')

/** Name of the file of a key, made of the first half of its SHA-256: nothing of the key gets into a path. */
export function fileNameOf(key: string): string {
  return keyDigestOf(key).toString('hex')
}

/**
 * Pure: a line of JSON, then the body as the codec made it. People read the line; of its fields only the last two are
 * read by this package: `gone`, and `head`, the header of docs/stored-format.md in base64.
 */
export function writeFileEntry(entry: StoredEntry, facts: FileFacts): Uint8Array[] {
  const { header, body } = entryBytes(facts.key, entry)
  const { inc, startSeq, storedAtMs, freshUntilMs } = entry
  const head = Buffer.from(restamped(header, { inc, startSeq, storedAtMs, freshUntilMs })).toString('base64')
  const gone = Number.isFinite(facts.goneAtMs) ? Math.ceil(facts.goneAtMs) : null
  const parts = [`"hopstash":1,"key":${JSON.stringify(facts.key)},"stored":${instant(storedAtMs)}`]
  const tags = entry.tags.filter((tag) => !isSubjectTag(tag))
  if (tags.length > 0) parts.push(`"tags":${JSON.stringify(tags)}`)
  if (entry.loadMs > 0) parts.push(`"loadMs":${Math.round(entry.loadMs)}`)
  if (facts.request !== undefined && facts.request.length <= MOST_REQUEST) {
    parts.push(requestField(facts.request))
  }
  return [Buffer.from(`{${parts.join(',')},"gone":${gone},"head":"${head}"}\n`), body]
}

/** The entry in a file; a failure for what is none, damaged, or of another key. Never throws. */
export function readFileEntry(key: string | Uint8Array, bytes: Buffer): ReadFile {
  const line = lineOf(bytes)
  const tail = line && TAIL.exec(line.toString('latin1', line.lastIndexOf(',"gone":')))
  if (!tail || line === undefined) return { failure: 'foreign', goneAtMs: Infinity }
  const end = line.length
  const [, gone = '', head = ''] = tail
  const headBytes = Buffer.byteLength(head, 'base64')
  // One piece of memory, in which body follows header: what the codec wants, and not the disk's working memory.
  const whole = Buffer.allocUnsafe(headBytes + bytes.length - end - 1)
  whole.write(head, 0, 'base64')
  bytes.copy(whole, headBytes, end + 1)
  return { ...readEntry(key, whole, false), goneAtMs: gone === 'null' ? Infinity : Number(gone) }
}

/** The file of an entry whose freshness ends now; `undefined` where there is none, or it has ended before. */
export function expiredFile(key: string, bytes: Buffer, nowMs: number): Uint8Array[] | undefined {
  const read = readFileEntry(key, bytes)
  if ('failure' in read || read.entry.header === undefined || !(read.entry.freshUntilMs > nowMs)) return undefined
  // A fraction of a ms is what no writer gives: the entry is another one for who knows its id.
  const freshUntilMs = Math.floor(nowMs) - 0.5
  const head = Buffer.from(restamped(read.entry.header, { ...read.entry, freshUntilMs })).toString('base64')
  const end = bytes.indexOf(LINE_END)
  const at = bytes.lastIndexOf('"head":', end)
  return [Buffer.concat([bytes.subarray(0, at), Buffer.from(`"head":"${head}"}\n`), bytes.subarray(end + 1)])]
}

/** The header of docs/stored-format.md in a file, unchecked. */
export function headOf(bytes: Buffer): Buffer | undefined {
  const line = lineOf(bytes)
  const tail = line && TAIL.exec(line.toString('latin1', line.lastIndexOf(',"gone":')))
  return tail ? Buffer.from(tail[2] as string, 'base64') : undefined
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
  const isLine = end > 0 && bytes.subarray(0, BEGINNING.length).equals(BEGINNING)
  return isLine ? bytes.subarray(0, end) : undefined
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
