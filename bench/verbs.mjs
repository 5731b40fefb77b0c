import { deepStrictEqual } from 'node:assert'
import { setTimeout as wait } from 'node:timers/promises'
import { cachified } from '@epic-web/cachified'
import { createCache as createDedupe } from 'async-cache-dedupe'
import { createCache as createManager } from 'cache-manager'
import DataLoader from 'dataloader'
import { Keyv } from 'keyv'
import { LRUCache } from 'lru-cache'
import { importHopstash } from './build.mjs'
import { measure, same } from './harness.mjs'
import { pool, record, zipf } from './inputs.mjs'
import { createBento, createCacheable } from './tiered-peers.mjs'

const KEYS = 1000
const ORDER = 16_384
const MAX = 2 * KEYS
const HOUR_MS = 3_600_000
const AT_ONCE = 100

const keys = pool(KEYS, (seed) => `job:${seed}`)
const values = new Map(keys.map((key, index) => [key, record(index + 1)]))
const order = zipf(keys, ORDER)

/** The verbs beside a hit: an entry with its times, a write, many keys at once, and a stale value while its refresh runs. */
export async function bench(pace) {
  const trials = [await entries(), await writes(), await manyHits(), await manyMisses(), await stale()]
  const tables = []
  for (const trial of trials) tables.push(await measure(trial, pace))
  return tables
}

async function entries() {
  const spaces = [await spaceOf({}), await spaceOf({})]
  for (const space of spaces) for (const [key, value] of values) await space.getOrSet(key, () => value)
  const lru = new LRUCache({ max: MAX, ttl: HOUR_MS })
  for (const [key, value] of values) lru.set(key, value)
  const keyv = plainKeyv()
  const cacheable = createCacheable(MAX)
  for (const [key, value] of values) await Promise.all([keyv.set(key, value, HOUR_MS), cacheable.set(key, value)])
  return {
    title: 'getEntry: a value with its times, 1,000 keys, Zipf 1.0',
    operation: 'one entry, awaited',
    inputs: order,
    contenders: [
      {
        name: 'async lru-cache get + info',
        kind: 'limit',
        call: async (key) => ({ value: lru.get(key), ...lru.info(key) }),
      },
      { name: 'hopstash getEntry', kind: 'ours', call: (key) => spaces[0].getEntry(key) },
      { name: 'hopstash (A/A)', kind: 'twin', call: (key) => spaces[1].getEntry(key) },
      { name: 'keyv getRaw', kind: 'peer', call: (key) => keyv.getRaw(key) },
      { name: 'cacheable getRaw', kind: 'peer', call: (key) => cacheable.getRaw(key) },
    ],
    check: (key, entry) => deepStrictEqual(entry.value, values.get(key)),
  }
}

async function writes() {
  const [copying, twin] = [await spaceOf({}), await spaceOf({})]
  const sharing = await spaceOf({ isolation: 'share' })
  const map = new Map()
  const lru = new LRUCache({ max: MAX, ttl: HOUR_MS })
  const manager = createManager({ stores: [plainKeyv()], ttl: HOUR_MS })
  const bento = createBento(MAX)
  const cacheable = createCacheable(MAX)
  return {
    title: 'set: an object of about 1 KB, 1,000 keys, Zipf 1.0',
    operation: 'one write, awaited',
    inputs: order,
    contenders: [
      {
        name: 'async map.set of a structuredClone',
        kind: 'limit',
        call: async (key) => map.set(key, structuredClone(values.get(key))),
      },
      { name: 'hopstash set (keeps a copy)', kind: 'ours', call: (key) => copying.set(key, values.get(key)) },
      { name: 'hopstash (A/A)', kind: 'twin', call: (key) => twin.set(key, values.get(key)) },
      { name: "hopstash set, isolation: 'share'", kind: 'ours', call: (key) => sharing.set(key, values.get(key)) },
      { name: 'async lru-cache.set, ttl (no copy)', kind: 'peer', call: async (key) => lru.set(key, values.get(key)) },
      { name: 'cache-manager (no copy)', kind: 'peer', call: (key) => manager.set(key, values.get(key)) },
      { name: 'bentocache (no copy)', kind: 'peer', call: (key) => bento.set({ key, value: values.get(key) }) },
      { name: 'cacheable (no copy)', kind: 'peer', call: (key) => cacheable.set(key, values.get(key)) },
    ],
    check: async (key) => {
      deepStrictEqual(copying.peek(key), values.get(key))
      deepStrictEqual(sharing.peek(key), values.get(key))
    },
    goals: [{ of: 'hopstash set (keeps a copy)', to: 'async map.set of a structuredClone', atLeast: 1 }],
  }
}

