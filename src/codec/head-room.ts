/** Says of memory that what lies before the bytes in it is free. On the memory itself, so that all views on it know. */
const ROOM = Symbol('head room')
/** What a header without many tags fits into. */
const ROOM_BYTES = 1024

type Roomy = ArrayBufferLike & { [ROOM]?: boolean }

/** A copy of bytes with room before them, for the header of the entry they will most likely be stored as. */
export function copyWithRoom(bytes: Uint8Array): Buffer {
  const memory = Buffer.allocUnsafeSlow(ROOM_BYTES + bytes.length)
  // Who sees the memory behind a Buffer must not find there what was in it before.
  memory.fill(0, 0, ROOM_BYTES)
  memory.set(bytes, ROOM_BYTES)
  const roomy: Roomy = memory.buffer
  roomy[ROOM] = true
  return memory.subarray(ROOM_BYTES)
}

/** Header and body as one: a copy, but where there is room before the body the header is put there, once. */
export function joined(header: Uint8Array, body: Buffer): Buffer {
  const memory: Roomy = body.buffer
  if (memory[ROOM] !== true || body.byteOffset !== ROOM_BYTES || header.length > ROOM_BYTES) {
    return Buffer.concat([header, body])
  }
  // Another write of the same bytes has a header of its own, while this one may still be on its way.
  memory[ROOM] = false
  const whole = Buffer.from(memory, ROOM_BYTES - header.length, header.length + body.length)
  whole.set(header)
  return whole
}
