import { asBuffer, viewOf } from './buffer-reads.js'
import { checksumOf, GMAC_BYTES, isIntact } from './checksum.js'
import { type CodecOptions, type ResolvedCodecOptions, resolveCodecOptions } from './codec-options.js'
import { compress, inflate } from './compress.js'
import { type Content, type ContentCoder, createContentCoder } from './content.js'
import { DecodedShape } from './decoded-shape.js'
import { createSealer, type EncryptionKey, type Sealer } from './encrypt.js'
import {
  type BodyInfo,
  type CheckedHeader,
  type EntryHeader,
  type HeaderFailure,
  headerProblem,
} from './entry-header.js'
import { authenticatedOf, TAG_BYTES } from './header-layout.js'
import { decodeHeader } from './header-reader.js'
import { encodeHeader } from './header-writer.js'
import { Stop, stopOf } from './stop.js'

/** An entry as it is stored: the header, and the body right behind it. */
export interface Encoded {
  readonly header: Uint8Array
  /** For bytes a view on the value's own memory: who changes them before they are sent makes an entry that is a miss. */
  readonly body: Uint8Array
}

/** Why a value is not stored; `path` names the place, as in `$.items[2].onClick`, and never holds a value. */
export interface Refused {
  readonly refused: 'type' | 'size' | 'depth' | 'header'
  readonly path: string
  readonly received: string
}

/**
 * Why bytes are a miss. `foreign`: no entry of this package. `version`: of a version, or with a feature, unknown here.
 * `key`: of another key. `corrupt`: damaged. `decrypt`: not encrypted with a key known here, forged, or plain where
 * encryption is on. `format`: whole, but not what a codec of this version writes.
 */
export type DecodeFailure = HeaderFailure | 'too-large' | 'decrypt' | 'format'

/** What bytes of a store turned out to be. */
export type Decoded =
  | {
      readonly ok: true
      readonly value: unknown
      readonly header: EntryHeader
      /** What the value is like, where that was seen while it was read. */
      readonly shape: DecodedShape | undefined
    }
  | { readonly ok: false; readonly reason: DecodeFailure }

/** Turns values into stored entries and back. Neither function throws or rejects. */
export interface Codec {
  /** What it accepts comes back identical; all else it refuses. A promise where the value is compressed off the loop. */
  encode(value: unknown, keyDigest: Uint8Array, header: EntryHeader): Encoded | Refused | Promise<Encoded | Refused>
  /** A promise where the value is inflated off the loop. A Buffer of 64 KiB or more is a view on `bytes`. */
  decode(bytes: Uint8Array, keyDigest: Uint8Array): Decoded | Promise<Decoded>
  /** The same for bytes whose header has been read, and so checked, already; `body` is the view on what follows it. */
  decodeBody(bytes: Uint8Array, checked: CheckedHeader, body: Uint8Array): Decoded | Promise<Decoded>
}

/** A compressed form has to be at least an eighth smaller, or reading it is not worth the time. */
const WORTHWHILE = 7 / 8
const NO_TAG = new Uint8Array(TAG_BYTES)

/**
 * Returns a codec. `docs/stored-format.md` describes what it writes, byte by byte.
 *
 * @throws OptionError `ERR_OPTION_INVALID`
 */
export function createCodec(options?: CodecOptions): Codec {
  const resolved = resolveCodecOptions(options)
  const coder = createContentCoder(resolved.format, resolved)
  const [first, ...others] = resolved.keys
  const sealer = first === undefined ? undefined : createSealer([first, ...others] as [EncryptionKey])
  return {
    encode: (value, keyDigest, header) => encode({ resolved, coder, sealer }, value, keyDigest, header),
    decode: (bytes, keyDigest) => decode({ resolved, coder, sealer }, bytes, keyDigest),
    decodeBody: (bytes, checked, body) =>
      decodeBody({ resolved, coder, sealer }, asBuffer(bytes), checked, asBuffer(body)),
  }
}

/** What a codec is made of. */
interface Parts {
  readonly resolved: ResolvedCodecOptions
  readonly coder: ContentCoder
  readonly sealer: Sealer | undefined
}

function encode(parts: Parts, value: unknown, keyDigest: Uint8Array, header: EntryHeader): ReturnType<Codec['encode']> {
  const problem = headerProblem(header)
  if (problem !== undefined) return { refused: 'header', ...problem }
  const content = contentOf(parts.coder, value)
  if ('refused' in content) return content
  const finish = (packed?: Uint8Array) => sealed(parts.sealer, keyDigest, header, content, packed)
  if (content.format === 'raw' || content.bytes.length < parts.resolved.thresholdBytes) return finish()
  const packed = compress(content.bytes, parts.resolved.level)
  // A compressor that fails is no reason to lose the entry.
  return packed instanceof Promise ? packed.then(finish, () => finish()) : finish(packed)
}

