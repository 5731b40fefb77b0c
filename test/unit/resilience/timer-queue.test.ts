import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRollingCount } from '../../../src/resilience/rolling-window.js'
import { createTimerQueue, NO_SLOT, type Timed } from '../../../src/resilience/timer-queue.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

function timed(dueAt: number, onDue: (now: number) => void = () => {}): Timed {
  return { dueAt, slot: NO_SLOT, onDue }
}

describe('a timer queue', () => {
  it('fires each entry when it is due, with one timer for all of them', async () => {
    const clock = createFakeClock()
    const queue = createTimerQueue(clock)
    const fired: number[] = []
    for (const ms of [30, 10, 20, 10]) queue.add(timed(ms, (now) => fired.push(now)))
    expect(clock.pendingTimers()).toBe(1)
    await clock.advance(25)
    expect(fired).toEqual([10, 10, 20])
    await clock.advance(5)
    expect(fired).toEqual([10, 10, 20, 30])
    expect(clock.pendingTimers()).toBe(0)
  })

  it('keeps the process alive while something is queued, and has no timer when nothing is', async () => {
    const clock = createFakeClock()
    const queue = createTimerQueue(clock)
    const entry = timed(1000)
    queue.add(entry)
    expect(clock.pendingTimers(true)).toBe(1)
    queue.remove(entry)
    queue.remove(entry)
    expect(clock.pendingTimers()).toBe(0)
  })

  it('stays armed while it is retained, so that a run does not arm it for each hop', () => {
    const clock = createFakeClock()
    let armed = 0
    const queue = createTimerQueue({ ...clock, setTimer: (...timer) => ++armed && clock.setTimer(...timer) })
    queue.retain()
    for (let i = 0; i < 5; i++) {
      const entry = timed(1000 + i)
      queue.add(entry)
      queue.remove(entry)
    }
    expect(armed).toBe(1)
    queue.release()
    expect(clock.pendingTimers()).toBe(0)
  })

  it('lets what is due add and remove entries', async () => {
    const clock = createFakeClock()
    const queue = createTimerQueue(clock)
    const fired: string[] = []
    const victim = timed(10, () => fired.push('victim'))
    const swap = (): void => {
      queue.remove(victim)
      queue.add(timed(7, () => fired.push('added')))
    }
    queue.add(timed(5, swap))
    queue.add(victim)
    await clock.advance(100)
    expect(fired).toEqual(['added'])
  })

  it('gives the sockets a turn when the loop was blocked and everything seems late', () => {
    let now = 0
    const timers: { callback: () => void; ms: number }[] = []
    const clock = {
      ...createFakeClock(),
      now: () => now,
      setTimer: (callback: () => void, ms: number) => timers.push({ callback, ms }),
      clearTimer: () => {},
    }
    const queue = createTimerQueue(clock)
    const fired: number[] = []
    queue.add(timed(100, (at) => fired.push(at)))
    now = 5000
    timers.shift()?.callback()
    expect(fired).toEqual([])
    expect(timers[0]?.ms).toBe(0)
    timers.shift()?.callback()
    expect(fired).toEqual([5000])
  })

  it('survives a timer that fires early, as Node timers may by a fraction', () => {
    let now = 0
    const timers: (() => void)[] = []
    const clock = { ...createFakeClock(), now: () => now, setTimer: (callback: () => void) => timers.push(callback) }
    const queue = createTimerQueue(clock)
    let fired = 0
    queue.add(timed(100, () => fired++))
    now = 99.6
    timers.shift()?.()
    expect([fired, timers.length]).toEqual([0, 1])
    now = 100.7
    timers.shift()?.()
    expect(fired).toBe(1)
  })

  it('fires in order whatever was added and removed', async () => {
    const operations = fc.array(fc.record({ dueAt: fc.nat(1000), removed: fc.boolean() }), { maxLength: 60 })
    await fc.assert(
      fc.asyncProperty(operations, async (entries) => {
        const clock = createFakeClock()
        const queue = createTimerQueue(clock)
        const fired: number[] = []
        const added = entries.map(({ dueAt }) => timed(dueAt, () => fired.push(dueAt)))
        for (const entry of added) queue.add(entry)
        for (const [i, { removed }] of entries.entries()) if (removed) queue.remove(added[i] as Timed)
        await clock.advance(1000)
        const expected = entries.filter(({ removed }) => !removed).map(({ dueAt }) => dueAt)
        expect(fired).toEqual(expected.sort((a, b) => a - b))
        expect(clock.pendingTimers()).toBe(0)
      }),
      { numRuns: 50 },
    )
  })
})

describe('a rolling count', () => {
  it('forgets what is older than its window, to a tenth of it', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { maxLength: 100 }), (gaps) => {
        const count = createRollingCount(100)
        const times: number[] = []
        let now = 0
        for (const gap of gaps) {
          now += gap
          count.add(now)
          times.push(now)
          const total = count.total(now)
          expect(total).toBeGreaterThanOrEqual(times.filter((at) => at > now - 90).length)
          expect(total).toBeLessThanOrEqual(times.filter((at) => at > now - 100).length)
        }
        expect(count.total(now + 1000)).toBe(0)
        count.add(now + 1000)
        count.clear()
        expect(count.total(now + 1000)).toBe(0)
      }),
    )
  })
})
