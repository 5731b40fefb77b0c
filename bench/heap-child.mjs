import { strictEqual } from 'node:assert'
import { setTimeout as wait } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { importHopstash } from './build.mjs'
import { pool, record } from './inputs.mjs'
import { tieredPeers } from './tiered-peers.mjs'

const ENTRIES = 50_000
const HOUR_MS = 3_600_000

/** Each makes a cache for `max` entries: how to fill it, and how to read it. */
const makers = {
  map: () => {
    const map = new Map()
    return { fill: (key, value) => map.set(key, value), read: (key) => map.get(key) }
  },
  lru: (max) => lru({ max }),
  'lru-ttl': (max) => lru({ max, ttl: HOUR_MS, maxSize: 2 ** 40, sizeCalculation: () => 1000 }),
  ttl: (max) => stash({ max, ttl: '1h' }),
  lifetimes: (max) =>
    stash({
      max,
      ttl: '1h',
      staleWhileRevalidate: '10m',
      staleIfError: '1d',
      refreshAhead: 0.8,
      tags: (_value, key) => [`shard:${key.slice(-3)}`],
    }),
  ...Object.fromEntries(Object.entries(tieredPeers).map(([name, create]) => [name, (max) => loading(create, max)])),
}

function lru(options) {
  const cache = new LRUCache(options)
  return { fill: (key, value) => cache.set(key, value), read: (key) => cache.get(key) }
}

async function stash(options) {
  const { createStash, namespace } = await importHopstash()
  const { space } = createStash({ namespaces: { space: namespace(options) }, maxBytes: 2 ** 32 })
  const none = () => undefined
  return { fill: (key, value) => space.getOrSet(key, () => value), read: (key) => space.getOrSet(key, none) }
}

function loading(create, max) {
  let next
  const call = create(async () => next, max)
  return {
    fill: (key, value) => {
      next = value
      return call(key)
    },
    read: (key) => call(key),
  }
}

async function bytesInUse() {
  for (let turn = 0; turn < 4; turn++) {
    await wait(10)
    globalThis.gc()
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const make = makers[process.argv[2]]
const keys = pool(ENTRIES, (seed) => `record:${seed}:${String(seed % 1000).padStart(3, '0')}`)
const values = pool(ENTRIES, (seed) => record(seed))
// Once in small, so that code and shapes exist before the first weighing.
const small = await make(100)
for (let index = 0; index < 100; index++) {
  await small.fill(`small:${index}`, record(index))
  await small.read(`small:${index}`)
}

const empty = await bytesInUse()
const cache = await make(ENTRIES)
for (let index = 0; index < ENTRIES; index++) await cache.fill(keys[index], values[index])
const filled = await bytesInUse()
for (const key of keys) await cache.read(key)
const read = await bytesInUse()
for (let index = 0; index < ENTRIES; index += 997) strictEqual(await cache.read(keys[index]), values[index])
process.send({ before: (filled - empty) / ENTRIES, after: (read - empty) / ENTRIES }, () => process.exit())
