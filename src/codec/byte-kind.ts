import { endianness } from 'node:os'
import { types } from 'node:util'
import { BYTE_KINDS } from './byte-kinds.js'
import { malformed, Stop } from './stop.js'

type ByteKind = (typeof BYTE_KINDS)[number]
type Rebuild = (buffer: ArrayBuffer) => unknown

const BUFFER = 0
/** A Buffer this large comes back as a view on the bytes it came in; a smaller one would pin them for too little. */
const VIEW_BYTES = 64 * 1024

const REBUILD: Readonly<Record<ByteKind, { readonly width: number; readonly of: Rebuild }>> = {
  Buffer: { width: 1, of: (buffer) => Buffer.from(buffer) },
  Uint8Array: { width: 1, of: (buffer) => new Uint8Array(buffer) },
  ArrayBuffer: { width: 1, of: (buffer) => buffer },
  DataView: { width: 1, of: (buffer) => new DataView(buffer) },
  Int8Array: { width: 1, of: (buffer) => new Int8Array(buffer) },
  Uint8ClampedArray: { width: 1, of: (buffer) => new Uint8ClampedArray(buffer) },
  Int16Array: { width: 2, of: (buffer) => new Int16Array(buffer) },
  Uint16Array: { width: 2, of: (buffer) => new Uint16Array(buffer) },
  Int32Array: { width: 4, of: (buffer) => new Int32Array(buffer) },
  Uint32Array: { width: 4, of: (buffer) => new Uint32Array(buffer) },
  Float32Array: { width: 4, of: (buffer) => new Float32Array(buffer) },
  Float64Array: { width: 8, of: (buffer) => new Float64Array(buffer) },
  BigInt64Array: { width: 8, of: (buffer) => new BigInt64Array(buffer) },
  BigUint64Array: { width: 8, of: (buffer) => new BigUint64Array(buffer) },
}

/** Bytes and what they were: `kind` is an index of {@link BYTE_KINDS}. */
export interface KindOfBytes {
  readonly kind: number
  /** A view on the value's own memory where the host is little-endian. */
  readonly bytes: Uint8Array
}

/** Whether a value is bytes of some sort; {@link bytesOf} may still refuse it. */
export function isBytes(value: unknown): value is ArrayBufferLike | ArrayBufferView {
  return ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)
}

/**
 * The bytes of a typed array, Buffer, DataView or ArrayBuffer, little-endian.
 *
 * @throws Stop for subclasses, `Float16Array` (not every supported Node has it), shared and resizable memory.
 */
export function bytesOf(value: ArrayBufferLike | ArrayBufferView): KindOfBytes {
  const kind = BYTE_KINDS.indexOf(kindName(value))
  const memory = ArrayBuffer.isView(value) ? value.buffer : value
  if (types.isSharedArrayBuffer(memory)) throw new Stop('type', 'shared memory')
  if ((memory as { readonly resizable?: boolean }).resizable === true) throw new Stop('type', 'resizable memory')
  const bytes = ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value)
  return { kind, bytes: littleEndian(bytes, widthOf(kind)) }
}

/**
 * Bytes as what they were. All but large Buffers get memory of their own, so that `.buffer` holds them and nothing else.
 *
 * @throws Stop for an unknown kind, or a length no array of that kind has.
 */
export function rebuildBytes(kind: number, bytes: Uint8Array): unknown {
  const name = BYTE_KINDS[kind]
  if (name === undefined) throw malformed('an unknown kind of bytes')
  const { width, of } = REBUILD[name]
  if (bytes.length % width !== 0) throw malformed('a length that is no multiple of the element size')
  if (kind === BUFFER && bytes.length >= VIEW_BYTES) {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }
  const { buffer } = littleEndian(new Uint8Array(bytes), width)
  return of(buffer as ArrayBuffer)
}

/** The bytes of each element reversed in a copy; exported so that a little-endian host can test it. */
export function swapped(bytes: Uint8Array, width: number): Uint8Array {
  const copy = new Uint8Array(bytes)
  for (let at = 0; at < copy.length; at += width) copy.subarray(at, at + width).reverse()
  return copy
}

function littleEndian(bytes: Uint8Array, width: number): Uint8Array {
  return width === 1 || endianness() === 'LE' ? bytes : swapped(bytes, width)
}

function widthOf(kind: number): number {
  return REBUILD[BYTE_KINDS[kind] as ByteKind].width
}

function kindName(value: ArrayBufferLike | ArrayBufferView): ByteKind {
  if (types.isTypedArray(value)) {
    const name = Buffer.isBuffer(value) ? 'Buffer' : value[Symbol.toStringTag]
    const known = (BYTE_KINDS as readonly string[]).includes(name)
    if (known && chainLength(value) === (name === 'Buffer' ? 4 : 3)) return name as ByteKind
  } else if (chainLength(value) === 2 && Object.keys(value).length === 0) {
    return types.isDataView(value) ? 'DataView' : 'ArrayBuffer'
  }
  throw new Stop('type', `an instance of ${String(value.constructor?.name).slice(0, 60)}`)
}

// Counted rather than compared, so that arrays of another realm (node:vm, test runners) count too; a subclass adds one.
function chainLength(value: object): number {
  let length = 0
  for (let next = Object.getPrototypeOf(value); next !== null && length < 6; next = Object.getPrototypeOf(next))
    length++
  return length
}
