import { type Codec, createCodec } from '../codec/codec.js'
import type { CodecOptions } from '../codec/codec-options.js'
import { keyDigestOf } from '../codec/entry-header.js'
import type { StoredEntry } from '../stores/shared-store.js'
import type { BodyCodec, DecodedBody, EncodedBody } from './state.js'

/**
 * The codec of a stash's shared store: entries in the documented stored form, checked against their key.
 *
 * @param unreadable Told why an entry is none.
 */
export function createEntryCodec(options?: CodecOptions, unreadable: (why: string) => void = () => {}): BodyCodec {
  const codec = createCodec(options)
  const seen = (decoded: DecodedBody): DecodedBody => {
    if (!decoded.ok) unreadable(decoded.reason)
    return decoded
  }
  return {
    encode: (value, entry, key) => encode(codec, value, entry, key),
    decode(body, entry, key) {
      const decoded = decode(codec, body, entry, key)
      return decoded instanceof Promise ? decoded.then(seen) : seen(decoded)
    },
  }
}

async function encode(codec: Codec, value: unknown, entry: StoredEntry, key: string): Promise<EncodedBody> {
  // The store stamps what it stores: its incarnation may be longer than the field, and `set` has no number yet.
  const encoded = await codec.encode(value, keyDigestOf(key), { ...entry, inc: '', startSeq: 0 })
  if (!('refused' in encoded)) return encoded
  const isTooLarge = encoded.refused === 'size' || encoded.path === '$header.tags'
  return { refused: isTooLarge ? 'size' : 'type' }
}

function decode(
  codec: Codec,
  body: Uint8Array,
  { checked, header }: StoredEntry,
  key: string,
): DecodedBody | Promise<DecodedBody> {
  return checked === undefined
    ? codec.decode(whole(header, body), keyDigestOf(key))
    : codec.decodeBody(checked.bytes, checked.header, body)
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
