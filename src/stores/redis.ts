import { randomBytes } from 'node:crypto'
import { optionInvalid, optionUnknown } from '../errors/option-error.js'
import type { Connection } from '../redis/connection.js'
import type { ConnectionState } from '../redis/reconnect.js'
import { type RedisSource, type ResolvedSource, resolveSource } from '../redis/redis-source.js'
import { runScript, type SendCommand } from '../redis/script.js'
import { claimPrefix } from '../redis/shared-connection.js'
import { storeKeys } from '../redis/store-keys.js'
import { warnOnce } from '../redis/warn-once.js'
import type { BreakerState } from '../resilience/breaker.js'
import { type Clock, createSystemClock } from '../runtime/clock.js'
import { type Duration, parseDuration } from '../runtime/duration.js'
import { type BusCounters, createRedisBus } from './redis-bus.js'
import { type CommandCounters, createCommands, type Sending } from './redis-commands.js'
import { openLink } from './redis-link.js'
import type { ReadSite } from './redis-read-script.js'
import { createReads } from './redis-reads.js'
import { createRecentInvalidations, type RecentInvalidation } from './redis-recent.js'
import { enterStore, type OnStoreRestart, RESTART_POLICIES } from './redis-server.js'
import { withSubjects } from './redis-subjects.js'
import { createSweeper, withSweeps } from './redis-sweeper.js'
import type { RedisVerbs } from './redis-verbs.js'
import type { SharedStore } from './shared-store.js'

/** Options of {@link createRedisStore}. */
export interface RedisStoreOptions {
  /** Where the Redis or Valkey is. */
  readonly redis: RedisSource
  /** What messages call the source. @defaultValue `'redis'` */
  readonly optionName?: string
  /** First part of everything the stash keeps there, its keys included. @defaultValue `'hopstash'` */
  readonly prefix?: string
  /**
   * Budget of an operation over all its round trips; values over 1 MiB get 100 ms more for each further MiB.
   * @defaultValue `'250ms'`
   */
  readonly timeout?: Duration
  /** What happens when the store came back, and may have lost its last moments. @defaultValue `'replay'` */
  readonly onStoreRestart?: OnStoreRestart
  readonly clock?: Clock
  /** Whether its connections are shared with other stores of this process at the same server. @defaultValue `false` */
  readonly isShared?: boolean
  /** Whether the `digest` of a key is `textDigest` of it: then no key is hashed here again. @defaultValue `false` */
  readonly digestIsHash?: boolean
}

/** How a store in Redis is. Names, counts and words; no credentials. */
export interface RedisStoreHealth {
  readonly address: string
  readonly status: ConnectionState
  /** `redis 7.2.5`, `valkey 8.1.0`; `undefined` where the server does not tell. */
  readonly server: string | undefined
  readonly breaker: BreakerState
  /** What it waits for, in words, with the code of the last error; `undefined` while it is there. */
  readonly waitsFor: string | undefined
  /** `confirmed`: messages of peers arrive here. */
  readonly bus: 'confirmed' | 'lost'
  readonly lastError: string | undefined
  readonly reconnects: number
  /** Invalidations told again to a store that came back. */
  readonly replayed: number
  /** Entries removed after a clear had outdated them. */
  readonly swept: number
  readonly commands: Readonly<CommandCounters>
  readonly messages: Readonly<BusCounters>
  /** Stored bytes that were no entry, by reason. Each is a miss, and overwritten by the next load. */
  readonly unreadable: Readonly<Record<string, number>>
}

/** A store in one Redis or Valkey. */
export interface RedisStore extends SharedStore {
  /** What it can do that others cannot. */
  readonly capabilities: { readonly scripts: true; readonly messages: true; readonly cluster: boolean }
  /** Resolves to whether the store is there, at the latest after `timeoutMs`. Never rejects. @defaultValue 10 s */
  ready(timeoutMs?: number): Promise<boolean>
  health(): RedisStoreHealth
}

const KNOWN = ['redis', 'optionName', 'prefix', 'timeout', 'onStoreRestart', 'clock', 'isShared', 'digestIsHash']
const REPLAY_AT_ONCE = 500
const READY_LOOK_MS = 20

