import { describe, expect, it } from 'vitest'
import { Load } from '../../../src/cache/load-record.js'
import { Loads } from '../../../src/cache/loads.js'
import { Flight } from '../../../src/resilience/single-flight.js'
import { seededRandom } from '../../../src/testing/fake-clock.js'

const loadOf = (id: string): Load =>
  new Load({
    id,
    flight: new Flight(),
    startSeq: 0,
    startedAt: 0,
    generation: 0,
    replaces: undefined,
    mayStandIn: true,
    noStore: false,
    missCause: undefined,
  })

describe('the loads of a namespace', () => {
  it('are found by key as long as they have it, whoever else comes and goes', () => {
    const random = seededRandom(3)
    const loads = new Loads()
    const expected = new Map<string, Load>()
    const running = new Set<Load>()
    for (let step = 0; step < 2000; step++) {
      const id = `k${Math.floor(random() * 20)}`
      const present = expected.get(id)
      if (present === undefined || random() < 0.3) {
        const load = loadOf(id)
        loads.running.add(load)
        running.add(load)
        loads.set(id, load)
        expected.set(id, load)
      } else {
        loads.delete(id)
        expected.delete(id)
        if (random() < 0.5) {
          loads.running.delete(present)
          running.delete(present)
        }
      }
      if (random() < 0.2) {
        for (const load of running) {
          if (expected.get(load.id) === load) continue
          loads.running.delete(load)
          running.delete(load)
        }
      }
      expect(loads.get(id)).toBe(expected.get(id))
      expect(loads.has(id)).toBe(expected.has(id))
      expect([loads.size, loads.running.size]).toEqual([expected.size, running.size])
    }
    expect(new Set(loads.values())).toEqual(new Set(expected.values()))
    expect(new Set(loads.running)).toEqual(running)
  })

  it('end once: what is told to end again takes no other load with it', () => {
    const loads = new Loads()
    const [first, second] = [loadOf('a'), loadOf('b')]
    loads.running.add(first)
    loads.running.delete(first)
    loads.running.add(second)
    loads.running.delete(first)
    expect([...loads.running]).toEqual([second])
  })
})
