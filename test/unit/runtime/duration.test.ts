import { describe, expect, it } from 'vitest'
import { formatDuration, parseDuration } from '../../../src/runtime/duration.js'

describe('parseDuration', () => {
  it.each([
    [0, 0],
    [500, 500],
    [1.2, 2],
    [Infinity, Infinity],
    ['500ms', 500],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['7d', 604_800_000],
    ['0s', 0],
    ['1.5s', 1500],
    ['0.5ms', 1],
    ['0.000001ms', 1],
  ] as const)('reads %s as %d ms', (duration, ms) => {
    expect(parseDuration(duration)).toBe(ms)
  })

  it('adds no millisecond for the last bit of a binary fraction', () => {
    const units = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
    for (const [unit, size] of Object.entries(units)) {
      for (let tenths = 1; tenths < 1000; tenths++) {
        expect(parseDuration(`${tenths / 10}${unit}` as '1s')).toBe(Math.round((tenths * size) / 10))
      }
    }
  })

  it.each([
    -1,
    Number.NaN,
    -Infinity,
    '',
    ' 5m',
    '5 m',
    '5M',
    '5',
    '-5m',
    '5 parsecs',
    '1e3s',
    '.5s',
    '5.s',
    '5ms5s',
    'Infinity',
    `${'1'.repeat(20)}s`,
    null,
    undefined,
    {},
    [],
    true,
    5n,
    ['5m'],
  ])('refuses %s', (wrong) => {
    expect(() => parseDuration(wrong as never, 'ttl')).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION_INVALID', message: expect.stringContaining('`ttl`') }),
    )
  })

  // Anything but one pass over it would take longer than a test may, on a machine of any speed.
  it('reads a hostile text once at most', () => {
    expect(() => parseDuration(`${'1'.repeat(5_000_000)}x` as never)).toThrow()
  })
})

describe('formatDuration', () => {
  it.each([
    [0, '0ms'],
    [1, '1ms'],
    [1.25, '1.3ms'],
    [999, '999ms'],
    [1500, '1.5s'],
    [60_000, '1m'],
    [900_000, '15m'],
    [5_400_000, '1.5h'],
    [172_800_000, '2d'],
    [Infinity, 'never'],
  ])('shows %d ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })
})
