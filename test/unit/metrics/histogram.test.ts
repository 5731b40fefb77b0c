import { describe, expect, it } from 'vitest'
import { Histogram } from '../../../src/metrics/histogram.js'

describe('Histogram', () => {
  it('knows nothing before the first record', () => {
    const histogram = new Histogram()
    expect(histogram.percentiles()).toEqual({ p50: undefined, p95: undefined, p99: undefined })
    expect([histogram.count, histogram.sumMs, histogram.maxMs]).toEqual([0, 0, 0])
    expect(histogram.cumulative([1, 10])).toEqual([0, 0])
  })

  it('answers percentiles within 5 percent over ten orders of magnitude', () => {
    for (let exponent = -4; exponent <= 3; exponent++) {
      const histogram = new Histogram()
      for (let index = 1; index <= 1000; index++) histogram.record(index * 10 ** exponent)
      for (const [share, exact] of [
        [0.5, 500],
        [0.95, 950],
        [0.99, 990],
      ] as const) {
        const answer = histogram.percentile(share) as number
        expect(Math.abs(answer / (exact * 10 ** exponent) - 1)).toBeLessThan(0.05)
      }
    }
  })

  it('never answers more than the largest record', () => {
    const histogram = new Histogram()
    histogram.record(100)
    expect(histogram.percentile(0.99)).toBeLessThanOrEqual(100)
    expect(histogram.percentile(1)).toBeLessThanOrEqual(100)
  })

  it('counts zero, and ignores what is no duration', () => {
    const histogram = new Histogram()
    histogram.record(0)
    histogram.record(-1)
    histogram.record(Number.NaN)
    expect([histogram.count, histogram.percentile(0.5)]).toEqual([1, 0])
  })

  it('holds what is beyond its range in its outermost buckets', () => {
    const histogram = new Histogram()
    histogram.record(1e-9)
    histogram.record(1e9)
    expect(histogram.count).toBe(2)
    expect(histogram.percentile(0.99)).toBeGreaterThan(500_000)
    expect(histogram.maxMs).toBe(1e9)
  })

  it('counts cumulatively, never less for a higher bound', () => {
    const histogram = new Histogram()
    for (let ms = 1; ms <= 100; ms++) histogram.record(ms)
    const counts = histogram.cumulative([0.5, 10, 50, 1000])
    expect(counts[0]).toBe(0)
    expect(counts[3]).toBe(100)
    expect(counts).toEqual([...counts].sort((a, b) => a - b))
    expect(Math.abs((counts[2] as number) - 50)).toBeLessThanOrEqual(5)
  })

  it('forgets on reset', () => {
    const histogram = new Histogram()
    histogram.record(5)
    histogram.reset()
    expect([histogram.count, histogram.percentile(0.5)]).toEqual([0, undefined])
  })
})