/**
 * Returns a shared store in a Redis (6.2 or later) or Valkey, on one node or on a Cluster. Nothing is connected, and nothing of the client loaded,
 * before the first subscription or command; a store that is away never holds a start up.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID` for an option that cannot be used; no message shows a password.
 */
export function createRedisStore(options: RedisStoreOptions): RedisStore {
  const { source, prefix, timeoutMs, policy, clock, isShared, digestIsHash } = resolveOptions(options)
  const keys = storeKeys(prefix)
  const sender = randomBytes(9).toString('base64url')
  const candidate = createCandidates()
  const recent = createRecentInvalidations(clock)
  const unreadable: Record<string, number> = {}
  let facts: { readonly software: string | undefined; readonly life: string | undefined } | undefined
  let replayed = 0

  const link = openLink({
    source,
    clock,
    isShared,
    controlKey: keys.control,
    prepare: async (send, identity) => {
      const life = await enterStore(send, identity, { keys, policy, candidate, knownLife: facts?.life, replay })
      const isAnother = facts?.life !== undefined && facts.life !== life
      facts = { software: identity.software, life }
      if (isAnother) bus.distrust()
    },
    onReady: () => {
      commands.reset()
      reads.reset()
    },
  })
  const { connection } = link
  const commands = createCommands({ connection, clock, timeoutMs })
  const base: ReadSite = {
    keys,
    clock,
    candidate,
    digestIsHash,
    isOneNode: source.cluster === undefined,
    run: commands.run,
    runBehind: commands.runBehind,
    pipe: commands.pipe,
    asOne: commands.asOne,
    split: commands.split,
    unreadable: (why) => {
      unreadable[why] = (unreadable[why] ?? 0) + 1
    },
  }
  const reads = createReads(base)
  const site = {
    ...base,
    sender,
    read: reads.read,
    readTo: reads.readTo,
    remember: recent.add,
    leastSkewMs: link.leastSkewMs,
  }
  const sweeper = createSweeper({ ...base, nodes: link.nodes, prefix, sender })
  const { beat, ...verbs } = withSweeps(withSubjects(link.verbs, site), sweeper)
  const bus = createRedisBus({ source: link.busSource, clock, isShared, channel: keys.channel, sender, beat })
  const replay = async (send: SendCommand): Promise<void> => {
    replayed += await replayAll(recent.list(), link.verbs({ ...site, ...sentBy(send), remember: () => {} }))
  }
  warnOf(source)
  const claim = isShared ? claimPrefix(source, prefix) : undefined
  if (claim?.taken) warnOfDouble(source, prefix)

  return {
    ...verbs,
    keepsBudget: true,
    capabilities: { scripts: true, messages: true, cluster: source.cluster !== undefined },
    subscribe(listener) {
      connection.start()
      bus.listen(listener)
    },
    async ready(timeoutMs = 10_000) {
      connection.start()
      const until = clock.now() + timeoutMs
      while (connection.state !== 'ready' && connection.state !== 'closed' && clock.now() < until) {
        await new Promise<void>((resolve) => void clock.setTimer(resolve, READY_LOOK_MS, true))
      }
      return connection.state === 'ready'
    },
    health: () => ({
      address: source.address,
      status: connection.state,
      server: facts?.software,
      breaker: commands.breakerState(),
      waitsFor: waitsFor(connection),
      bus: bus.isConfirmed ? 'confirmed' : 'lost',
      // What a server that is there says to commands; else why it is not there.
      lastError:
        (connection.state === 'ready' ? commands.lastError() : undefined) ??
        connection.lastError ??
        bus.connection.lastError,
      reconnects: connection.reconnects,
      replayed,
      swept: sweeper.swept,
      commands: { ...commands.counters },
      messages: { ...bus.counters },
      unreadable: { ...unreadable },
    }),
    async close() {
      sweeper.stop()
      claim?.end()
      await Promise.all([connection.close(), bus.close()])
    },
  }
}

