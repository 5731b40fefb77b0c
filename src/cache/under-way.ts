import { type Clock, createSystemClock } from '../runtime/clock.js'

/** Writes and invalidations that the shared store has not answered yet: `close` lets them have their say. */
export interface UnderWay {
  /** Whether the end has been asked for: what the store has not confirmed by then, it may never be told. */
  readonly isEnding: boolean
  begins(): void
  ends(): void
  /** Asks for the end. Resolves when there are none, or when the time is over; `undefined` if there are none now. */
  over(limitMs: number): Promise<void> | undefined
}

/**
 * Returns a count of nothing.
 *
 * @param real Ends the wait, too: the clock of a test may stand still, and an end must come.
 */
export function createUnderWay(clock: Clock, real: Clock = createSystemClock()): UnderWay {
  let count = 0
  let isEnding = false
  let waiting: (() => void)[] = []
  return {
    get isEnding() {
      return isEnding
    },
    begins() {
      count++
    },
    ends() {
      if (--count > 0 || waiting.length === 0) return
      const all = waiting
      waiting = []
      for (const tell of all) tell()
    },
    over(limitMs) {
      isEnding = true
      if (count === 0) return undefined
      return new Promise((resolve) => {
        const end = (): void => {
          clock.clearTimer(timer)
          real.clearTimer(limit)
          resolve()
        }
        const timer = clock.setTimer(end, limitMs, true)
        const limit = real.setTimer(end, limitMs, true)
        waiting.push(end)
      })
    },
  }
}
