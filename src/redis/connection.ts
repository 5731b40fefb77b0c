import type { Clock } from '../runtime/clock.js'
import { deferred } from './deferred.js'
import type { NodeRedisClient } from './node-redis.js'
import type { ResolvedSource } from './redis-source.js'
import type { RedisArgument, SendCommand } from './script.js'

/** How a connection is. `connecting`: for the first time; `away`: lost, and looked for. */
export type ConnectionState = 'idle' | 'connecting' | 'ready' | 'away' | 'closed'

/** Options of {@link createConnection}. */
export interface ConnectionOptions {
  readonly source: ResolvedSource
  readonly clock: Clock
  /** Everything that has to happen before anybody else may send a command. A rejection means: not connected. */
  readonly prepare: (send: SendCommand, client: NodeRedisClient) => Promise<void>
  readonly onReady?: () => void
  readonly onLost?: () => void
}

/** One connection that never gives up. */
export interface Connection {
  readonly state: ConnectionState
  /** Times a connection was made, less one. */
  readonly reconnects: number
  /** A word on what went wrong last: never an argument, never a credential. */
  readonly lastError: string | undefined
  /** Begins to connect, once. Never throws, never rejects. */
  start(): void
  /** Settles when the first attempt has come to an end, whichever. */
  firstAttempt(): Promise<void>
  /** Sends a command; bulk replies are Buffers. Rejects at once while there is no connection. */
  send(args: readonly RedisArgument[]): Promise<unknown>
  /** Gives the present connection up for a new one. */
  restart(why: string): void
  close(): Promise<void>
}

const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 1000
/** A connection that did not last so long does not count as a success. */
const LASTING_MS = 1000
const PING_MS = 500
const BULK = 36

/**
 * Returns a connection that is looked after: no offline queue, a ping against half-open sockets, and a strategy of our
 * own that looks for the server again after 50 ms, then less often, at least once a second, without holding the process
 * open. An idle connection does not hold it open either.
 */
export function createConnection(options: ConnectionOptions): Connection {
  const { source, clock, prepare } = options
  let state: ConnectionState = 'idle'
  let client: NodeRedisClient | undefined
  let lastError: string | undefined
  let connections = 0
  let failures = 0
  let wake: () => void = () => {}
  let fall: () => void = () => {}
  let pingTimer: unknown
  let over: Promise<void> = Promise.resolve()
  const first = deferred()

  const isClosed = (): boolean => state === 'closed'
  const rawSend = (args: readonly RedisArgument[]): Promise<unknown> =>
    (client as NodeRedisClient).sendCommand(args, { typeMapping: { [BULK]: Buffer } })

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = clock.setTimer(resolve, ms)
      wake = () => {
        clock.clearTimer(timer)
        resolve()
      }
    })

  const ping = (): void => {
    pingTimer = clock.setTimer(() => {
      if (state !== 'ready') return
      rawSend(['PING']).catch(() => {})
      ping()
    }, PING_MS)
  }

  const note = (error: unknown): void => {
    lastError = wordOf(error)
  }

  const make = async (): Promise<NodeRedisClient> => {
    const made = await source.create()
    made.unref()
    made.on('error', (error) => {
      note(error)
      // Also where the client believes to be connected: after a reply it cannot read, replies belong to nobody.
      if (state === 'ready') fall()
    })
    return made
  }

  /** One life of the connection; ends when it is lost, rejects when it was not to be had. */
  const live = async (): Promise<void> => {
    client ??= await make()
    const lost = deferred()
    fall = lost.resolve
    await client.connect()
    if (isClosed()) return
    await prepare(rawSend, client)
    if (isClosed()) return
    if (!client.isReady) throw new Error('lost')
    const readyAt = clock.now()
    state = 'ready'
    connections++
    first.resolve()
    ping()
    options.onReady?.()
    await lost.promise
    failures = clock.now() - readyAt >= LASTING_MS ? 0 : failures + 1
  }

  const keepConnected = async (): Promise<void> => {
    while (!isClosed()) {
      try {
        await live()
      } catch (error) {
        note(error)
        failures++
      }
      clock.clearTimer(pingTimer)
      if (client?.isOpen) client.destroy()
      // The next one may have to be looked for elsewhere.
      if (source.moves) client = undefined
      const wasReady = state === 'ready'
      if (!isClosed()) state = 'away'
      first.resolve()
      if (wasReady) options.onLost?.()
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
    send: (args) => (state === 'ready' ? rawSend(args) : Promise.reject(new Error('not connected'))),
    restart(why) {
      if (state !== 'ready') return
      lastError = why
      fall()
    },
    async close() {
      if (isClosed()) return
      const wasReady = state === 'ready'
      state = 'closed'
      wake()
      fall()
      if (wasReady) options.onLost?.()
      // An attempt under way ends by its own timeout; nobody waits for it.
      const limit = deferred()
      const timer = clock.setTimer(limit.resolve, LONGEST_PAUSE_MS, true)
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
