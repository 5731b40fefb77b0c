import { copyWithRoom } from '../codec/head-room.js'

/** Whether `value` is an object literal (of any realm) or has no prototype. */
export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return true
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf')
}

/** The name of a value's class, for messages. */
export function className(value: object): string {
  const name: unknown = value.constructor?.name
  return typeof name === 'string' && name !== '' ? name.slice(0, 60) : 'an unnamed class'
}

/** A Buffer this large is most often stored as it is. */
const LARGE_BYTES = 64 * 1024

/** A copy of the same kind with memory of its own; a Buffer of 64 KiB or more is a view on it. */
export function copyBytes(value: ArrayBuffer | ArrayBufferView): unknown {
  if (value instanceof ArrayBuffer) return value.slice(0)
  const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  const isBuffer = value.constructor.name === 'Buffer' && typeof Buffer !== 'undefined'
  if (isBuffer && bytes.length >= LARGE_BYTES) return copyWithRoom(bytes)
  // A small Buffer is a window on a pool that others write to: the copy always has memory of its own.
  const own = new Uint8Array(bytes)
  if (isBuffer) return Buffer.from(own.buffer)
  if (value instanceof DataView) return new DataView(own.buffer)
  const Kind = value.constructor as new (buffer: ArrayBuffer) => ArrayBufferView
  return new Kind(own.buffer)
}

/** Assigns a property; one named `__proto__` becomes a property too, where an assignment would change the prototype. */
export function put(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true })
  else target[key] = value
}
