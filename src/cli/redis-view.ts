import { keyDigestOf } from '../codec/entry-header.js'
import { decodeHeader } from '../codec/header-reader.js'
import { encodePart } from '../keys/key-part.js'
import { type Connection, createConnection } from '../redis/connection.js'
import { type ResolvedSource, resolveSource } from '../redis/redis-source.js'
import type { RedisArgument } from '../redis/script.js'
import { type StoreKeys, storeKeys } from '../redis/store-keys.js'
import type { Clock } from '../runtime/clock.js'
import { createLookups } from '../stores/redis-lookup.js'
import { listOf, textOf } from '../stores/redis-replies.js'
import { Failure } from './failure.js'
import { type FoundEntry, type Look, namespaceIn, type ScannedEntry, type StoreView } from './store-view.js'

/** A Redis that is looked into. */
export interface RedisView extends StoreView {
  readonly kind: 'redis'
  readonly keys: StoreKeys
  readonly source: ResolvedSource
  send(...args: RedisArgument[]): Promise<unknown>
}

const SCAN_COUNT = 1000
/** No header is longer. */
const MOST_HEADER = 0xffff

/**
 * Connects to a Redis, whatever role it has: unlike a stash, this only reads.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID` for a URL that is none
 * @throws {Failure} if it cannot be reached
 */
export async function openRedisView(url: string, prefix: string, clock: Clock): Promise<RedisView> {
  const source = resolveSource(url, 'store')
  const keys = storeKeys(prefix)
  const connection = await connected(source, clock)
  const send = (...args: RedisArgument[]): Promise<unknown> => connection.send(args)
  const all = (commands: readonly (readonly RedisArgument[])[]): Promise<unknown[]> =>
    Promise.all(commands.map((command) => connection.send(command).catch((error: unknown) => error)))
  return {
    kind: 'redis',
    address: source.address,
    source,
    keys,
    send,
    scan: (namespace) =>
      scan(send, `{${encodePart(prefix, {})}:${namespace === undefined ? '' : `${encodePart(namespace, {})}:v`}`),
    async measure(entries) {
      const sizes = await all(entries.map(({ place }) => ['MEMORY', 'USAGE', place]))
      const lengths = sizes.some((size) => size instanceof Error)
        ? await all(entries.map(({ place }) => ['STRLEN', place]))
        : sizes
      return lengths.map((size) => (typeof size === 'number' && size > 0 ? size : undefined))
    },
    find: (key) => find(all, keys.entry(key), key),
    async lookUp(key, names): Promise<Look> {
      const lookups = createLookups(keys, clock)
      const sentAt = clock.now()
      const [isThere, ...replies] = await all([['EXISTS', keys.token(key)], ...lookups.commands(names)])
      const found = lookups.read(names, replies, sentAt)
      return {
        inc: found?.storedInc,
        nowMs: found?.nowMs ?? clock.wall(),
        markers: found?.markers ?? new Map(),
        isLoading: isThere === 1,
        overUntil: 0,
      }
    },
    close: () => connection.close(),
  }
}

/** Connects once. @throws {Failure} with a word on what was in the way, and never a credential */
export async function connected(source: ResolvedSource, clock: Clock): Promise<Connection> {
  const connection = createConnection({ source, clock, prepare: async (send) => void (await send(['PING'])) })
  connection.start()
  await connection.firstAttempt()
  if (connection.state === 'ready') return connection
  const { lastError = 'no answer' } = connection
  await connection.close()
  throw new Failure(`The store at ${source.address} cannot be used: ${lastError}. hopstash doctor may know why.`)
}

async function* scan(send: RedisView['send'], head: string): AsyncGenerator<readonly ScannedEntry[]> {
  const pattern = `${head.replace(/[\\*?[\]^-]/g, '\\$&')}*}:e`
  let cursor = '0'
  do {
    const [next, found] = listOf(await send('SCAN', cursor, 'MATCH', pattern, 'COUNT', String(SCAN_COUNT)))
    cursor = textOf(next)
    yield listOf(found)
      .map(textOf)
      .map((place) => {
        const key = place.slice(1, -'}:e'.length)
        return { key, place, namespace: namespaceIn(key) }
      })
  } while (cursor !== '0')
}

async function find(
  all: (commands: readonly (readonly RedisArgument[])[]) => Promise<unknown[]>,
  place: string,
  key: string,
): Promise<FoundEntry | undefined> {
  const [start, bytes, left] = await all([
    ['GETRANGE', place, '0', String(MOST_HEADER)],
    ['STRLEN', place],
    ['PTTL', place],
  ])
  if (typeof left !== 'number') throw new Failure(left instanceof Error ? left.message : 'Unexpected reply.')
  if (left === -2) return undefined
  const isEntry = Buffer.isBuffer(start) && typeof bytes === 'number'
  const header = isEntry ? decodeHeader(start, keyDigestOf(key)) : ({ ok: false, reason: 'foreign' } as const)
  return {
    place,
    bytes: isEntry ? bytes : 0,
    header: header.ok && isEntry && header.headerBytes + header.body.bodyBytes !== bytes ? TORN : header,
    goneInMs: left < 0 ? Infinity : left,
    isTimeless: false,
    async read() {
      const [whole] = await all([['GET', place]])
      return Buffer.isBuffer(whole) ? whole : undefined
    },
  }
}

const TORN = { ok: false, reason: 'truncated' } as const
