import { asBuffer, doubleAt, hexIn, latin1In, uint16At, uint32At, viewOf } from './buffer-reads.js'
import {
  BODY_FORMATS,
  type BodyInfo,
  type DecodedHeader,
  type EntryHeader,
  type HeaderFailure,
  headerProblem,
  ID_LENGTH,
  KEY_DIGEST_BYTES,
  keyDigestHex,
  type OfKey,
  type Seal,
} from './entry-header.js'
import {
  AT,
  CHECK_BYTES,
  COMPRESSED,
  checkOf,
  ENCRYPTED,
  MAGIC,
  NONCE_BYTES,
  TAG_BYTES,
  TAGGED,
  VERSION,
} from './header-layout.js'

/**
 * Reads a header alone, from the first bytes of an entry. Never throws.
 *
 * @param key The key the bytes were stored under, or its digest: those of another key are refused.
 * @param isWhole Whether a checksum has told already that header and body are undamaged: then nobody looks again.
 */
export function decodeHeader(input: Uint8Array, key: OfKey, isWhole = false): DecodedHeader {
  const bytes = asBuffer(input)
  const length = checkedLength(bytes, isWhole)
  if (typeof length === 'string') return { ok: false, reason: length }
  if (!isOf(bytes, key)) return { ok: false, reason: 'key' }
  return parse(bytes, length, isWhole) ?? { ok: false, reason: 'corrupt' }
}

function isOf(bytes: Buffer, key: OfKey): boolean {
  const digestEnd = AT.keyDigest + KEY_DIGEST_BYTES
  if (typeof key === 'string' || 'hex' in key) {
    // Compared as text, without making a digest's bytes.
    return hexIn(bytes, AT.keyDigest, digestEnd) === (typeof key === 'string' ? keyDigestHex(key) : key.hex)
  }
  return bytes.compare(key, 0, KEY_DIGEST_BYTES, AT.keyDigest, digestEnd) === 0
}

function checkedLength(bytes: Buffer, isWhole: boolean): number | HeaderFailure {
  const begins = bytes.length === 0 || (bytes[0] === MAGIC[0] && (bytes.length === 1 || bytes[1] === MAGIC[1]))
  if (!begins) return 'foreign'
  if (bytes.length < AT.tags) return 'truncated'
  if (bytes[AT.version] !== VERSION) return 'version'
  const length = uint16At(bytes, AT.headerBytes)
  if (length < AT.tags + CHECK_BYTES) return 'corrupt'
  if (length > bytes.length) return 'truncated'
  if (isWhole) return length
  const end = length - CHECK_BYTES
  return checkOf(viewOf(bytes, 0, end)) === latin1In(bytes, end, length) ? length : 'corrupt'
}

// Past the check, so only another writer of this version can have made something of another shape.
function parse(bytes: Buffer, length: number, isWhole: boolean): DecodedHeader | undefined {
  const flags = bytes[AT.flags] as number
  const format = BODY_FORMATS[bytes[AT.format] as number]
  if (flags > (COMPRESSED | ENCRYPTED | TAGGED) || format === undefined) return { ok: false, reason: 'version' }
  const end = length - CHECK_BYTES
  const tags = readTags(bytes, end)
  if (tags === undefined) return undefined
  const isEncrypted = (flags & ENCRYPTED) !== 0
  const isTagged = (flags & TAGGED) !== 0
  const encryption = isEncrypted ? readSeal(bytes, tags.end, end) : undefined
  const gmac = isTagged && !isEncrypted ? viewOf(bytes, tags.end, end) : undefined
  if (isEncrypted ? encryption === undefined : tags.end + (isTagged ? TAG_BYTES : 0) !== end) return undefined
  const header = readFields(bytes, tags.tags)
  if (headerProblem(header) !== undefined) return undefined
  const body: BodyInfo = {
    format,
    byteKind: bytes[AT.byteKind] as number,
    isCompressed: (flags & COMPRESSED) !== 0,
    bodyBytes: uint32At(bytes, AT.bodyBytes),
    contentBytes: uint32At(bytes, AT.contentBytes),
    checksum: isTagged ? gmac : uint32At(bytes, AT.checksum),
    encryption,
  }
  return { ok: true, header, body, headerBytes: length, isWhole }
}

function readFields(bytes: Buffer, tags: readonly string[]): EntryHeader {
  return {
    id: latin1In(bytes, AT.id, AT.id + ID_LENGTH),
    inc: bytes[AT.inc] === 0 ? '' : latin1In(bytes, AT.inc, AT.inc + ID_LENGTH),
    startSeq: doubleAt(bytes, AT.startSeq),
    storedAtMs: doubleAt(bytes, AT.storedAt),
    freshUntilMs: doubleAt(bytes, AT.freshUntil),
    staleForMs: doubleAt(bytes, AT.staleFor),
    errorForMs: doubleAt(bytes, AT.errorFor),
    loadMs: doubleAt(bytes, AT.load),
    tags,
  }
}

const UNTAGGED: Tags = Object.freeze({ tags: Object.freeze([]), end: AT.tags })

interface Tags {
  readonly tags: readonly string[]
  readonly end: number
}

function readTags(bytes: Buffer, end: number): Tags | undefined {
  let left = uint16At(bytes, AT.tagCount)
  if (left === 0) return UNTAGGED
  const tags: string[] = []
  let at: number = AT.tags
  for (; left > 0; left--) {
    if (at + 2 > end) return undefined
    const start = at + 2
    at = start + uint16At(bytes, at)
    if (at > end) return undefined
    tags.push(bytes.toString('utf8', start, at))
  }
  return { tags, end: at }
}

function readSeal(bytes: Buffer, start: number, end: number): Seal | undefined {
  const nonceAt = start + 1 + (bytes[start] as number)
  if (nonceAt + NONCE_BYTES + TAG_BYTES !== end) return undefined
  return {
    keyId: latin1In(bytes, start + 1, nonceAt),
    nonce: viewOf(bytes, nonceAt, nonceAt + NONCE_BYTES),
    tag: viewOf(bytes, nonceAt + NONCE_BYTES, end),
  }
}
