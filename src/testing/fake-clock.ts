import { optionInvalid } from '../errors/option-error.js'
import { checkShape } from '../resilience/option-shape.js'
import type { Clock, TimerHandle } from '../runtime/clock.js'
import { nextTurn } from '../runtime/next-turn.js'

/** A {@link Clock} that stands still until it is told to move. */
export interface FakeClock extends Clock {
  /**
   * Moves time on by `ms`, runs the timers that fall due in their order, and lets promises settle in between.
   *
   * @throws OptionError `ERR_OPTION_INVALID`, as a rejection: time goes on, and does not end.
   */
  advance(ms: number): Promise<void>
  /** Lets promises settle without moving time. */
  settle(): Promise<void>
  /** Timers that are armed now; `onlyRef` counts those that would keep a process alive. */
  pendingTimers(onlyRef?: boolean): number
}

interface Timer {
  readonly at: number
  readonly order: number
  readonly callback: () => void
  readonly ref: boolean
}

/** Options of {@link createFakeClock}. */
export interface FakeClockOptions {
  /** Wall-clock instant of the start, ms since the epoch. @defaultValue `1_700_000_000_000` */
  readonly wall?: number
  /** Seed of `random()`. @defaultValue `1` */
  readonly seed?: number
}

/**
 * Returns a clock for tests: nothing moves but by `advance`, and `random()` repeats with its seed.
 *
 * @throws OptionError `ERR_OPTION_INVALID`
 * @example
 * import { createFakeClock } from 'hopstash/testing'
 * const clock = createFakeClock()
 * let fired = false
 * clock.setTimer(() => { fired = true }, 1000)
 * await clock.advance(1000)
 * fired // => true
 */
export function createFakeClock(options: FakeClockOptions = {}): FakeClock {
  checkShape('createFakeClock', options, ['wall', 'seed'])
  const { wall: wallStart = 1_700_000_000_000, seed = 1 } = options
  checkNumber(wallStart, 'wall')
  const random = seededRandom(seed)
  const timers = new Set<Timer>()
  let nowMs = 0
  let order = 0

  const nextDue = (until: number): Timer | undefined => {
    let first: Timer | undefined
    for (const timer of timers) {
      if (timer.at > until) continue
      if (first === undefined || timer.at < first.at || (timer.at === first.at && timer.order < first.order))
        first = timer
    }
    return first
  }

  return {
    now: () => nowMs,
    coarse: () => Math.floor(nowMs),
    wall: () => wallStart + nowMs,
    random,
    setTimer(callback, ms, ref = false): TimerHandle {
      const timer: Timer = { at: nowMs + Math.max(0, ms), order: order++, callback, ref }
      timers.add(timer)
      return timer
    },
    clearTimer(handle) {
      timers.delete(handle as Timer)
    },
    async advance(ms) {
      if (!(Number.isFinite(ms) && ms >= 0)) throw optionInvalid('ms', 'a number of milliseconds from 0', ms)
      const until = nowMs + ms
      await nextTurn()
      for (let timer = nextDue(until); timer !== undefined; timer = nextDue(until)) {
        timers.delete(timer)
        nowMs = Math.max(nowMs, timer.at)
        timer.callback()
        await nextTurn()
      }
      nowMs = until
      await nextTurn()
    },
    settle: nextTurn,
    pendingTimers: (onlyRef = false) => [...timers].filter((timer) => timer.ref || !onlyRef).length,
  }
}

/** Returns a repeatable generator of numbers in [0, 1) (mulberry32). @throws OptionError `ERR_OPTION_INVALID` */
export function seededRandom(seed: number): () => number {
  checkNumber(seed, 'seed')
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

function checkNumber(value: unknown, option: string): void {
  if (!Number.isFinite(value)) throw optionInvalid(option, 'a number', value)
}
