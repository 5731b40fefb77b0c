/** How many slices a window has: its far end moves in steps of a tenth. */
const SLICES = 10

/** Counts of what happened within the last so many milliseconds. */
export interface RollingCount {
  add(now: number): void
  /** How many were added within the window before `now`, the oldest slice (a tenth) rounded off. */
  total(now: number): number
  clear(): void
}

/** Returns a count over the last `windowMs`, in ten numbers of memory. */
export function createRollingCount(windowMs: number): RollingCount {
  const sliceMs = windowMs / SLICES
  const slices: number[] = Array.from({ length: SLICES }, () => 0)
  let sum = 0
  let newest = 0
  // The end of the newest slice, so that the usual call compares one number and does not divide.
  let sliceEndAt = -Infinity

  const moveTo = (now: number): void => {
    const slice = Math.floor(now / sliceMs)
    const steps = Math.min(SLICES, slice - newest)
    for (let step = 1; step <= steps; step++) {
      const index = (newest + step) % SLICES
      sum -= slices[index] as number
      slices[index] = 0
    }
    newest = slice
    sliceEndAt = (slice + 1) * sliceMs
    if (steps === SLICES) {
      slices.fill(0)
      sum = 0
    }
  }

  return {
    add(now) {
      if (now >= sliceEndAt) moveTo(now)
      const index = newest % SLICES
      slices[index] = (slices[index] as number) + 1
      sum++
    },
    total(now) {
      if (now >= sliceEndAt) moveTo(now)
      return sum
    },
    clear() {
      slices.fill(0)
      sum = 0
    },
  }
}
