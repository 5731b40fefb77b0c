import { NO_SLOT, type Timed } from '../resilience/timer-queue.js'

/** An instant at which something becomes of a run. */
export class RunTimer implements Timed {
  dueAt: number
  slot = NO_SLOT
  readonly onDue: () => void

  constructor(dueAt: number, onDue: () => void) {
    this.dueAt = dueAt
    this.onDue = onDue
  }
}
