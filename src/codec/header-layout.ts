import { hash } from 'node:crypto'
import { ID_LENGTH, type Stamp } from './entry-header.js'

export const VERSION = 1
// Neither UTF-8 nor MessagePack has a byte c1 anywhere, so that no text and no other package's value begins like this.
export const MAGIC = [0xc1, 0x48] as const
export const COMPRESSED = 1
export const ENCRYPTED = 2
/** The body has a tag of 16 bytes instead of a CRC-32: that of its encryption, or a GMAC. */
export const TAGGED = 4
export const NONCE_BYTES = 12
export const TAG_BYTES = 16
export const CHECK_BYTES = 16

/** Offsets of version 1; docs/stored-format.md has the table. */
export const AT = {
  version: 2,
  flags: 3,
  headerBytes: 4,
  format: 6,
  byteKind: 7,
  id: 8,
  inc: 24,
  startSeq: 40,
  storedAt: 48,
  freshUntil: 56,
  checksum: 64,
  bodyBytes: 68,
  staleFor: 72,
  errorFor: 80,
  load: 88,
  keyDigest: 96,
  contentBytes: 112,
  tagCount: 116,
  tags: 118,
} as const

/** Writes the part that a store's script may write anew. */
export function writeStamp(bytes: Buffer, stamp: Stamp): void {
  bytes.fill(0, AT.inc, AT.inc + ID_LENGTH)
  bytes.write(stamp.inc, AT.inc, 'latin1')
  bytes.writeDoubleLE(stamp.startSeq, AT.startSeq)
  bytes.writeDoubleLE(stamp.storedAtMs, AT.storedAt)
  bytes.writeDoubleLE(stamp.freshUntilMs, AT.freshUntil)
}

/** What an encrypted entry authenticates beside its body: all of the header but the stamp, the checksum and the tag. */
export function authenticatedOf(header: Uint8Array): Uint8Array {
  const end = header.length - CHECK_BYTES - TAG_BYTES
  return Buffer.concat([header.subarray(0, AT.inc), header.subarray(AT.bodyBytes, end)])
}

/** SHA-1 as hex text, because that is what a Redis script can compute too. It guards against damage, not forgery. */
export function checkOf(bytes: Uint8Array): string {
  return hash('sha1', bytes, 'hex').slice(0, CHECK_BYTES)
}
