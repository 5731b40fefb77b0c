/// <reference lib="es2024.string" />
import { Buffer } from 'node:buffer'

/** A growing buffer and the place where the next byte goes. */
export interface KeyWriter {
  bytes: Buffer
  view: DataView
  at: number
}

/** More canonical bytes than this are refused: 64 MiB. */
export const MAX_KEY_BYTES = 64 * 1024 * 1024

/** What precedes every value, so that no two types share bytes. Part of the key schema: numbers are never reused. */
export const Tag = {
  end: 0,
  undefined: 1,
  null: 2,
  true: 3,
  false: 4,
  integer: 5,
  float: 6,
  nan: 7,
  bigint: 8,
  text: 9,
  rawText: 10,
  object: 11,
  array: 12,
  hole: 13,
  date: 14,
  map: 15,
  set: 16,
  typedArray: 17,
  buffer: 18,
  arrayBuffer: 19,
  dataView: 20,
  url: 21,
  regexp: 22,
  form: 23,
} as const

/** Thrown when a key would exceed `MAX_KEY_BYTES`. */
export class KeyTooLarge extends Error {}

/** A writer with `capacity` bytes to begin with. */
export function createKeyWriter(capacity: number): KeyWriter {
  const bytes = Buffer.allocUnsafeSlow(capacity)
  return { bytes, view: viewOf(bytes), at: 0 }
}

/** Writes one byte. */
export function writeByte(writer: KeyWriter, byte: number): void {
  if (writer.at >= writer.bytes.length) grow(writer, 1)
  writer.bytes[writer.at++] = byte
}

/** Writes an unsigned 32-bit integer in 1 to 5 bytes. */
export function writeVarint(writer: KeyWriter, value: number): void {
  if (writer.at + 5 > writer.bytes.length) grow(writer, 5)
  const bytes = writer.bytes
  let at = writer.at
  let rest = value >>> 0
  while (rest > 0x7f) {
    bytes[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[at++] = rest
  writer.at = at
}

/** Writes a number; `-0` as `0`, 32-bit integers in short form. */
export function writeNumber(writer: KeyWriter, value: number): void {
  const integer = value | 0
  if (integer === value) {
    writeByte(writer, Tag.integer)
    writeVarint(writer, (integer << 1) ^ (integer >> 31))
  } else if (Number.isNaN(value)) {
    writeByte(writer, Tag.nan)
  } else {
    if (writer.at + 9 > writer.bytes.length) grow(writer, 9)
    writer.bytes[writer.at] = Tag.float
    writer.view.setFloat64(writer.at + 1, value, true)
    writer.at += 9
  }
}

/** Writes raw bytes behind their length. */
export function writeBytes(writer: KeyWriter, source: Uint8Array): void {
  writeVarint(writer, source.byteLength)
  if (writer.at + source.byteLength > writer.bytes.length) grow(writer, source.byteLength)
  writer.bytes.set(source, writer.at)
  writer.at += source.byteLength
}

/**
 * Writes a string as its length in code units and its UTF-8 bytes.
 *
 * The length in code units delimits UTF-8 as well as one in bytes would, and is known without encoding first.
 */
export function writeString(writer: KeyWriter, text: string): void {
  const length = text.length
  if (length > SHORT_TEXT || !writeShortAscii(writer, text)) writeLongString(writer, text)
}

/**
 * What {@link writeString} writes for a short text, as text whose UTF-8 it is; `undefined` for any other. To hash one string
 * takes half the time of writing bytes first.
 */
export function shortTextOf(text: string): string | undefined {
  // Up to here a length is one byte, and in UTF-8 so is the character with its number.
  return text.length < 0x80 && text.isWellFormed() ? TEXT_TAG + String.fromCharCode(text.length) + text : undefined
}

const TEXT_TAG = String.fromCharCode(Tag.text)

// Below this a loop beats the call into native code; it must stay under 128 so that the length fits one byte.
const SHORT_TEXT = 64

function writeShortAscii(writer: KeyWriter, text: string): boolean {
  const length = text.length
  if (writer.at + length + 2 > writer.bytes.length) grow(writer, length + 2)
  const bytes = writer.bytes
  let at = writer.at
  bytes[at++] = Tag.text
  bytes[at++] = length
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index)
    if (code > 0x7f) return false
    bytes[at++] = code
  }
  writer.at = at
  return true
}

function writeLongString(writer: KeyWriter, text: string): void {
  if (text.length > MAX_KEY_BYTES) throw new KeyTooLarge()
  const wellFormed = text.isWellFormed()
  writeByte(writer, wellFormed ? Tag.text : Tag.rawText)
  writeVarint(writer, text.length)
  const encoding = wellFormed ? 'utf8' : 'utf16le'
  // Three bytes a code unit always suffice; the exact count is asked for only where that would grow the buffer.
  if (writer.at + text.length * 3 > writer.bytes.length) grow(writer, Buffer.byteLength(text, encoding))
  writer.at += writer.bytes.write(text, writer.at, encoding)
}

function grow(writer: KeyWriter, more: number): void {
  const needed = writer.at + more
  if (needed > MAX_KEY_BYTES) throw new KeyTooLarge()
  if (needed <= writer.bytes.length) return
  const bytes = Buffer.allocUnsafeSlow(Math.min(Math.max(needed, writer.bytes.length * 2), MAX_KEY_BYTES))
  bytes.set(writer.bytes.subarray(0, writer.at))
  writer.bytes = bytes
  writer.view = viewOf(bytes)
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
