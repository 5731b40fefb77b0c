import { NO_SLOT, type Timed } from '../resilience/timer-queue.js'
import type { Engine } from './engine.js'

/** A wait in a pipeline's timer queue that can be called off. */
export class Pause implements Timed {
  dueAt: number
  slot = NO_SLOT
  readonly #engine: Engine
  readonly #resolve: () => void
  readonly #reject: () => void

  constructor(engine: Engine, ms: number, resolve: () => void, reject: () => void) {
    this.#engine = engine
    this.#resolve = resolve
    this.#reject = reject
    this.dueAt = engine.clock.now() + ms
    engine.timers.add(this)
  }

  onDue(): void {
    this.#resolve()
  }

  cancel(): void {
    this.#engine.timers.remove(this)
    this.#reject()
  }
}
