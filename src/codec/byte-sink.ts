import { Stop } from './stop.js'

const FIRST_BYTES = 16 * 1024
const REPLACEMENT = Buffer.from('\ufffd')

/** Where a writer puts bytes: a buffer that grows up to a limit. Numbers are big-endian, as MessagePack has them. */
export class ByteSink {
  length = 0
  #textStart = 0
  #buffer: Buffer
  #view: DataView
  readonly #maxBytes: number

  constructor(maxBytes: number, buffer: Buffer | undefined) {
    this.#maxBytes = maxBytes
    this.#buffer = buffer ?? Buffer.allocUnsafeSlow(FIRST_BYTES)
    this.#view = viewOf(this.#buffer)
  }

  /** The memory itself, for the next sink. */
  get buffer(): Buffer {
    return this.#buffer
  }

  /** A view on what was written. @throws Stop above the limit */
  written(): Buffer {
    if (this.length > this.#maxBytes) throw this.#tooLarge()
    return this.#buffer.subarray(0, this.length)
  }

  byte(value: number): void {
    this.#reserve(1)
    this.#buffer[this.length++] = value
  }

  tagged8(tag: number, value: number): void {
    this.#reserve(2)
    this.#buffer[this.length++] = tag
    this.#buffer[this.length++] = value
  }

  tagged16(tag: number, value: number): void {
    this.#reserve(3)
    this.#buffer[this.length++] = tag
    this.#buffer[this.length++] = value >>> 8
    this.#buffer[this.length++] = value
  }

  tagged32(tag: number, value: number): void {
    this.byte(tag)
    this.uint32(value)
  }

  uint32(value: number): void {
    this.#reserve(4)
    this.#view.setUint32(this.length, value)
    this.length += 4
  }

  patch32(at: number, value: number): void {
    this.#view.setUint32(at, value)
  }

  /** A whole number of 32 bits in its shortest form. */
  integer(value: number): void {
    if (value >= -32 && value < 128) this.byte(value)
    else if (value >= 0 && value < 256) this.tagged8(0xcc, value)
    else if (value >= 0 && value < 0x10000) this.tagged16(0xcd, value)
    else this.tagged32(0xd2, value >>> 0)
  }

  double(value: number): void {
    this.byte(0xcb)
    this.float64(value)
  }

  float64(value: number): void {
    this.#reserve(8)
    this.#view.setFloat64(this.length, value)
    this.length += 8
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#buffer.set(bytes, this.length)
    this.length += bytes.length
  }

  /** A text of under 32 characters, if all of them are ASCII. */
  shortAscii(text: string): boolean {
    const { length } = text
    this.#reserve(length + 1)
    const buffer = this.#buffer
    let at = this.length
    buffer[at++] = 0xa0 | length
    for (let index = 0; index < length; index++) {
      const unit = text.charCodeAt(index)
      if (unit > 0x7f) return false
      buffer[at++] = unit
    }
    this.length = at
    return true
  }

  /** Writes a text as UTF-8 and says how many bytes it took; {@link undoText} takes it back. */
  utf8(text: string): number {
    this.#textStart = this.length
    const bound = this.#fits(5 + 3 * text.length) ? 3 * text.length : Buffer.byteLength(text)
    this.#reserve(bound + 5)
    const prefix = bound < 256 ? 2 : bound < 0x10000 ? 3 : 5
    const written = this.#buffer.write(text, this.length + prefix, 'utf8')
    if (prefix === 2) this.tagged8(0xd9, written)
    else if (prefix === 3) this.tagged16(0xda, written)
    else this.tagged32(0xdb, written)
    this.length += written
    return written
  }

  /** Whether the text just written, of `length` bytes, has a U+FFFD in it: half a surrogate pair becomes one. */
  hasReplacement(length: number): boolean {
    return this.#buffer.subarray(this.length - length, this.length).includes(REPLACEMENT)
  }

  undoText(): void {
    this.length = this.#textStart
  }

  text(text: string, encoding: 'latin1' | 'utf16le', length: number): void {
    this.#reserve(length)
    this.#buffer.write(text, this.length, encoding)
    this.length += length
  }

  #fits(count: number): boolean {
    return this.length + count <= this.#buffer.length
  }

  #reserve(count: number): void {
    if (this.length + count > this.#buffer.length) this.#grow(count)
  }

  #grow(count: number): void {
    const needed = this.length + count
    // What a text needs is estimated, so a little more than the limit may be reserved; `written` has the last word.
    if (needed > this.#maxBytes + 16) throw this.#tooLarge()
    const size = Math.min(Math.max(2 * this.#buffer.length, needed), this.#maxBytes + 16)
    const larger = Buffer.allocUnsafeSlow(size)
    larger.set(this.#buffer.subarray(0, this.length))
    this.#buffer = larger
    this.#view = viewOf(larger)
  }

  #tooLarge(): Stop {
    return new Stop('size', `more than ${this.#maxBytes} bytes`)
  }
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)
}
