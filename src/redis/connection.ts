import type { Clock } from '../runtime/clock.js'
import type { NodeRedisClient } from './node-redis.js'
import { createReconnecting, type Life, type Reconnecting } from './reconnect.js'
import type { ResolvedSource } from './redis-source.js'
import type { RedisArgument, SendCommand } from './script.js'

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
export interface Connection
  extends Pick<Reconnecting, 'state' | 'reconnects' | 'lastError' | 'start' | 'firstAttempt'> {
  /** Sends a command; bulk replies are Buffers. Rejects at once while there is no connection. */
  send(args: readonly RedisArgument[]): Promise<unknown>
  /** Gives the present connection up for a new one. */
  restart(why: string): void
  close(): Promise<void>
}

const PING_MS = 500
/** Nobody is there any more, whatever the socket says: longer than the largest value takes on a slow network. */
const MOST_UNANSWERED = 20
/** What a server says to a user who may not ping is an answer, too. */
const REPLY = /^[A-Z]{2,20} /
/** Bulk replies as Buffers. */
const AS_BYTES = { typeMapping: { 36: Buffer } } as const

/**
 * Returns a connection that is looked after: no offline queue, a ping against half-open sockets, and a strategy of our
 * own that looks for the server again, without holding the process open. An idle connection does not hold it open either.
 */
export function createConnection(options: ConnectionOptions): Connection {
  const { source, clock, prepare, onReady, onLost } = options
  let client: NodeRedisClient | undefined
  let pingTimer: unknown
  let unanswered = 0

  const rawSend = (args: readonly RedisArgument[]): Promise<unknown> =>
    (client as NodeRedisClient).sendCommand(args, AS_BYTES)

  const heard = (): void => {
    unanswered = 0
  }
  // The socket's own timeout does not see it: every ping that is written counts as a sign of life there.
  const ping = (): void => {
    pingTimer = clock.setTimer(() => {
      if (loop.state !== 'ready') return
      if (unanswered === MOST_UNANSWERED) return loop.fall('silent')
      unanswered++
      rawSend(['PING']).then(heard, (error) => {
        if (error instanceof Error && REPLY.test(error.message)) heard()
      })
      ping()
    }, PING_MS)
  }

  const make = async (): Promise<NodeRedisClient> => {
    const made = await source.create()
    made.unref()
    made.on('error', (error) => {
      loop.note(error)
      // Also where the client believes to be connected: after a reply it cannot read, replies belong to nobody.
      if (loop.state === 'ready') loop.fall()
    })
    return made
  }

  const live = async (life: Life): Promise<void> => {
    try {
      client ??= await make()
      life.watch()
      await client.connect()
      if (life.isClosed()) return
      await prepare(rawSend, client)
      if (life.isClosed()) return
      if (!client.isReady) throw new Error('lost')
      heard()
      ping()
      await life.ready()
    } finally {
      clock.clearTimer(pingTimer)
      if (client?.isOpen) client.destroy()
      // The next one may have to be looked for elsewhere.
      if (source.moves) client = undefined
    }
  }
  const loop = createReconnecting({ clock, live, onReady, onLost })

  return {
    get state() {
      return loop.state
    },
    get reconnects() {
      return loop.reconnects
    },
    get lastError() {
      return loop.lastError
    },
    start: loop.start,
    firstAttempt: loop.firstAttempt,
    send: (args) => (loop.state === 'ready' ? rawSend(args) : Promise.reject(new Error('not connected'))),
    restart(why) {
      if (loop.state === 'ready') loop.fall(why)
    },
    close: () => loop.close(),
  }
}
