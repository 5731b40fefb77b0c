/**
 * What a reader saw of the value it made, so that nobody has to walk it again: its size in memory as `own` counts it, and the
 * objects to freeze.
 */
export class DecodedShape {
  /** Estimated size in memory. */
  bytes = 0
  /** Records and arrays. */
  readonly plain: object[] = []
  /** Nothing in it is of a kind that cannot be frozen for real. */
  isPlain = true
}

/** How a value is sized, in bytes: by whoever reads it from a store, and by `own` for any other. */
export const SIZE = { object: 32, slot: 16, number: 8, character: 2 } as const