function contentOf(coder: ContentCoder, value: unknown): Content | Refused {
  try {
    return coder.write(value)
  } catch (error) {
    const { kind, path, received } = stopOf(error)
    return { refused: kind === 'malformed' ? 'type' : kind, path: `$${path}`, received }
  }
}

function sealed(
  sealer: Sealer | undefined,
  keyDigest: Uint8Array,
  header: EntryHeader,
  content: Content,
  packed: Uint8Array | undefined,
): Encoded {
  const isCompressed = packed !== undefined && packed.length <= content.bytes.length * WORTHWHILE
  const plain = isCompressed ? packed : content.bytes
  const write = (checksum: BodyInfo['checksum'], encryption: BodyInfo['encryption']) =>
    encodeHeader(header, keyDigest, {
      format: content.format,
      byteKind: content.byteKind,
      isCompressed,
      bodyBytes: plain.length,
      contentBytes: content.bytes.length,
      checksum,
      encryption,
    })
  if (sealer === undefined) return { header: write(checksumOf(plain), undefined), body: plain }
  const named = sealer.next()
  // The tag tells damage, too: what is large is not read once more for a checksum.
  const isLarge = plain.length >= GMAC_BYTES
  const unsealed = write(isLarge ? undefined : 0, { ...named, tag: NO_TAG })
  const { body, tag } = sealer.encrypt(plain, named.nonce, authenticatedOf(unsealed))
  return { header: write(isLarge ? undefined : checksumOf(body), { ...named, tag }), body }
}

function decode(parts: Parts, input: Uint8Array, keyDigest: Uint8Array): Decoded | Promise<Decoded> {
  const bytes = asBuffer(input)
  const decoded = decodeHeader(bytes, keyDigest)
  return decoded.ok ? decodeBody(parts, bytes, decoded, viewOf(bytes, decoded.headerBytes)) : decoded
}

function decodeBody(parts: Parts, bytes: Buffer, checked: CheckedHeader, stored: Buffer): Decoded | Promise<Decoded> {
  const { header, body: info } = checked
  const damage = damageOf(stored, checked, parts.resolved.maxBytes)
  if (damage !== undefined) return failed(damage)
  const plain = opened(parts.sealer, stored, info, bytes)
  if (plain === undefined) return failed('decrypt')
  if (!info.isCompressed)
    return plain.length === info.contentBytes ? read(parts, info, header, plain) : failed('corrupt')
  return inflated(parts, info, header, plain)
}

function inflated(parts: Parts, info: BodyInfo, header: EntryHeader, plain: Buffer): Decoded | Promise<Decoded> {
  try {
    const content = inflate(plain, info.contentBytes)
    if (!(content instanceof Promise)) return read(parts, info, header, content)
    return content.then(
      (bytes) => read(parts, info, header, bytes),
      () => failed('corrupt'),
    )
  } catch {
    return failed('corrupt')
  }
}

function damageOf(stored: Buffer, { body: info, isWhole }: CheckedHeader, maxBytes: number): DecodeFailure | undefined {
  if (info.bodyBytes > maxBytes || info.contentBytes > maxBytes) return 'too-large'
  if (stored.length < info.bodyBytes) return 'truncated'
  if (stored.length > info.bodyBytes) return 'corrupt'
  return isWhole || info.checksum === undefined || isIntact(stored, info.checksum) ? undefined : 'corrupt'
}

/** The body in the clear; `undefined` where that cannot be had, or where it was in the clear and must not be. */
function opened(sealer: Sealer | undefined, stored: Buffer, info: BodyInfo, bytes: Buffer): Buffer | undefined {
  if (info.encryption === undefined) return sealer === undefined ? stored : undefined
  const header = viewOf(bytes, 0, bytes.length - stored.length)
  return sealer?.decrypt(stored, info.encryption, authenticatedOf(header))
}

function read(parts: Parts, info: BodyInfo, header: EntryHeader, content: Buffer): Decoded {
  try {
    const shape = new DecodedShape()
    const value = parts.coder.read(info.format, info.byteKind, content, shape)
    return { ok: true, value, header, shape: info.format === 'raw' ? undefined : shape }
  } catch (error) {
    return failed(error instanceof Stop && error.kind === 'size' ? 'too-large' : 'format')
  }
}

function failed(reason: DecodeFailure): Decoded {
  return { ok: false, reason }
}
