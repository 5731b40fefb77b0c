import { isDeepStrictEqual } from 'node:util'
import { checksumOf } from '../../../src/codec/checksum.js'
import type { Codec, Decoded, Encoded, Refused } from '../../../src/codec/codec.js'
import { type BodyInfo, type EntryHeader, keyDigestOf } from '../../../src/codec/entry-header.js'
import { encodeHeader } from '../../../src/codec/header-writer.js'

/** The digest of the key the tests store under. */
export const KEY = keyDigestOf('p:user:1')

/** A header like those the cache writes. */
export const HEADER: EntryHeader = Object.freeze({
  id: 'AAAAAAAAAAAAAAAA',
  inc: 'BBBBBBBBBBBBBBBB',
  startSeq: 42,
  storedAtMs: 1_700_000_000_000,
  freshUntilMs: 1_700_000_060_000,
  staleForMs: 30_000,
  errorForMs: Infinity,
  loadMs: 812.5,
  tags: ['user:1', 'größe'],
})

/** The whole entry of a value that must not be refused. */
export async function entryOf(codec: Codec, value: unknown, header = HEADER, key = KEY): Promise<Buffer> {
  return whole(await codec.encode(value, key, header))
}

/** Header and body in one. */
export function whole(encoded: Encoded | Refused): Buffer {
  if ('refused' in encoded) throw new Error(`refused: ${JSON.stringify(encoded)}`)
  return Buffer.concat([encoded.header, encoded.body])
}

/** A whole entry, with right checksums, around any body: what somebody with access to the store can make. */
export function forged(body: Uint8Array, change: Partial<BodyInfo> = {}): Buffer {
  const info: BodyInfo = {
    format: 'msgpack',
    byteKind: 0,
    isCompressed: false,
    bodyBytes: body.length,
    contentBytes: body.length,
    checksum: checksumOf(body),
    encryption: undefined,
  }
  return Buffer.concat([encodeHeader(HEADER, KEY, { ...info, ...change }), body])
}

/** The value that went through a codec, or why it did not. */
export async function roundTrip(codec: Codec, value: unknown): Promise<unknown> {
  const decoded = await codec.decode(await entryOf(codec, value), KEY)
  return decoded.ok ? decoded.value : decoded.reason
}

/** `ok`, or why not. */
export function reasonOf(decoded: Decoded): string {
  return decoded.ok ? 'ok' : decoded.reason
}

/** Whether two values are the same all through: values, types, prototypes, order, holes, `-0`, what is enumerable. */
export function isIdentical(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(describe(a), describe(b))
}

/** A value as a flat list of everything that could differ. */
function describe(value: unknown, out: unknown[] = []): unknown[] {
  if (typeof value !== 'object' || value === null) {
    out.push(typeof value, value)
    return out
  }
  out.push(Object.prototype.toString.call(value), Object.getPrototypeOf(value) === null, value.constructor)
  if (value instanceof Date) out.push(value.getTime())
  if (value instanceof URL) out.push(value.href)
  if (value instanceof ArrayBuffer) out.push(Buffer.from(value).toString('hex'))
  else if (ArrayBuffer.isView(value)) {
    out.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex'))
    return out
  }
  if (value instanceof Map) for (const [key, item] of value) describe(item, describe(key, out))
  if (value instanceof Set) for (const item of value) describe(item, out)
  if (value instanceof RegExp) out.push(value.source, value.flags)
  for (const name of Object.getOwnPropertyNames(value)) {
    out.push(name, Object.prototype.propertyIsEnumerable.call(value, name))
    describe((value as Record<string, unknown>)[name], out)
  }
  return out
}