async function manyHits() {
  const rows = async (missing) => missing.map((key) => values.get(key))
  const spaces = [await spaceOf({}), await spaceOf({})]
  for (const space of spaces) await space.getOrSetMany(keys, rows, { aligned: true })
  const loader = new DataLoader(rows)
  await loader.loadMany(keys)
  const keyv = plainKeyv()
  const manager = createManager({ stores: [plainKeyv()], ttl: HOUR_MS })
  for (const [key, value] of values) await Promise.all([keyv.set(key, value, HOUR_MS), manager.set(key, value)])
  return {
    title: `getOrSetMany: ${AT_ONCE} keys, all there`,
    operation: `one call for ${AT_ONCE} keys`,
    inputs: groupsOf(order),
    contenders: [
      {
        name: 'Promise.all over a Map',
        kind: 'limit',
        call: (group) => Promise.all(group.map(async (key) => values.get(key))),
      },
      {
        name: 'hopstash getOrSetMany',
        kind: 'ours',
        call: (group) => spaces[0].getOrSetMany(group, rows, { aligned: true }),
      },
      { name: 'hopstash (A/A)', kind: 'twin', call: (group) => spaces[1].getOrSetMany(group, rows, { aligned: true }) },
      { name: 'hopstash getMany', kind: 'ours', call: (group) => spaces[0].getMany(group) },
      { name: 'dataloader.loadMany', kind: 'peer', call: (group) => loader.loadMany(group) },
      { name: 'cache-manager.mget', kind: 'peer', call: (group) => manager.mget(group) },
      { name: 'keyv.getMany', kind: 'peer', call: (group) => keyv.get(group) },
    ],
    check: same((group) => group.map((key) => values.get(key))),
  }
}

async function manyMisses() {
  const rows = async (missing) => missing.map((key) => key.length)
  const spaces = [await spaceOf({ max: AT_ONCE }), await spaceOf({ max: AT_ONCE })]
  let round = 0
  const fresh = () => {
    round++
    return Array.from({ length: AT_ONCE }, (_, index) => `job:${round}:${index}`)
  }
  return {
    title: `getOrSetMany: ${AT_ONCE} keys, none there, one call of the loader`,
    operation: `one call for ${AT_ONCE} keys`,
    contenders: [
      { name: 'the loader, into a Map', kind: 'limit', call: () => intoMap(fresh(), rows) },
      {
        name: 'hopstash getOrSetMany',
        kind: 'ours',
        call: () => spaces[0].getOrSetMany(fresh(), rows, { aligned: true }),
      },
      { name: 'hopstash (A/A)', kind: 'twin', call: () => spaces[1].getOrSetMany(fresh(), rows, { aligned: true }) },
      {
        name: 'dataloader.loadMany',
        kind: 'peer',
        call: () => new DataLoader(rows, { maxBatchSize: AT_ONCE }).loadMany(fresh()),
      },
    ],
    check: (_input, answer) => deepStrictEqual([answer.length, typeof answer[0]], [AT_ONCE, 'number']),
  }
}

async function intoMap(missing, load) {
  const map = new Map()
  const rows = await load(missing)
  missing.forEach((key, index) => {
    map.set(key, rows[index])
  })
  return rows
}

/** Every key is past its ttl, and its refresh does not end: what one reader pays who gets the old value meanwhile. */
async function stale() {
  const never = new Promise(() => {})
  let isFilled = false
  const load = (key) => (isFilled ? never : values.get(key))
  const options = { ttl: '1s', staleWhileRevalidate: '1h', hardTimeout: '1h', jitter: 0 }
  const spaces = [await spaceOf(options), await spaceOf(options)]
  const lru = new LRUCache({
    max: MAX,
    ttl: 1000,
    allowStale: true,
    noDeleteOnStaleGet: true,
    fetchMethod: async (key) => load(key),
  })
  const dedupe = createDedupe({ ttl: 1, stale: 3600, storage: { type: 'memory', options: { size: MAX } } })
  dedupe.define('read', async (key) => load(key))
  const kept = new LRUCache({ max: MAX })
  const getFreshValue = (key) => async () => load(key)
  const contenders = [
    { name: 'await Promise.resolve(map.get(key))', kind: 'limit', call: (key) => Promise.resolve(values.get(key)) },
    { name: 'hopstash, staleWhileRevalidate', kind: 'ours', call: (key) => spaces[0].getOrSet(key, () => load(key)) },
    { name: 'hopstash (A/A)', kind: 'twin', call: (key) => spaces[1].getOrSet(key, () => load(key)) },
    { name: 'lru-cache.fetch, allowStale', kind: 'peer', call: (key) => lru.fetch(key) },
    { name: 'async-cache-dedupe, stale', kind: 'peer', call: (key) => dedupe.read(key) },
    {
      name: 'cachified, swr',
      kind: 'peer',
      call: (key) => cachified({ key, cache: kept, ttl: 1000, swr: HOUR_MS, getFreshValue: getFreshValue(key) }),
    },
  ]
  for (const { call } of contenders) for (const key of keys) await call(key)
  isFilled = true
  await wait(2500)
  return {
    title: 'a stale value while its refresh runs, 1,000 keys, Zipf 1.0',
    operation: 'one stale value, awaited',
    inputs: order,
    contenders,
    check: same((key) => values.get(key)),
  }
}

async function spaceOf(options) {
  const { createStash, namespace } = await importHopstash()
  return createStash({ namespaces: { space: namespace({ max: MAX, ttl: '1h', ...options }) }, maxBytes: 2 ** 30 }).space
}

function plainKeyv() {
  return new Keyv({ store: new Map(), serialize: undefined, deserialize: undefined })
}

function groupsOf(list) {
  return Array.from({ length: Math.floor(list.length / AT_ONCE) }, (_, index) => [
    ...new Set(list.slice(index * AT_ONCE, (index + 1) * AT_ONCE)),
  ]).map((group) => fill(group))
}

/** A group of {@link AT_ONCE} different keys. */
function fill(group) {
  const missing = keys.filter((key) => !group.includes(key)).slice(0, AT_ONCE - group.length)
  return [...group, ...missing]
}
