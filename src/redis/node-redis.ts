import { peerMissing } from '../errors/peer-error.js'
import { quickenTexts } from './quicken-texts.js'
import type { RedisArgument } from './script.js'
import { warnOnce } from './warn-once.js'

/** The part of a node-redis client (version 5) that the package uses. */
export interface NodeRedisClient {
  readonly isOpen: boolean
  readonly isReady: boolean
  readonly options?: object | undefined
  connect(): Promise<unknown>
  destroy(): void
  sendCommand(args: readonly RedisArgument[], options?: object): Promise<unknown>
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  unsubscribe(channel: string): Promise<unknown>
  on(event: string, listener: (argument: unknown) => void): unknown
  unref(): void
}

/** A `KeyvRedis` of `@keyv/redis`, or whatever else carries a client; or a `Keyv` whose store does. */
export type ClientCarrier = { readonly client: unknown } | { readonly store: { readonly client: unknown } }

/** What node-redis is told, as far as the package adds to it. */
export interface NodeRedisOptions {
  readonly url?: string
  readonly socket?: object
  readonly username?: string
  readonly password?: string
  readonly database?: number
  /** Version of the protocol, 2 or 3. @defaultValue `2` */
  readonly RESP?: 2 | 3
}

export const CONNECT_TIMEOUT_MS = 1000
export const SOCKET_TIMEOUT_MS = 1500
const QUEUE_LENGTH = 10_000

/**
 * What keeps a client from hanging, whatever its owner set. Reconnecting is ours: the client's own strategies hold the
 * process open with a timer while they wait, and its default gives up for good after a socket timeout.
 */
export function fortified(options: object): object {
  const { socket } = options as { socket?: object }
  return {
    ...options,
    disableOfflineQueue: true,
    commandsQueueMaxLength: QUEUE_LENGTH,
    pingInterval: undefined,
    // One command and one right less.
    disableClientInfo: true,
    RESP: (options as { RESP?: unknown }).RESP === 3 ? 3 : 2,
    commandOptions: undefined,
    clientSideCache: undefined,
    emitInvalidate: undefined,
    maintNotifications: 'disabled',
    socket: {
      ...socket,
      connectTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: SOCKET_TIMEOUT_MS,
      reconnectStrategy: false,
    },
  }
}

/** Returns a client that is not connected yet. `@keyv/redis` is loaded here, at the first use. */
export async function createNodeRedis(options: NodeRedisOptions): Promise<NodeRedisClient> {
  const { createClient } = await loadKeyvRedis()
  return createClient(fortified(options))
}

/**
 * The settings of a host's client, for one of our own: what another major of node-redis answers with is not what is
 * expected here. Its extensions are of no use.
 */
export function settingsOf({ options }: NodeRedisClient): NodeRedisOptions {
  const { modules, scripts, functions, legacyMode, ...settings } = { ...options } as Record<string, unknown>
  return settings
}

/** The client in a carrier; else what was given. */
export function carriedBy(source: object): unknown {
  if ('client' in source) return source.client
  const { store } = source as { readonly store?: unknown }
  return typeof store === 'object' && store !== null && 'client' in store ? store.client : source
}

/** Whether it is a Cluster or Sentinel: its options, its client, or what carries one. */
export function isManyServers(source: object): boolean {
  const candidate = carriedBy(source)
  if (typeof candidate !== 'object' || candidate === null) return false
  return MANY.some((mark) => mark in candidate)
}

const MANY = ['rootNodes', 'slots', 'sentinelRootNodes', 'getMasterNode']

/** The client in a carrier, or the client itself; `undefined` for plain options. */
export function clientIn(source: object): NodeRedisClient | undefined {
  const candidate = carriedBy(source)
  if (typeof candidate !== 'object' || candidate === null) return undefined
  if (isManyServers(source)) return undefined
  const { sendCommand, isOpen, duplicate } = candidate as Partial<NodeRedisClient> & { readonly duplicate?: unknown }
  // A pool has the first two, and keeps its settings to itself.
  const isClient = typeof sendCommand === 'function' && typeof isOpen === 'boolean' && typeof duplicate === 'function'
  return isClient ? (candidate as NodeRedisClient) : undefined
}

async function loadKeyvRedis(): Promise<{ createClient: (options: object) => NodeRedisClient }> {
  try {
    const loaded = await import('@keyv/redis')
    quickenTexts()
    return loaded as unknown as { createClient: (options: object) => NodeRedisClient }
  } catch (cause) {
    const error = peerMissing('@keyv/redis', 'A store in Redis', cause)
    // No attempt to come will fare better, and nothing fails by it.
    warnOnce('HOPSTASH_REDIS_CLIENT', '', `${error.message} Until then nothing is shared: memory serves alone.`)
    throw error
  }
}
