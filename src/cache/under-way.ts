import type { Clock } from '../runtime/clock.js'

/** Writes and invalidations that the shared store has not answered yet: `close` lets them have their say. */
export interface UnderWay {
  /** Whether the end has been asked for: what the store has not confirmed by then, it may never be told. */
  readonly isEnding: boolean
  begins(): void
  ends(): void
  /** Asks for the end. Resolves when there are none, or when the time is over; `undefined` if there are none now. */
  over(limitMs: number): Promise<void> | undefined
}

/** Returns a count of nothing. */
export function createUnderWay(clock: Clock): UnderWay {
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
        const timer = clock.setTimer(resolve, limitMs, true)
        waiting.push(() => {
          clock.clearTimer(timer)
          resolve()
        })
      })
    },
  }
}
