/** A run of places, from the first up to but without the last. */
export type IndexRange = readonly [from: number, to: number]

/** Places that are open: added in rising order, taken out in any. Bounded: see {@link createIndexRanges}. */
export interface IndexRanges {
  /** Adds a place behind all that were added before. */
  append(index: number): void
  remove(index: number): void
  list(): IndexRange[]
}

/**
 * Returns a set of places kept as ranges, at most `limit` of them.
 *
 * Beyond that, ranges near each other are joined: the set then also holds places that were taken out, never fewer than it
 * should.
 */
export function createIndexRanges(limit: number): IndexRanges {
  let ranges: [number, number][] = []

  const find = (index: number): number => {
    let low = 0
    let high = ranges.length - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      const [from, to] = ranges[middle] as [number, number]
      if (index < from) high = middle - 1
      else if (index >= to) low = middle + 1
      else return middle
    }
    return -1
  }

  return {
    append(index) {
      const last = ranges.at(-1)
      if (last !== undefined && last[1] === index) last[1]++
      else ranges.push([index, index + 1])
      if (ranges.length > limit) ranges = joinNearest(ranges, limit)
    },
    remove(index) {
      const at = find(index)
      if (at === -1) return
      const range = ranges[at] as [number, number]
      const [from, to] = range
      if (index === from && to === from + 1) ranges.splice(at, 1)
      else if (index === from) range[0]++
      else if (index === to - 1) range[1]--
      else {
        range[1] = index
        ranges.splice(at + 1, 0, [index + 1, to])
        if (ranges.length > limit) ranges = joinNearest(ranges, limit)
      }
    },
    list: () => ranges.map(([from, to]) => [from, to] as const),
  }
}

/** Joins over the narrowest gaps until half as many are left, so that joining stays rare. */
function joinNearest(ranges: readonly [number, number][], limit: number): [number, number][] {
  const gaps = ranges.slice(1).map(([from], at) => from - (ranges[at] as [number, number])[1])
  const widest = [...gaps].sort((a, b) => b - a)[Math.max(0, Math.floor(limit / 2) - 1)] ?? 0
  const joined: [number, number][] = []
  for (const [at, [from, to]] of ranges.entries()) {
    const last = joined.at(-1)
    if (last !== undefined && (gaps[at - 1] as number) <= widest && joined.length + (ranges.length - at) > limit / 2) {
      last[1] = to
    } else joined.push([from, to])
  }
  return joined
}
