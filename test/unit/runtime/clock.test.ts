import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { COARSE_STEP_MS, createSystemClock, MAX_TIMER_MS } from '../../../src/runtime/clock.js'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('createSystemClock', () => {
  it('starts at zero and is monotonic, whatever the wall clock does', () => {
    const clock = createSystemClock()
    expect(clock.now()).toBe(0)
    vi.advanceTimersByTime(1500)
    vi.setSystemTime(0)
    expect(clock.now()).toBe(1500)
    expect(clock.wall()).toBe(0)
  })

  it('reads the coarse time at most one step late while the event loop turns', () => {
    const clock = createSystemClock()
    clock.coarse()
    for (let step = 0; step < 50; step++) {
      vi.advanceTimersByTime(7)
      expect(clock.now() - clock.coarse()).toBeLessThanOrEqual(COARSE_STEP_MS)
      expect(clock.coarse()).toBeLessThanOrEqual(clock.now())
    }
  })

  it('reads the exact time again after 256 coarse readings, though timers starve', () => {
    const now = vi.spyOn(performance, 'now')
    const clock = createSystemClock()
    let ms = 0
    now.mockImplementation(() => ms)
    const before = clock.coarse()
    ms = 1_000_000
    let reads = 0
    while (clock.coarse() === before) reads++
    expect(reads).toBeLessThanOrEqual(256)
    expect(reads).toBeGreaterThan(100)
  })

  it('is a whole number of milliseconds, rounded down', () => {
    const clock = createSystemClock()
    vi.advanceTimersByTime(1.75)
    expect(Number.isInteger(clock.coarse())).toBe(true)
  })

  it('arms no timer while nobody reads', () => {
    const clock = createSystemClock()
    expect(vi.getTimerCount()).toBe(0)
    clock.coarse()
    expect(vi.getTimerCount()).toBe(1)
    vi.advanceTimersByTime(COARSE_STEP_MS)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('fires a timer once, and not when it was cleared', () => {
    const clock = createSystemClock()
    const fired: string[] = []
    clock.setTimer(() => fired.push('a'), 10)
    clock.clearTimer(clock.setTimer(() => fired.push('b'), 10))
    vi.advanceTimersByTime(100)
    expect(fired).toEqual(['a'])
  })

  it('does not fire at once what is due in more than 24 days', () => {
    const clock = createSystemClock()
    let fired = false
    clock.setTimer(() => {
      fired = true
    }, 40 * 86_400_000)
    vi.advanceTimersByTime(1000)
    expect(fired).toBe(false)
    expect(MAX_TIMER_MS).toBe(2 ** 31 - 1)
  })
})

describe('timers of the system clock', () => {
  it('keep the process alive only if asked to', () => {
    vi.useRealTimers()
    const clock = createSystemClock()
    const idle = clock.setTimer(() => undefined, 1e6) as NodeJS.Timeout
    const awaited = clock.setTimer(() => undefined, 1e6, true) as NodeJS.Timeout
    expect([idle.hasRef(), awaited.hasRef()]).toEqual([false, true])
    clock.clearTimer(idle)
    clock.clearTimer(awaited)
  })

  it('give random numbers from 0 to below 1', () => {
    const clock = createSystemClock()
    for (let index = 0; index < 100; index++) {
      const random = clock.random()
      expect(random >= 0 && random < 1).toBe(true)
    }
  })
})
