import type { Clock } from '../runtime/clock.js'
import { deferred } from './deferred.js'

/** How a connection is. `connecting`: for the first time; `away`: lost, and looked for. */
export type ConnectionState = 'idle' | 'connecting' | 'ready' | 'away' | 'closed'

/** What one life of a connection can say of itself. */
export interface Life {
  /** Whether nobody wants it any more: then it may end at any step. */
  isClosed(): boolean
  /** From here on `fall` ends this life. */
  watch(): void
  /** Everybody may use it now. Settles when it is lost. */
  ready(): Promise<void>
}

/** Options of {@link createReconnecting}. */
export interface ReconnectingOptions {
  readonly clock: Clock
  /** One life, from looking for the other side to its loss; it leaves nothing open. A rejection means: not connected. */
  readonly live: (life: Life) => Promise<void>
  readonly onReady?: (() => void) | undefined
  readonly onLost?: (() => void) | undefined
}

/** A connection that is made again and again, until it is closed. */
export interface Reconnecting {
  readonly state: ConnectionState
  /** Times a connection was made, less one. */
  readonly reconnects: number
  /** A word on what went wrong last: never an argument, never a credential. */
  readonly lastError: string | undefined
  /** Begins to connect, once. Never throws, never rejects. */
  start(): void
  /** Settles when the first attempt has come to an end, whichever. */
  firstAttempt(): Promise<void>
  /** Notes what went wrong. */
  note(error: unknown): void
  /** Ends the present life. */
  fall(why?: string): void
  /** Looks again at once, if it waits to. */
  wake(): void
  /** Ends it for good. @param parts What else has to be closed. */
  close(parts?: () => Promise<unknown>): Promise<void>
}

const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 1000
/** A connection that did not last so long does not count as a success. */
const LASTING_MS = 1000

/** Returns a connection that never gives up: it looks again after 50 ms, then less often, at least once a second. */
export function createReconnecting({ clock, live, onReady, onLost }: ReconnectingOptions): Reconnecting {
  const first = deferred()
  let state: ConnectionState = 'idle'
  let lastError: string | undefined
  let connections = 0
  let failures = 0
  let wake: () => void = () => {}
  let lost = deferred()
  let over: Promise<void> = Promise.resolve()

  const isClosed = (): boolean => state === 'closed'
  const note = (error: unknown): void => {
    lastError = wordOf(error)
  }
  const life: Life = {
    isClosed,
    watch() {
      lost = deferred()
    },
    async ready() {
      const readyAt = clock.now()
      state = 'ready'
      connections++
      first.resolve()
      onReady?.()
      await lost.promise
      failures = clock.now() - readyAt >= LASTING_MS ? 0 : failures + 1
      if (isClosed()) return
      // Before the life tidies up: nobody may send anything on what it ends.
      state = 'away'
      onLost?.()
    },
  }
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = clock.setTimer(resolve, ms)
      wake = () => {
        clock.clearTimer(timer)
        resolve()
      }
    })
  const keepConnected = async (): Promise<void> => {
    while (!isClosed()) {
      try {
        await live(life)
      } catch (error) {
        note(error)
        failures++
      }
      if (!isClosed()) state = 'away'
      first.resolve()
      if (!isClosed()) await pause(pauseMs(failures, clock.random()))
    }
  }

  return {
    get state() {
      return state
    },
    get reconnects() {
      return Math.max(0, connections - 1)
    },
    get lastError() {
      return lastError
    },
    start() {
      if (state !== 'idle') return
      state = 'connecting'
      over = keepConnected()
    },
    firstAttempt: () => first.promise,
    note,
    fall(why) {
      if (why !== undefined) lastError = why
      lost.resolve()
    },
    wake: () => wake(),
    async close(parts = () => Promise.resolve()) {
      if (isClosed()) return
      const wasReady = state === 'ready'
      state = 'closed'
      wake()
      lost.resolve()
      if (wasReady) onLost?.()
      // An attempt under way ends by its own timeout; nobody waits for it.
      const limit = deferred()
      const timer = clock.setTimer(limit.resolve, LONGEST_PAUSE_MS, true)
      await parts()
      await Promise.race([over, limit.promise])
      clock.clearTimer(timer)
    },
  }
}

/** Pure: full jitter over the upper half of 50 ms, doubled with each failure, at most 1 s. */
export function pauseMs(failures: number, random: number): number {
  const most = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures, 10))
  return most / 2 + (random * most) / 2
}

/** Pure: the code or first word of an error. Messages of a server may quote arguments. */
export function wordOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  const { code } = error as { code?: unknown }
  if (typeof code === 'string') return code
  const word = /^[A-Z]{2,20}\b/.exec(error.message)?.[0]
  return word ?? (error.constructor.name === 'Error' ? 'error' : error.constructor.name)
}
