import { cachedText, type KeyCache } from './key-cache.js'
import { malformed } from './stop.js'

/** Bytes read one after another, never beyond their end: all methods throw `Stop` there. Numbers are big-endian. */
export class ByteSource {
  #at = 0
  readonly #bytes: Buffer
  readonly #view: DataView

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** How many bytes are left. */
  get left(): number {
    return this.#bytes.length - this.#at
  }

  byte(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw malformed('bytes cut short')
    this.#at++
    return byte
  }

  flag(): boolean {
    const byte = this.byte()
    if (byte > 1) throw malformed('a flag that is neither 0 nor 1')
    return byte === 1
  }

  uint16(): number {
    return this.#view.getUint16(this.#take(2))
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4))
  }

  float64(): number {
    return this.#view.getFloat64(this.#take(8))
  }

  bytes(length: number): Buffer {
    const start = this.#take(length)
    return this.#bytes.subarray(start, this.#at)
  }

  text(length: number, encoding: 'utf8' | 'latin1' | 'utf16le' | 'hex'): string {
    const start = this.#take(length)
    return this.#bytes.toString(encoding, start, this.#at)
  }

  /** The text that follows if it is one of under 32 bytes; `undefined`, and nothing read, for anything else. */
  shortName(cache: KeyCache): string | undefined {
    const token = this.#bytes[this.#at]
    if (token === undefined || token < 0xa0 || token > 0xbf) return undefined
    this.#at++
    const start = this.#take(token & 0x1f)
    return cachedText(cache, this.#bytes, start, this.#at)
  }

  /** Compares a count with what is left, of which each item takes a byte at least, and returns it. */
  holds(count: number): number {
    if (count > this.left) throw malformed('a count larger than what follows')
    return count
  }

  #take(length: number): number {
    const start = this.#at
    if (length > this.#bytes.length - start) throw malformed('bytes cut short')
    this.#at = start + length
    return start
  }
}