function waitsFor({ state, lastError }: Connection): string | undefined {
  if (state === 'ready' || state === 'closed') return undefined
  if (state === 'idle') return 'its first use'
  const what = (lastError !== undefined && WAITS[lastError]) || 'a connection'
  return lastError === undefined ? what : `${what} (${lastError})`
}

const WAITS: Readonly<Record<string, string>> = {
  READONLY: 'a primary',
  LOADING: 'the server to load its data',
  NOAUTH: 'a login',
  WRONGPASS: 'a login',
  NOPERM: 'rights of the user',
  CLUSTER: 'options of the Cluster',
  CLUSTERDOWN: 'all slots of the Cluster',
  SINGLE: 'a Cluster: this server is none, so give its URL',
  SENTINEL: 'a Sentinel: what answers is none',
  UNKNOWN: 'a Sentinel that knows the name',
  ERR: 'a server that takes the connection, its database, its user and one client more, and knows all commands',
  WRONGTYPE: "another prefix: somebody else's data lies at the control key",
}

/** Ids of incarnations: 16 characters, the last six a count, so that a process never offers one twice. */
function createCandidates(): () => string {
  const stem = randomBytes(9).toString('base64url').slice(0, 10)
  let count = 0
  return () => stem + (++count % 36 ** 6).toString(36).padStart(6, '0')
}

/** Tells the store again what this process told it lately. The operations commute; the order is free. */
async function replayAll(
  list: readonly RecentInvalidation[],
  verbs: Pick<RedisVerbs, 'kill' | 'bump'>,
): Promise<number> {
  for (let at = 0; at < list.length; at += REPLAY_AT_ONCE) {
    const part = list.slice(at, at + REPLAY_AT_ONCE)
    await Promise.all(
      part.map((what) => (what.kind === 'key' ? verbs.kill(what.ref) : verbs.bump(what.names, what.mode))),
    )
  }
  return list.length
}

/** Past the breaker: on a new connection nothing else may be sent yet. */
function sentBy(send: SendCommand): Pick<ReadSite, 'run' | 'pipe' | 'asOne' | 'split'> {
  const run: ReadSite['run'] = (script, keys, args) =>
    runScript(send, script, keys, typeof args === 'function' ? args() : args)
  const pipe: ReadSite['pipe'] = (commands) => Promise.all(commands.map((command) => send(command)))
  const own: Sending = {
    run,
    pipe,
    // Nothing but invalidations is told this way, and they have no body.
    runBehind: (command, ...script) => Promise.all([send(command), run(...script)]),
    asOne: () => own,
    split: () => own,
  }
  return own
}

function resolveOptions(options: RedisStoreOptions) {
  for (const name of Object.keys(options)) {
    if (!KNOWN.includes(name)) throw optionUnknown('createRedisStore', name, KNOWN)
  }
  const {
    redis,
    optionName = 'redis',
    prefix = 'hopstash',
    timeout = 250,
    onStoreRestart: policy = 'replay',
    clock,
    isShared = false,
    digestIsHash = false,
  } = options
  if (!RESTART_POLICIES.includes(policy))
    throw optionInvalid('onStoreRestart', `one of ${RESTART_POLICIES.join(', ')}`, policy)
  const timeoutMs = parseDuration(timeout, 'timeout')
  if (timeoutMs < 1 || timeoutMs > 60_000) throw optionInvalid('timeout', 'a duration from 1 ms to 60 s', timeout)
  return {
    source: resolveSource(redis, optionName),
    prefix,
    timeoutMs,
    policy,
    clock: clock ?? createSystemClock(),
    isShared,
    digestIsHash,
  }
}

function warnOf({ address, warnings }: ResolvedSource): void {
  if (warnings.length === 0) return
  const message = `The shared store at ${address} is remote and ${warnings.join(', and ')}.`
  warnOnce('HOPSTASH_REDIS_OPEN', address, message)
}

function warnOfDouble({ address }: ResolvedSource, prefix: string): void {
  const message = `Two stashes of this process use the prefix '${prefix}' at ${address}: each has a memory of its own. Make one and share it.`
  warnOnce('HOPSTASH_STORE_SHARED', `${address} ${prefix}`, message)
}
