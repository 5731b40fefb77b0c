/** p50, p95 and p99 in milliseconds, `undefined` before the first record. */
export interface Percentiles {
  readonly p50: number | undefined
  readonly p95: number | undefined
  readonly p99: number | undefined
}

/** Buckets per doubling: an answer is at most 9 % off. */
const PER_DOUBLING = 8
/** From about 0.1 microseconds to 18 minutes. */
const LOWEST_EXPONENT = -13
const DOUBLINGS = 33
const BUCKETS = PER_DOUBLING * DOUBLINGS

/**
 * A log-bucket histogram of durations: fixed memory (about 1 KB once used), one increment per record.
 *
 * Percentiles are the geometric middle of their bucket, so at most 4.5 % off either way.
 */
export class Histogram {
  #counts: Uint32Array | undefined
  #total = 0
  #sumMs = 0
  #maxMs = 0

  get count(): number {
    return this.#total
  }

  get sumMs(): number {
    return this.#sumMs
  }

  get maxMs(): number {
    return this.#maxMs
  }

  record(ms: number): void {
    if (!(ms >= 0)) return
    this.#counts ??= new Uint32Array(BUCKETS)
    const index = Math.floor((Math.log2(Math.max(ms, Number.MIN_VALUE)) - LOWEST_EXPONENT) * PER_DOUBLING)
    const clamped = Math.min(BUCKETS - 1, Math.max(0, index))
    this.#counts[clamped] = (this.#counts[clamped] as number) + 1
    this.#total++
    this.#sumMs += ms
    if (ms > this.#maxMs) this.#maxMs = ms
  }

  /** @param share From 0 to 1. */
  percentile(share: number): number | undefined {
    if (this.#counts === undefined || this.#total === 0) return undefined
    const rank = Math.ceil(share * this.#total)
    let seen = 0
    for (let index = 0; index < BUCKETS; index++) {
      seen += this.#counts[index] as number
      if (seen >= rank && seen > 0) return Math.min(this.#maxMs, middleOf(index))
    }
    return this.#maxMs
  }

  percentiles(): Percentiles {
    return { p50: this.percentile(0.5), p95: this.percentile(0.95), p99: this.percentile(0.99) }
  }

  /** Upper bounds in ms with the count at or below each, for exporters; `bounds` must ascend. */
  cumulative(bounds: readonly number[]): number[] {
    return bounds.map((bound) => {
      let sum = 0
      for (let index = 0; index < BUCKETS && middleOf(index) <= bound; index++) sum += this.#counts?.[index] ?? 0
      return sum
    })
  }

  reset(): void {
    this.#counts = undefined
    this.#total = 0
    this.#sumMs = 0
    this.#maxMs = 0
  }
}

function middleOf(index: number): number {
  return 2 ** ((index + 0.5) / PER_DOUBLING + LOWEST_EXPONENT)
}
