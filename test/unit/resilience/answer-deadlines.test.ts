import { describe, expect, it } from 'vitest'
import { createAnswerDeadlines } from '../../../src/resilience/answer-deadlines.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

/** A clock whose event loop can be blocked: time passes, and what was due fires late, in order. */
function blockableClock() {
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>()
  let nowMs = 0
  const next = (until: number) => [...timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0]
  return {
    ...createFakeClock(),
    now: () => nowMs,
    setTimer(callback: () => void, ms: number) {
      const timer = { at: nowMs + Math.max(1, ms), callback }
      timers.add(timer)
      return timer
    },
    clearTimer: (timer: unknown) => void timers.delete(timer as { at: number; callback: () => void }),
    pendingTimers: () => timers.size,
    block(ms: number) {
      nowMs += ms
    },
    advance(ms: number) {
      const until = nowMs + ms
      for (let timer = next(until); timer !== undefined; timer = next(until)) {
        timers.delete(timer)
        nowMs = Math.max(nowMs, timer.at)
        timer.callback()
      }
      nowMs = until
    },
  }
}

function watched(clock: ReturnType<typeof blockableClock>, budgetMs: number) {
  const deadlines = createAnswerDeadlines(clock)
  const late: number[] = []
  const deadline = deadlines.add(budgetMs, () => void late.push(clock.now()))
  return { deadlines, deadline, late }
}

describe('a deadline of an answer', () => {
  it('is over after its budget and one turn for the sockets', () => {
    const clock = blockableClock()
    const { late } = watched(clock, 250)
    clock.advance(250)
    expect(late).toEqual([])
    clock.advance(1)
    expect(late).toEqual([251])
    expect(clock.pendingTimers()).toBe(0)
  })

  it('does not come for an answer that is there, and leaves no timer behind', () => {
    const clock = blockableClock()
    const { deadlines, deadline, late } = watched(clock, 250)
    clock.advance(250)
    deadlines.remove(deadline)
    deadlines.remove(deadline)
    clock.advance(1000)
    expect(late).toEqual([])
    expect(clock.pendingTimers()).toBe(0)
  })

  it.each([
    ['at once', 0, 230],
    ['in the middle', 100, 140],
    ['at the end', 220, 400],
  ])('counts no time in which the loop was blocked: %s', (_when, at, blockedMs) => {
    const clock = blockableClock()
    const { late } = watched(clock, 250)
    clock.advance(at)
    clock.block(blockedMs)
    clock.advance(225 - Math.min(at, 220))
    expect(late).toEqual([])
    clock.advance(100)
    expect(late.length).toBe(1)
    expect(late[0]).toBeLessThanOrEqual(250 + blockedMs + 30)
  })

  it('comes at last: a process that is always blocked waits five budgets', () => {
    const clock = blockableClock()
    const { late } = watched(clock, 250)
    while (late.length === 0 && clock.now() < 10_000) {
      clock.block(40)
      clock.advance(10)
    }
    expect(late[0]).toBeGreaterThan(250)
    // A turn costs such a process a block each.
    expect(late[0]).toBeLessThanOrEqual(8 * 250)
  })

  it('judges each by what was blocked since it began', () => {
    const clock = blockableClock()
    const { deadlines, late } = watched(clock, 250)
    clock.block(100)
    clock.advance(100)
    const from = clock.now()
    const second: number[] = []
    deadlines.add(100, () => void second.push(clock.now() - from))
    clock.advance(102)
    expect(second).toEqual([101])
    expect(late).toEqual([])
    clock.advance(50)
    expect(late.length).toBe(1)
  })

  it('has run for as long as it has, less the time the process stood still', () => {
    const clock = blockableClock()
    const { deadlines, deadline } = watched(clock, 250)
    clock.advance(60)
    expect(deadlines.spentMs(deadline)).toBe(60)
    clock.block(500)
    const spentMs = deadlines.spentMs(deadline)
    expect(spentMs).toBeGreaterThanOrEqual(60)
    expect(spentMs).toBeLessThanOrEqual(80)
    clock.advance(40)
    expect(deadlines.spentMs(deadline)).toBe(spentMs + 40)
  })
})
