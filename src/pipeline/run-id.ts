import type { Clock } from '../runtime/clock.js'

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** A new id of 26 characters that sorts by time: 10 of the wall clock at `wallAt`, 16 random (the form of a ULID). */
export function createRunId(clock: Clock, wallAt: number): string {
  let id = ''
  for (let left = Math.floor(wallAt), place = 0; place < 10; place++) {
    id = ALPHABET[left % 32] + id
    left = Math.floor(left / 32)
  }
  for (let place = 0; place < 16; place++) id += ALPHABET[Math.floor(clock.random() * 32)]
  return id
}
