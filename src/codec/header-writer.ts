import {
  BODY_FORMATS,
  type BodyInfo,
  type EntryHeader,
  KEY_DIGEST_BYTES,
  type Seal,
  type Stamp,
  tagBytes,
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
  writeStamp,
} from './header-layout.js'

/** The bytes of a header, which must have passed `headerProblem`. */
export function encodeHeader(header: EntryHeader, keyDigest: Uint8Array, body: BodyInfo): Uint8Array {
  const seal = body.encryption
  const { checksum } = body
  const tag = typeof checksum === 'object' ? checksum : undefined
  const sealBytes = seal === undefined ? (tag?.length ?? 0) : 1 + seal.keyId.length + NONCE_BYTES + TAG_BYTES
  // All of it is written below.
  const bytes = Buffer.allocUnsafe(AT.tags + tagBytes(header.tags) + sealBytes + CHECK_BYTES)
  bytes[0] = MAGIC[0]
  bytes[1] = MAGIC[1]
  bytes[AT.version] = VERSION
  bytes[AT.flags] =
    (body.isCompressed ? COMPRESSED : 0) |
    (seal === undefined ? 0 : ENCRYPTED) |
    (typeof checksum === 'number' ? 0 : TAGGED)
  bytes.writeUInt16LE(bytes.length, AT.headerBytes)
  bytes[AT.format] = BODY_FORMATS.indexOf(body.format)
  bytes[AT.byteKind] = body.byteKind
  bytes.write(header.id, AT.id, 'latin1')
  writeStamp(bytes, header)
  bytes.writeUInt32LE(typeof checksum === 'number' ? checksum : 0, AT.checksum)
  bytes.writeUInt32LE(body.bodyBytes, AT.bodyBytes)
  bytes.writeDoubleLE(header.staleForMs, AT.staleFor)
  bytes.writeDoubleLE(header.errorForMs, AT.errorFor)
  bytes.writeDoubleLE(header.loadMs, AT.load)
  bytes.set(keyDigest.subarray(0, KEY_DIGEST_BYTES), AT.keyDigest)
  bytes.writeUInt32LE(body.contentBytes, AT.contentBytes)
  const end = writeTags(bytes, header.tags)
  if (seal !== undefined) writeSeal(bytes, end, seal)
  else if (tag !== undefined) bytes.set(tag, end)
  return withCheck(bytes)
}

/** A header with another stamp: what the store's scripts do when they write. The header must be a whole one. */
export function restamped(header: Uint8Array, stamp: Stamp): Uint8Array {
  const bytes = Buffer.from(header)
  writeStamp(bytes, stamp)
  return withCheck(bytes)
}

function writeTags(bytes: Buffer, tags: readonly string[]): number {
  bytes.writeUInt16LE(tags.length, AT.tagCount)
  let at: number = AT.tags
  for (const tag of tags) {
    const length = bytes.write(tag, at + 2, 'utf8')
    bytes.writeUInt16LE(length, at)
    at += 2 + length
  }
  return at
}

function writeSeal(bytes: Buffer, start: number, seal: Seal): void {
  bytes[start] = seal.keyId.length
  const nonceAt = start + 1 + bytes.write(seal.keyId, start + 1, 'latin1')
  bytes.set(seal.nonce, nonceAt)
  bytes.set(seal.tag, nonceAt + NONCE_BYTES)
}

function withCheck(bytes: Buffer): Uint8Array {
  const end = bytes.length - CHECK_BYTES
  bytes.write(checkOf(bytes.subarray(0, end)), end, 'latin1')
  return bytes
}
