import type { Limits } from './budget.js'
import { bytesOf, isBytes, rebuildBytes } from './byte-kind.js'
import { ByteSink } from './byte-sink.js'
import type { DecodedShape } from './decoded-shape.js'
import type { BodyFormat } from './entry-header.js'
import { copyWithRoom } from './head-room.js'
import { readJson } from './json-reader.js'
import { writeJson } from './json-writer.js'
import { createKeyCache } from './key-cache.js'
import { readMsgpack } from './msgpack-reader.js'
import { writeMsgpack } from './msgpack-writer.js'
import { Stop } from './stop.js'

/** A value as bytes, before compression and encryption. */
export interface Content {
  readonly format: BodyFormat
  /** Index of `BYTE_KINDS`; 0 unless the format is raw. */
  readonly byteKind: number
  readonly bytes: Uint8Array
}

/** Turns values into {@link Content} and back. Both throw `Stop`. */
export interface ContentCoder {
  write(value: unknown): Content
  /** @param shape Told what the value is like, where it is no raw bytes. */
  read(format: BodyFormat, byteKind: number, bytes: Buffer, shape: DecodedShape): unknown
}

/** From here on a content is better copied with room for its header than once more behind it. */
const ROOMY_BYTES = 4096
/** Larger working memory is not kept for the next value. */
const KEPT_BYTES = 1024 * 1024

/** Returns a coder with working memory of its own. */
export function createContentCoder(format: 'msgpack' | 'json', limits: Limits): ContentCoder {
  const keys = createKeyCache()
  let spare: Buffer | undefined
  return {
    write(value) {
      if (isBytes(value)) return rawContent(value, limits)
      if (format === 'json') return { format, byteKind: 0, bytes: writeJson(value, limits) }
      // Taken out while in use: a getter in the value may well encode another one.
      const sink = new ByteSink(limits.maxBytes, spare)
      spare = undefined
      try {
        return { format, byteKind: 0, bytes: kept(writeMsgpack(value, limits, sink)) }
      } finally {
        if (sink.buffer.length <= KEPT_BYTES) spare = sink.buffer
      }
    },
    read(stored, byteKind, bytes, shape) {
      if (stored === 'raw') return rebuildBytes(byteKind, bytes)
      return stored === 'json' ? readJson(bytes, limits, shape) : readMsgpack(bytes, limits, keys, shape)
    },
  }
}

/** Working memory is for the next value. */
function kept(bytes: Buffer): Buffer {
  return bytes.length < ROOMY_BYTES ? Buffer.from(bytes) : copyWithRoom(bytes)
}

/** A view on the value's own memory: half a megabyte is not copied to be sent. */
function rawContent(value: ArrayBufferLike | ArrayBufferView, limits: Limits): Content {
  const { kind, bytes } = bytesOf(value)
  if (bytes.length > limits.maxBytes) throw new Stop('size', `more than ${limits.maxBytes} bytes`)
  return { format: 'raw', byteKind: kind, bytes }
}
