import type { TimerQueue } from '../resilience/timer-queue.js'
import type { Clock } from '../runtime/clock.js'

/** Time, as the calls of one pipeline share it. */
export interface Engine {
  readonly clock: Clock
  readonly timers: TimerQueue
}
