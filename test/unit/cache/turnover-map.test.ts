import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TurnoverMap } from '../../../src/cache/turnover-map.js'

const change = fc.record({
  what: fc.constantFrom<'set' | 'delete' | 'clear'>('set', 'set', 'set', 'set', 'delete', 'delete', 'delete', 'clear'),
  key: fc.integer({ min: 0, max: 300 }).map(String),
})

describe('TurnoverMap', () => {
  it('shows what a Map shows, whatever was done to it', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 2000, size: 'max' }), (changes) => {
        const [map, expected] = [new TurnoverMap<number>(), new Map<string, number>()]
        for (const [index, { what, key }] of changes.entries()) {
          if (what === 'set') {
            map.set(key, index)
            expected.set(key, index)
          } else if (what === 'delete') expect(map.delete(key)).toBe(expected.delete(key))
          else {
            map.clear()
            expected.clear()
          }
          expect(map.size).toBe(expected.size)
          expect([map.get(key), map.has(key)]).toEqual([expected.get(key), expected.has(key)])
        }
        expect([...map.keys()].sort()).toEqual([...expected.keys()].sort())
        expect([...map.values()].sort()).toEqual([...expected.values()].sort())
      }),
      { numRuns: 30 },
    )
  })

  it('keeps what is in it through a long coming and going of others', () => {
    const map = new TurnoverMap<number>()
    map.set('stays', 7)
    for (let index = 0; index < 10_000; index++) {
      map.set(`k${index}`, index)
      expect(map.delete(`k${index}`)).toBe(true)
    }
    expect([...map.keys()]).toEqual(['stays'])
    expect(map.get('stays')).toBe(7)
  })
})
