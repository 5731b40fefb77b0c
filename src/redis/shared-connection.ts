import type { Clock } from '../runtime/clock.js'
import { type Connection, createConnection } from './connection.js'
import { deferred } from './deferred.js'
import type { NodeRedisClient } from './node-redis.js'
import { type ConnectionState, wordOf } from './reconnect.js'
import type { ResolvedSource } from './redis-source.js'
import type { SendCommand } from './script.js'

/** One of those who share a connection. */
export interface Tenant {
  /** Everything that has to happen on a new connection before this one may use it. Its failure is nobody else's. */
  readonly prepare: (send: SendCommand, client: NodeRedisClient) => Promise<void>
  readonly onReady?: (() => void) | undefined
  readonly onLost?: (() => void) | undefined
  /** Takes back what `prepare` did, if the connection stays for others. */
  readonly leave?: ((client: NodeRedisClient) => void) | undefined
}

/** Options of {@link shareConnection}. */
export interface ShareOptions {
  readonly source: ResolvedSource
  readonly clock: Clock
  /** Commands and messages have a connection each. */
  readonly purpose: 'commands' | 'messages'
  /** Only who has the same clock shares: those of tests have one each. */
  readonly isShared: boolean
}

interface Hub {
  readonly connection: Connection
  join(tenant: Tenant, onEmpty: () => void): Connection
}

// Process-wide: sockets belong to the process, and every stash opening two of its own is what makes servers run out of
// them. A hub is there as long as somebody uses it.
const hubs = new Map<string, Hub>()
const claims = new Map<string, number>()

const AGAIN_MS = 1000

/**
 * Notes that somebody keeps a stash under a prefix of a source. Returns whether somebody else in this process does so
 * already, and what takes the note back.
 */
export function claimPrefix(
  { identity, address }: ResolvedSource,
  prefix: string,
): { taken: boolean; end: () => void } {
  const key = `${identity ?? address} ${prefix}`
  const users = claims.get(key) ?? 0
  claims.set(key, users + 1)
  let isOver = false
  const end = (): void => {
    if (isOver) return
    isOver = true
    const left = (claims.get(key) ?? 1) - 1
    if (left === 0) claims.delete(key)
    else claims.set(key, left)
  }
  return { taken: users > 0, end }
}

/**
 * Returns a connection that looks like one's own, and is shared with every other user of the same source in this process. It
 * is closed with its last user.
 */
export function shareConnection({ source, clock, purpose, isShared }: ShareOptions, tenant: Tenant): Connection {
  const { identity } = source
  if (!isShared || identity === undefined) return createHub(source, clock).join(tenant, () => {})
  const key = `${purpose} ${identity}`
  const hub = hubs.get(key) ?? createHub(source, clock)
  hubs.set(key, hub)
  return hub.join(tenant, () => hubs.delete(key))
}

/** How many connections of this process are shared; for tests. */
export function sharedConnectionCount(): number {
  return hubs.size
}

interface Member {
  readonly tenant: Tenant
  readonly first: ReturnType<typeof deferred>
  state: ConnectionState
  lastError: string | undefined
  retry: unknown
}

function createHub(source: ResolvedSource, clock: Clock): Hub {
  const members = new Set<Member>()
  let send: SendCommand | undefined
  let client: NodeRedisClient | undefined

  /** Resolves to whether the member may use the connection now. */
  const enter = async (member: Member): Promise<boolean> => {
    try {
      await member.tenant.prepare(send as SendCommand, client as NodeRedisClient)
      member.lastError = undefined
      return true
    } catch (error) {
      member.lastError = wordOf(error)
      return false
    }
  }
  const welcome = (member: Member): void => {
    if (member.state === 'closed') return
    member.state = 'ready'
    member.first.resolve()
    member.tenant.onReady?.()
  }
  /** One that came later, or could not be prepared with the others. */
  const enterAlone = async (member: Member): Promise<void> => {
    const [before, isIn] = [client, await enter(member)]
    if (member.state === 'closed' || connection.state !== 'ready' || client !== before) return
    if (isIn) return welcome(member)
    if (member.state === 'connecting') member.state = 'away'
    member.first.resolve()
    member.retry = clock.setTimer(() => {
      if (connection.state === 'ready' && member.state === 'away') void enterAlone(member)
    }, AGAIN_MS)
  }

  let prepared: readonly Member[] = []
  const connection = createConnection({
    source,
    clock,
    prepare: async (sendNow, clientNow) => {
      send = sendNow
      client = clientNow
      const all = [...members]
      const entered = await Promise.all(all.map(enter))
      prepared = all.filter((_, index) => entered[index])
      // If nobody can use it, it is none.
      if (prepared.length === 0) throw Object.assign(new Error('not prepared'), { code: all[0]?.lastError ?? 'UNUSED' })
    },
    onReady: () => {
      for (const member of members) {
        if (prepared.includes(member)) welcome(member)
        else void enterAlone(member)
      }
    },
    onLost: () => {
      for (const member of [...members]) {
        const wasReady = member.state === 'ready'
        if (member.state !== 'closed') member.state = 'away'
        if (wasReady) member.tenant.onLost?.()
      }
    },
  })

  return {
    connection,
    join(tenant, onEmpty) {
      const member: Member = { tenant, first: deferred(), state: 'idle', lastError: undefined, retry: undefined }
      const { reconnects } = connection
      return {
        get state() {
          return member.state === 'connecting' && connection.state === 'away' ? 'away' : member.state
        },
        get reconnects() {
          return connection.reconnects - reconnects
        },
        get lastError() {
          return member.lastError ?? connection.lastError
        },
        start() {
          if (member.state !== 'idle') return
          member.state = 'connecting'
          members.add(member)
          if (connection.state === 'ready') void enterAlone(member)
          else {
            connection.start()
            void connection.firstAttempt().then(() => {
              if (connection.state !== 'ready') member.first.resolve()
            })
          }
        },
        firstAttempt: () => member.first.promise,
        send: (args) => (member.state === 'ready' ? connection.send(args) : Promise.reject(new Error('not connected'))),
        restart(why) {
          if (member.state === 'ready') connection.restart(why)
        },
        async close() {
          if (member.state === 'closed') return
          const wasReady = member.state === 'ready'
          member.state = 'closed'
          members.delete(member)
          clock.clearTimer(member.retry)
          member.first.resolve()
          if (wasReady) tenant.onLost?.()
          if (members.size > 0) {
            if (wasReady && client !== undefined) tenant.leave?.(client)
            return
          }
          onEmpty()
          await connection.close()
        },
      }
    },
  }
}
