import { keyDigestOf } from '../codec/entry-header.js'
import { decodeHeader } from '../codec/header-reader.js'
import { encodePart } from '../keys/key-part.js'
import type { RedisArgument, SendCommand } from '../redis/script.js'
import { createLookups } from '../stores/redis-lookup.js'
import { listOf, textOf } from '../stores/redis-replies.js'
import type { Call } from './command.js'
import { Failure } from './failure.js'
import { reached } from './redis-place.js'
import { type FoundEntry, type Look, namespaceIn, type ScannedEntry, type StoreView } from './store-view.js'

const SCAN_COUNT = 1000
/** No header is longer. */
const MOST_HEADER = 0xffff

/**
 * Connects to a Redis, whatever role it has: unlike a stash, this only reads. A Cluster is seen as one.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID` for a URL that is none
 * @throws {Failure} if it cannot be reached
 */
export async function openRedisView(call: Call, url: string): Promise<StoreView> {
  const { clock, values } = call
  const { connection, source, keys, nodes } = await reached(call, url)
  const prefix = encodePart(values.prefix, {})
  const all = (commands: readonly (readonly RedisArgument[])[]): Promise<unknown[]> =>
    Promise.all(commands.map((command) => connection.send(command).catch((error: unknown) => error)))
  return {
    kind: 'redis',
    address: source.address,
    scan: (namespace) => scan(nodes(), `{${prefix}:${namespace === undefined ? '' : `${encodePart(namespace, {})}:v`}`),
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

async function* scan(nodes: readonly SendCommand[], head: string): AsyncGenerator<readonly ScannedEntry[]> {
  const pattern = `${head.replace(/[\\*?[\]^-]/g, '\\$&')}*}:e`
  for (const send of nodes) yield* scanNode(send, pattern)
}

async function* scanNode(send: SendCommand, pattern: string): AsyncGenerator<readonly ScannedEntry[]> {
  let cursor = '0'
  do {
    const [next, found] = listOf(await send(['SCAN', cursor, 'MATCH', pattern, 'COUNT', String(SCAN_COUNT)]))
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
