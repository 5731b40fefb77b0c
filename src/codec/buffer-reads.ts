import { Buffer } from 'node:buffer'

// Buffers have more methods than the engine keeps track of: each call of one begins with a look-up by name, which takes as
// long as most of them do. Asked for once, they are called without.
const { isBuffer } = Buffer
const { indexOf, lastIndexOf, readDoubleLE, readUInt16LE, readUInt32LE, subarray, toString: textOf } = Buffer.prototype

/** `bytes.subarray(start, end)`. */
export function viewOf(bytes: Buffer, start: number, end?: number): Buffer {
  return subarray.call(bytes, start, end) as Buffer
}

/** The text of some bytes, one character each. */
export function latin1In(bytes: Buffer, start: number, end: number): string {
  return textOf.call(bytes, 'latin1', start, end)
}

/** Some bytes in hexadecimal. */
export function hexIn(bytes: Buffer, start: number, end: number): string {
  return textOf.call(bytes, 'hex', start, end)
}

/** `bytes.readDoubleLE(at)`. */
export function doubleAt(bytes: Buffer, at: number): number {
  return readDoubleLE.call(bytes, at)
}

/** `bytes.readUInt16LE(at)`. */
export function uint16At(bytes: Buffer, at: number): number {
  return readUInt16LE.call(bytes, at)
}

/** `bytes.readUInt32LE(at)`. */
export function uint32At(bytes: Buffer, at: number): number {
  return readUInt32LE.call(bytes, at)
}

/** Where a byte is for the first time; -1 where it is not. */
export function firstOf(bytes: Buffer, byte: number): number {
  return indexOf.call(bytes, byte)
}

/** Where a byte is for the last time, at a place or before it; -1 where it is not. */
export function lastBefore(bytes: Buffer, byte: number, from: number): number {
  return lastIndexOf.call(bytes, byte, from)
}

/** The same bytes as a Buffer. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
