import { hash } from 'node:crypto'

/** What scripts and readers need to know of a stored entry beside its value. Instants are in store time, ms. */
export interface EntryHeader extends Stamp {
  /** Write nonce, {@link ID_LENGTH} ASCII characters: tells two writes of one key apart. */
  readonly id: string
  /** How long after `freshUntilMs` the entry may be served while it is refreshed. */
  readonly staleForMs: number
  /** How long after `freshUntilMs` the entry may be served when a load fails. */
  readonly errorForMs: number
  /** How long the load took: what a hit saves. */
  readonly loadMs: number
  readonly tags: readonly string[]
}

/** The part of a header that a script of the store may write anew. `inc` is `''` until then. */
export interface Stamp {
  /** Incarnation of the store, {@link ID_LENGTH} ASCII characters. */
  readonly inc: string
  readonly startSeq: number
  readonly storedAtMs: number
  readonly freshUntilMs: number
}

/** How the body of an entry has to be read. */
export interface BodyInfo {
  readonly format: BodyFormat
  /** Index of `BYTE_KINDS` where the body is raw bytes, else 0. */
  readonly byteKind: number
  readonly isCompressed: boolean
  /** Length of the body as stored. */
  readonly bodyBytes: number
  /** Length of the value's encoding before compression and encryption. */
  readonly contentBytes: number
  /** CRC-32 of the body as stored, or the GMAC of a large one; `undefined` if only the tag of its encryption tells damage. */
  readonly checksum: number | Uint8Array | undefined
  readonly encryption: Seal | undefined
}

/** What opens an encrypted body. */
export interface Seal {
  readonly keyId: string
  readonly nonce: Uint8Array
  readonly tag: Uint8Array
}

/** Forms of a body by their number in stored entries: append only. */
export const BODY_FORMATS = ['raw', 'msgpack', 'json'] as const

/** One of {@link BODY_FORMATS}. */
export type BodyFormat = (typeof BODY_FORMATS)[number]

/** Why bytes are no entry of this key that can be read. */
export type HeaderFailure = 'foreign' | 'truncated' | 'version' | 'key' | 'corrupt'

/** A header that is whole, of this version, and of the key it was asked for. */
export interface CheckedHeader {
  readonly ok: true
  readonly header: EntryHeader
  readonly body: BodyInfo
  readonly headerBytes: number
  /** Whether the body is known to be undamaged, too. */
  readonly isWhole: boolean
}

/** What {@link decodeHeader} found. */
export type DecodedHeader = CheckedHeader | { readonly ok: false; readonly reason: HeaderFailure }

/** Length of `id` and `inc`: 96 random bits as base64url. */
export const ID_LENGTH = 16
/** Length of a key digest. */
export const KEY_DIGEST_BYTES = 16
/** No header is longer; the tags have to fit. */
const MAX_HEADER_BYTES = 0xffff

/** First 16 bytes of the SHA-256 of a stored key's text: what an entry repeats of its key. */
export function keyDigestOf(key: string): Buffer {
  return Buffer.from(keyDigestHex(key), 'hex')
}

/** The same as hexadecimal text: `hash` makes one in half the time it takes for a Buffer. */
export function keyDigestHex(key: string): string {
  return hash('sha256', key, 'hex').slice(0, 2 * KEY_DIGEST_BYTES)
}

/** What a header may be asked to be of: the text of a key, its digest, or that in hexadecimal. */
export type OfKey = string | Uint8Array | { readonly hex: string }

/**
 * What is wrong with a header, as the path of the part and what was received; `undefined` if it can be written.
 */
export function headerProblem(header: EntryHeader): { readonly path: string; readonly received: string } | undefined {
  if (!isId(header.id)) return { path: '$header.id', received: 'something else than 16 ASCII characters' }
  if (header.inc !== '' && !isId(header.inc)) {
    return { path: '$header.inc', received: 'something else than 16 ASCII characters' }
  }
  if (!isSequence(header.startSeq)) return { path: '$header.startSeq', received: String(header.startSeq) }
  // A sum is NaN if a part of it is; infinities of both signs make one too, so the parts have the last word.
  if (Number.isNaN(header.storedAtMs + header.freshUntilMs + header.staleForMs + header.errorForMs + header.loadMs)) {
    for (const name of INSTANTS) if (Number.isNaN(header[name])) return { path: `$header.${name}`, received: 'NaN' }
  }
  if (header.tags.length === 0) return undefined
  const torn = header.tags.findIndex((tag) => !tag.isWellFormed())
  if (torn >= 0) return { path: `$header.tags[${torn}]`, received: 'a text with half a surrogate pair' }
  if (tagBytes(header.tags) > MAX_HEADER_BYTES - 512) {
    return { path: '$header.tags', received: `tags of more than ${MAX_HEADER_BYTES - 512} bytes` }
  }
  return undefined
}

const INSTANTS = ['storedAtMs', 'freshUntilMs', 'staleForMs', 'errorForMs', 'loadMs'] as const

/** What a list of tags takes in a header. */
export function tagBytes(tags: readonly string[]): number {
  return tags.reduce((sum, tag) => sum + 2 + Buffer.byteLength(tag), 0)
}

function isId(text: string): boolean {
  return text.length === ID_LENGTH && /^[\x21-\x7e]+$/.test(text)
}

function isSequence(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
