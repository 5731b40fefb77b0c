import { Stop } from './stop.js'

/** Bounds of one value. */
export interface Limits {
  /** Largest content, before compression. */
  readonly maxBytes: number
  /** Deepest nesting; a cycle ends there too. */
  readonly maxDepth: number
}

/**
 * What a value costs in memory once it is decoded, roughly, in bytes. One byte of stored text can stand for an object of
 * 60 bytes or an error of a kilobyte, so a bound on stored bytes alone would let a 32 MiB entry take gigabytes.
 */
export const WEIGHT = {
  scalar: 16,
  container: 64,
  collection: 256,
  bytes: 256,
  regexp: 512,
  url: 1024,
  error: 4096,
} as const

/** Decoded memory allowed for a value: four times the bytes it may take in the store. */
export function memoryLimit(limits: Limits): number {
  return 4 * limits.maxBytes
}

/** Counts weight and depth. Writers and readers charge alike, so whatever is written can be read under the same limits. */
export class Budget {
  #left: number
  #depth: number
  readonly #limits: Limits

  constructor(limits: Limits) {
    this.#limits = limits
    this.#left = memoryLimit(limits)
    this.#depth = limits.maxDepth
  }

  charge(weight: number): void {
    this.#left -= weight
    if (this.#left < 0) throw new Stop('size', `more than ${memoryLimit(this.#limits)} bytes of memory`)
  }

  enter(weight: number): void {
    this.charge(weight)
    this.#depth--
    if (this.#depth < 0) throw new Stop('depth', `a cycle, or nesting deeper than ${this.#limits.maxDepth},`)
  }

  leave(): void {
    this.#depth++
  }
}
