import type { Connection } from '../redis/connection.js'
import type { ResolvedSource } from '../redis/redis-source.js'
import { shareConnection } from '../redis/shared-connection.js'
import type { Clock } from '../runtime/clock.js'
import { readFrame } from './redis-frame.js'
import type { BusListener } from './shared-store.js'

/** Options of {@link createRedisBus}. */
export interface RedisBusOptions {
  readonly source: ResolvedSource
  readonly clock: Clock
  /** Whether the connection is shared with others of the same source in this process. */
  readonly isShared: boolean
  readonly channel: string
  /** Which messages are our own. */
  readonly sender: string
  /** Has the store send a sign of life to everybody. */
  readonly beat: () => Promise<unknown>
}

/** What a bus has heard and missed. */
export interface BusCounters {
  frames: number
  own: number
  duplicates: number
  malformed: number
  otherVersion: number
  gaps: number
}

/** One process's ear. */
export interface RedisBus {
  /** Whether a subscription is in place that nothing is missing from. */
  readonly isConfirmed: boolean
  readonly counters: Readonly<BusCounters>
  readonly connection: Connection
  listen(listener: BusListener): void
  /** Has everything that is held compared with the store: it lives another life than before. */
  distrust(): void
  close(): Promise<void>
}

const BEAT_MS = 1000
/** Two heartbeats, and what they need for their way. */
const SILENCE_MS = 2 * BEAT_MS + 250
const LOOK_MS = 250
/** A timer this late says that this process stood still, not that the bus was silent. */
const LATE_MS = 500

/**
 * Returns the bus of one process: a subscription of its own, heartbeats, and the notice of everything that may have been
 * missed.
 *
 * The listener hears `lost` when the socket goes, when nothing came for two heartbeats, or when a number is missing, and
 * `confirmed` once a new subscription is in place. Where only a number is missing the subscription is still there: what is
 * said from now on will be heard, so both come at once.
 */
export function createRedisBus(options: RedisBusOptions): RedisBus {
  const { source, clock, isShared, channel, sender, beat } = options
  const counters: BusCounters = { frames: 0, own: 0, duplicates: 0, malformed: 0, otherVersion: 0, gaps: 0 }
  let listener: BusListener | undefined
  let isConfirmed = false
  let heardAt = 0
  let beatAt = 0
  // The newest number of which incarnation; unknown after each subscription.
  let newest: { readonly inc: string; n: number } | undefined
  let timer: unknown

  const gap = (): void => {
    counters.gaps++
    listener?.lost()
    listener?.confirmed()
  }

  /** Whether a message is to be looked at: duplicates are not, and a jump is noticed first. */
  const counted = (inc: string, n: number, isBeat: boolean): boolean => {
    if (newest?.inc !== inc) {
      const missed = newest !== undefined && n > (isBeat ? 0 : 1)
      newest = { inc, n }
      if (missed) gap()
      return true
    }
    const expected = isBeat ? newest.n : newest.n + 1
    // A sign of life with a number below the newest comes from a store that was set back.
    if (n < expected && !isBeat) return false
    newest.n = n
    if (n !== expected) gap()
    return true
  }

  const hear = (text: string): void => {
    const read = readFrame(text)
    if ('ignored' in read) {
      counters[read.ignored === 'version' ? 'otherVersion' : 'malformed']++
      return
    }
    heardAt = clock.now()
    const { inc, n, frame } = read.envelope
    if (frame?.kind === 'done') {
      // Without a number: nothing depends on its arrival.
      if (read.envelope.sender !== sender) listener?.frame(frame)
      return
    }
    if (!counted(inc, n, frame === undefined)) {
      counters.duplicates++
      return
    }
    if (read.envelope.sender === sender) counters.own++
    else if (frame !== undefined) {
      counters.frames++
      listener?.frame(frame)
    }
  }

  const connection = shareConnection(
    { source, clock, purpose: 'messages', isShared },
    {
      prepare: async (_send, client) => {
        await client.subscribe(channel, hear)
      },
      leave: (client) => void client.unsubscribe(channel).catch(() => {}),
      onReady: () => {
        heardAt = clock.now()
        isConfirmed = true
        listener?.confirmed()
      },
      onLost: () => {
        isConfirmed = false
        newest = undefined
        counters.gaps++
        listener?.lost()
      },
    },
  )

  const look = (): void => {
    const dueAt = clock.now() + LOOK_MS
    timer = clock.setTimer(() => {
      const now = clock.now()
      if (now - dueAt > LATE_MS) heardAt = Math.max(heardAt, now - BEAT_MS)
      if (connection.state === 'ready') judge(now)
      look()
    }, LOOK_MS)
  }
  const judge = (now: number): void => {
    const silentMs = now - heardAt
    if (silentMs >= SILENCE_MS) connection.restart('silent')
    // Spread, so that one process of a fleet is first and the others hear it.
    else if (silentMs >= BEAT_MS && now - beatAt >= BEAT_MS / 2) {
      beatAt = now
      beat().catch(() => {})
    }
  }

  return {
    counters,
    connection,
    get isConfirmed() {
      return isConfirmed
    },
    listen(heard) {
      listener = heard
      connection.start()
      look()
    },
    distrust() {
      if (isConfirmed) gap()
    },
    async close() {
      clock.clearTimer(timer)
      listener = undefined
      await connection.close()
    },
  }
}
