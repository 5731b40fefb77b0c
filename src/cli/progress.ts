import type { Clock } from '../runtime/clock.js'
import type { CliIo } from './io.js'

/** A line on standard error that says how far something has come; nothing where that is no terminal. */
export interface Progress {
  show(text: string): void
  /** Takes the line away. */
  end(): void
}

const EVERY_MS = 100

/** Returns a line of progress, drawn ten times a second at most. */
export function createProgress(io: Pick<CliIo, 'err' | 'showsProgress'>, clock: Clock): Progress {
  let drawnAt = -Infinity
  let isDrawn = false
  return {
    show(text) {
      if (!io.showsProgress || clock.now() - drawnAt < EVERY_MS) return
      drawnAt = clock.now()
      isDrawn = true
      io.err(`\r\u001b[K${text}`)
    },
    end() {
      if (isDrawn) io.err('\r\u001b[K')
      isDrawn = false
    },
  }
}
