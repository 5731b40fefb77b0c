import { describe, expect, it, vi } from 'vitest'
import { createFakeClock, seededRandom } from '../../../src/testing/fake-clock.js'

describe('createFakeClock', () => {
  it('stands still until it is told to move', async () => {
    const clock = createFakeClock({ wall: 1000 })
    expect([clock.now(), clock.coarse(), clock.wall()]).toEqual([0, 0, 1000])
    await clock.advance(10.5)
    expect([clock.now(), clock.coarse(), clock.wall()]).toEqual([10.5, 10, 1010.5])
  })

  it('fires timers in the order of their time, then of their making, each at its own instant', async () => {
    const clock = createFakeClock()
    const fired: [string, number][] = []
    const note = (name: string) => () => fired.push([name, clock.now()])
    clock.setTimer(note('c'), 20)
    clock.setTimer(note('a'), 10)
    clock.setTimer(note('b'), 10)
    clock.setTimer(note('late'), 31)
    await clock.advance(30)
    expect(fired).toEqual([
      ['a', 10],
      ['b', 10],
      ['c', 20],
    ])
    expect(clock.now()).toBe(30)
  })

  it('fires what a timer or a promise arms on the way', async () => {
    const clock = createFakeClock()
    const fired: number[] = []
    clock.setTimer(async () => {
      await Promise.resolve()
      clock.setTimer(() => fired.push(clock.now()), 5)
    }, 10)
    await clock.advance(15)
    expect(fired).toEqual([15])
  })

  it('does not fire what was cleared, also by an earlier timer', async () => {
    const clock = createFakeClock()
    const fired: string[] = []
    const second = clock.setTimer(() => fired.push('second'), 10)
    clock.setTimer(() => clock.clearTimer(second), 5)
    await clock.advance(20)
    expect(fired).toEqual([])
    expect(clock.pendingTimers()).toBe(0)
  })

  it('counts timers, and those apart that would keep a process alive', () => {
    const clock = createFakeClock()
    clock.setTimer(() => undefined, 10)
    clock.setTimer(() => undefined, Infinity, true)
    expect([clock.pendingTimers(), clock.pendingTimers(true)]).toEqual([2, 1])
  })

  it('settles promises however long their chain', async () => {
    const clock = createFakeClock()
    let depth = 0
    const chain = async (): Promise<void> => {
      for (let index = 0; index < 10_000; index++) {
        await Promise.resolve()
        depth++
      }
    }
    void chain()
    await clock.settle()
    expect(depth).toBe(10_000)
  })

  it('moves where the test runner has faked the timers', async () => {
    vi.useFakeTimers()
    try {
      const clock = createFakeClock()
      let fired = false
      clock.setTimer(() => {
        fired = true
      }, 5)
      await clock.advance(10)
      await clock.settle()
      expect(fired).toBe(true)
    } finally {
      vi.useRealTimers()
    }
  })

  it('refuses to go back: it is monotonic', async () => {
    const clock = createFakeClock()
    await clock.advance(10)
    await expect(clock.advance(-1)).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' })
    expect(clock.now()).toBe(10)
  })
})

describe('seededRandom', () => {
  it('repeats with its seed, differs with another, and stays from 0 to below 1', () => {
    const take = (seed: number): number[] => {
      const random = seededRandom(seed)
      return Array.from({ length: 1000 }, random)
    }
    expect(take(7)).toEqual(take(7))
    expect(take(7)).not.toEqual(take(8))
    const numbers = take(7)
    expect(numbers.every((n) => n >= 0 && n < 1)).toBe(true)
    expect(numbers.reduce((a, b) => a + b, 0) / 1000).toBeCloseTo(0.5, 1)
  })
})
