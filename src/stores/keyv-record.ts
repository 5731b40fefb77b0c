import { restamped } from '../codec/header-writer.js'
import { entryBytes, readEntry } from './entry-bytes.js'
import { markerNames, type StoredEntry } from './shared-store.js'

/** An entry as a text, beside the ids of the markers it was loaded under. */
export interface KeyvRecord {
  readonly entry: StoredEntry
  /** Ids of the markers, in the order of `markerNames`: a hard one, or that and a soft one. */
  readonly ids: readonly string[]
}

const VERSION = '1'

/** Pure: `1|instant of its end|ids|base64 of header and body`. */
export function writeRecord(key: string, entry: StoredEntry, ids: readonly string[], goneAtMs: number): string {
  const { header, body } = entryBytes(key, entry)
  const stamped = restamped(header, {
    inc: entry.inc,
    startSeq: 0,
    storedAtMs: entry.storedAtMs,
    freshUntilMs: entry.freshUntilMs,
  })
  return [VERSION, Math.ceil(goneAtMs), ids.join(','), Buffer.concat([stamped, body]).toString('base64')].join('|')
}

/** The record in a text; `undefined` for what is none, of another key, or over. Never throws. */
export function readRecord(key: string, namespace: string, text: string, nowMs: number): KeyvRecord | undefined {
  const [version, goneAt, idList, base64, ...more] = text.split('|')
  if (version !== VERSION || idList === undefined || base64 === undefined || more.length > 0) return undefined
  if (!(Number(goneAt) > nowMs)) return undefined
  const read = readEntry(key, Buffer.from(base64, 'base64'))
  if ('failure' in read || read.entry.header === undefined) return undefined
  const ids = idList.split(',')
  if (ids.length !== markerNames(namespace, read.entry.tags).length) return undefined
  return { entry: read.entry, ids }
}
