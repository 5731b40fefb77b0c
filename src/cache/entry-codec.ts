import { isIntact } from '../codec/checksum.js'
import { type Codec, createCodec } from '../codec/codec.js'
import type { CodecOptions } from '../codec/codec-options.js'
import { keyDigestOf } from '../codec/entry-header.js'
import type { StoredEntry } from '../stores/shared-store.js'
import type { Loan } from './entry.js'
import { copyOf } from './ownership.js'
import type { BodyCodec, DecodedBody, EncodedBody } from './state.js'

/** The codec of a stash's shared store: entries in the documented stored form, checked against their key. */
export function createEntryCodec(options?: CodecOptions): BodyCodec {
  const codec = createCodec(options)
  return {
    encode: (value, entry, key) => encode(codec, value, entry, key),
    decode: (body, entry, key) => decode(codec, body, entry, key),
  }
}

async function encode(codec: Codec, value: unknown, entry: StoredEntry, key: string): Promise<EncodedBody> {
  // The store stamps what it stores: its incarnation may be longer than the field, and `set` has no number yet.
  const encoded = await codec.encode(value, keyDigestOf(key), { ...entry, inc: '', startSeq: 0 })
  return 'refused' in encoded ? { refused: encoded.refused === 'size' ? 'size' : 'type' } : encoded
}

function decode(
  codec: Codec,
  body: Uint8Array,
  { checked, header }: StoredEntry,
  key: string,
): DecodedBody | Promise<DecodedBody> {
  if (checked === undefined) return codec.decode(whole(header, body), keyDigestOf(key))
  const decoded = codec.decodeBody(checked.bytes, checked.header, body)
  if (decoded instanceof Promise || !decoded.ok) return decoded
  const { checksum } = checked.header.body
  const isLent = typeof checksum === 'object' && Buffer.isBuffer(decoded.value) && isAlone(checked.bytes)
  return isLent ? { ...decoded, loan: createLoan(decoded.value as Buffer, checksum) } : decoded
}

/** Nothing else lies in the memory of what was read: who has a view on it reaches all of it. */
function isAlone({ buffer, byteLength }: Uint8Array): boolean {
  return buffer.byteLength === byteLength
}

/** The loan of a large Buffer, which is a view on the body it was read from. */
function createLoan(value: Buffer, checksum: Uint8Array): Loan {
  const { buffer, byteOffset, byteLength } = value
  // The header it comes from is within reach of whoever has the value.
  const own = Uint8Array.from(checksum)
  return {
    isOut: false,
    lend: () => Buffer.from(buffer, byteOffset, byteLength),
    copied() {
      // Moved into a thread, for instance.
      if (buffer.byteLength === 0) return undefined
      // Not the bytes are compared but the copy: who fills a Buffer in a thread may do so meanwhile.
      const copy = copyOf(value)
      return isIntact(copy, own) ? copy : undefined
    },
  }
}

// A store of bytes returns header and body as neighbours in one reply: then nothing is copied.
function whole(header: Uint8Array | undefined, body: Uint8Array): Uint8Array {
  if (header === undefined) return body
  if (header.buffer === body.buffer && header.byteOffset + header.length === body.byteOffset) {
    return new Uint8Array(header.buffer, header.byteOffset, header.length + body.length)
  }
  const joined = new Uint8Array(header.length + body.length)
  joined.set(header)
  joined.set(body, header.length)
  return joined
}
