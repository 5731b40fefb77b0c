import { LRUCache } from 'lru-cache'
import pMemoize from 'p-memoize'
import { importHopstash } from './build.mjs'
import { measure, same } from './harness.mjs'
import { pool, record, zipf } from './inputs.mjs'
import { tieredPeers } from './tiered-peers.mjs'

const KEYS = 10_000
const ORDER = 65_536
const MAX = 2 * KEYS
const HOUR_MS = 3_600_000

/** Hits in memory: one hot key, and 10,000 keys with Zipf's popularity. */
export async function bench(pace) {
  const keys = pool(KEYS, (seed) => `job:${seed}`)
  const values = new Map(keys.map((key, index) => [key, record(index + 1)]))
  const order = zipf(keys, ORDER)
  const hot = [keys[0]]
  const tables = []
  tables.push(await measure(await hits(`getOrSet, hot key`, hot, keys, values, { limit: 0.8 }), pace))
  tables.push(await measure(await hits(`getOrSet, 10,000 keys, Zipf 1.0`, order, keys, values, { limit: 0.7 }), pace))
  tables.push(await measure(await peeks(order, keys, values), pace))
  return tables
}

async function hits(title, inputs, keys, values, atLeast) {
  const load = (key) => values.get(key)
  // One function for all keys, as the limit and the fastest peers have it; whoever writes a closure makes one a call.
  const loader = ({ key }) => values.get(key)
  const { cache, fetching, memoized } = lruPeers(values)
  const lifetimes = await stashOf('lifetimes')
  const plain = await stashOf('plain')
  const twin = await stashOf('lifetimes')
  const closures = await stashOf('lifetimes')
  const observed = await observedStash()
  const tiered = Object.entries(tieredPeers).map(([name, create]) => ({
    name,
    kind: 'peer',
    call: create(async (key) => values.get(key), MAX),
  }))
  const contenders = [
    { name: 'await Promise.resolve(map.get(key))', kind: 'limit', call: (key) => Promise.resolve(values.get(key)) },
    { name: 'hopstash, ttl + stale + tag', kind: 'ours', call: (key) => lifetimes.getOrSet(key, loader) },
    { name: 'hopstash (A/A)', kind: 'twin', call: (key) => twin.getOrSet(key, loader) },
    {
      name: 'hopstash, a closure a call',
      kind: 'ours',
      call: (key) => closures.getOrSet(key, () => load(key)),
    },
    {
      name: 'hopstash, observers that do not listen',
      kind: 'ours',
      call: (key) => observed.getOrSet(key, loader),
    },
    { name: 'hopstash, plain preset', kind: 'ours', call: (key) => plain.getOrSet(key, loader) },
    { name: 'await lru-cache.get, ttl', kind: 'peer', call: async (key) => cache.get(key) },
    { name: 'lru-cache.fetch, ttl', kind: 'peer', call: (key) => fetching.fetch(key) },
    { name: 'p-memoize over lru-cache', kind: 'peer', call: memoized },
    ...tiered,
  ]
  for (const { call } of contenders) for (const key of keys) await call(key)
  return {
    title,
    operation: 'one hit, awaited',
    inputs,
    contenders,
    check: same((key) => values.get(key)),
    goals: [
      ...['hopstash, ttl + stale + tag', 'hopstash, a closure a call', 'hopstash, plain preset'].flatMap((of) => [
        { of, to: contenders[0].name, atLeast: atLeast.limit },
        { of, to: tiered.map((peer) => peer.name), atLeast: 7 },
      ]),
      { of: 'hopstash, observers that do not listen', to: 'hopstash, ttl + stale + tag', atLeast: 0.95 },
    ],
  }
}

async function peeks(inputs, keys, values) {
  const load = (key) => values.get(key)
  const { cache } = lruPeers(values)
  const lifetimes = await stashOf('lifetimes')
  const twin = await stashOf('lifetimes')
  for (const key of keys) await Promise.all([lifetimes, twin].map((space) => space.getOrSet(key, () => load(key))))
  return {
    title: 'peek (synchronous), 10,000 keys, Zipf 1.0',
    operation: 'one hit',
    sync: true,
    inputs,
    contenders: [
      { name: 'lru-cache.get, ttl', kind: 'limit', call: (key) => cache.get(key) },
      { name: 'hopstash peek', kind: 'ours', call: (key) => lifetimes.peek(key) },
      { name: 'hopstash peek (A/A)', kind: 'twin', call: (key) => twin.peek(key) },
    ],
    check: same((key) => values.get(key)),
    goals: [{ of: 'hopstash peek', to: 'lru-cache.get, ttl', atLeast: 0.8 }],
  }
}

/** With an admin handler that is asked for numbers, and metrics: neither listens to the channel of all stashes. */
async function observedStash() {
  const api = await import('@opentelemetry/api')
  const { adminHandler } = await importHopstash('admin')
  const { instrument } = await importHopstash('integrations/opentelemetry')
  return stashOf('lifetimes', async (stash) => {
    const token = 'the-token-of-a-bench'
    const headers = { authorization: `Bearer ${token}` }
    const handler = adminHandler(stash, { token })
    instrument({ api, stash, spans: 'none' })
    for (const path of ['stats', 'metrics']) await handler(new Request(`http://localhost/${path}`, { headers }))
  })
}

async function stashOf(kind, observe = () => {}) {
  const { createStash, namespace, preset } = await importHopstash()
  const general =
    kind === 'plain'
      ? preset('general', { max: MAX, ttl: '1h' })
      : namespace({
          max: MAX,
          ttl: '1h',
          staleWhileRevalidate: '10m',
          staleIfError: '1d',
          tags: (_value, key) => [`shard:${key.length}`],
        })
  const stash = createStash({ namespaces: { general }, maxBytes: 2 ** 30 })
  await observe(stash)
  return stash.general
}

function lruPeers(values) {
  const cache = new LRUCache({ max: MAX, ttl: HOUR_MS })
  for (const [key, value] of values) cache.set(key, value)
  const fetching = new LRUCache({ max: MAX, ttl: HOUR_MS, fetchMethod: (key) => values.get(key) })
  const memoized = pMemoize(async (key) => values.get(key), { cache: new LRUCache({ max: MAX, ttl: HOUR_MS }) })
  return { cache, fetching, memoized }
}
