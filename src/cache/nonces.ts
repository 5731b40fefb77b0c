import type { Clock } from '../runtime/clock.js'

const STEM = 10

/** Returns a source of ids of 16 characters, for entries and tokens: 10 that tell processes apart, 6 that count. */
export function createNonces(clock: Clock): () => string {
  // 36^10 is some 2^51: two processes of one store meet once in a quadrillion pairs.
  let stem = ''
  while (stem.length < STEM) stem += Math.floor(clock.random() * 36).toString(36)
  let count = 0
  return () => {
    count = (count + 1) % 36 ** 6
    return stem + count.toString(36).padStart(6, '0')
  }
}
