import type { Clock } from '../runtime/clock.js'

/** Allows so many in a minute, and bursts of a quarter of that. */
export interface Rate {
  /** Takes one; `undefined` if allowed, else the seconds until the next one is. */
  take(): number | undefined
}

const MINUTE_MS = 60_000

/** Returns a token bucket that begins full. */
export function createRate(clock: Clock, perMinute: number): Rate {
  const capacity = Math.max(1, Math.ceil(perMinute / 4))
  let tokens = capacity
  let filledAt = clock.now()
  return {
    take() {
      const now = clock.now()
      tokens = Math.min(capacity, tokens + ((now - filledAt) * perMinute) / MINUTE_MS)
      filledAt = now
      if (tokens < 1) return Math.ceil((((1 - tokens) / perMinute) * MINUTE_MS) / 1000)
      tokens--
      return undefined
    },
  }
}
