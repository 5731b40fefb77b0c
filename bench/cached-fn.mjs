import { hash } from 'node:crypto'
import { createCache as createDedupe } from 'async-cache-dedupe'
import { LRUCache } from 'lru-cache'
import objectHash from 'object-hash'
import { hash as ohash } from 'ohash'
import pMemoize from 'p-memoize'
import { configure } from 'safe-stable-stringify'
import { importHopstash } from './build.mjs'
import { measure, same } from './harness.mjs'
import { fiveFields, nested, pool, shortString, textOf, texts } from './inputs.mjs'
import { createBento, createCacheable } from './tiered-peers.mjs'

const MAX = 1000
const stableStringify = configure({})

/** A wrapped function asked again with equal arguments: the key is made from them at each call. */
export async function bench(pace) {
  const STABLE = 'p-memoize + safe-stable-stringify'
  const sizes = [
    { title: 'short string, 24 characters', inputs: pool(16, shortString), goals: [{ to: 'every peer', atLeast: 1 }] },
    { title: 'five fields', inputs: pool(16, fiveFields), goals: [{ to: 'every peer', atLeast: 1 }] },
    { title: 'nested, 2 KB', inputs: pool(16, nested), goals: [{ to: STABLE, atLeast: 2 }] },
    { title: 'text, 20 KB, 32 prompts', inputs: texts(32, 20_000), goals: [{ to: STABLE, atLeast: 4 }] },
    { title: 'text, 20 KB, 256 prompts', inputs: texts(256, 20_000), goals: [{ to: STABLE, atLeast: 4 }] },
    { title: 'text, 200 KB, 8 prompts', inputs: texts(8, 200_000), goals: [{ to: STABLE, atLeast: 4 }] },
    freshTexts(),
  ]
  const tables = []
  for (const size of sizes) tables.push(await measure(await trial(size), pace))
  return tables
}

// What a host does: the prompt is put together at each call, so no string object comes twice.
function freshTexts() {
  const beginnings = texts(32, 19_900)
  const ends = pool(32, (seed) => textOf(100, seed + 500))
  return {
    title: 'text, 20 KB, 32 prompts, put together at each call',
    inputs: pool(32, (seed) => seed - 1),
    argument: (index) => beginnings[index] + ends[index],
    goals: [],
  }
}

async function trial({ title, inputs, argument = (input) => input, goals }) {
  const answers = new Map(inputs.map((input, index) => [answerKey(argument(input)), { answer: index }]))
  const target = async (argumentGiven) => answers.get(answerKey(argumentGiven))
  const ours = await wrap(target)
  const twin = await wrap(target)
  const contenders = [
    { name: 'JSON.stringify + sha256 + lru-cache', kind: 'limit', call: jsonDigest(target) },
    { name: 'hopstash cached(fn)', kind: 'ours', call: ours },
    { name: 'hopstash (A/A)', kind: 'twin', call: twin },
    ...Object.entries(peers).map(([name, create]) => ({ name, kind: 'peer', call: create(target) })),
  ].map((contender) => ({ ...contender, call: withArgument(contender.call, argument) }))
  for (const { call } of contenders) for (const input of inputs) await call(input)
  const everyPeer = Object.keys(peers)
  return {
    title: `cached(fn): ${title}`,
    operation: 'one hit, awaited',
    inputs,
    contenders,
    check: same((input) => answers.get(answerKey(argument(input)))),
    goals: goals.map(({ to, atLeast }) => ({
      of: 'hopstash cached(fn)',
      to: to === 'every peer' ? everyPeer : to,
      atLeast,
    })),
  }
}

const answerKey = (argument) => hash('sha256', JSON.stringify(argument))

// Compiled for each contender, as the loop is.
function withArgument(call, argument) {
  return new Function('call', 'argument', `/* ${++wrapped} */ return (input) => call(argument(input))`)(call, argument)
}
let wrapped = 0

async function wrap(target) {
  const { cached, createStash, preset } = await importHopstash()
  const stash = createStash({ namespaces: { general: preset('general', { max: MAX, ttl: '1h' }) } })
  return cached(target, { in: stash.general, name: 'target' })
}

function jsonDigest(target) {
  const cache = new LRUCache({ max: MAX })
  return async (argument) => {
    const key = hash('sha256', JSON.stringify(argument), 'base64url')
    const known = cache.get(key)
    if (known !== undefined) return known
    const value = await target(argument)
    cache.set(key, value)
    return value
  }
}

const memoizedBy = (keyOf) => (target) =>
  pMemoize(target, { cache: new LRUCache({ max: MAX }), cacheKey: ([argument]) => keyOf(argument) })

const peers = {
  'p-memoize + JSON.stringify': memoizedBy(JSON.stringify),
  'p-memoize + safe-stable-stringify': memoizedBy((argument) => stableStringify(argument)),
  'p-memoize + ohash': memoizedBy(ohash),
  'p-memoize + object-hash': memoizedBy((argument) => objectHash(argument)),
  'async-cache-dedupe': (target) => {
    const cache = createDedupe({ ttl: 3600, storage: { type: 'memory', options: { size: MAX } } })
    cache.define('read', target)
    return (argument) => cache.read(argument)
  },
  'cacheable wrap': (target) => createCacheable(MAX).wrap(target, { keyPrefix: 'target' }),
  'bentocache + safe-stable + sha256': (target) => {
    const bento = createBento(MAX)
    return (argument) =>
      bento.getOrSet({ key: hash('sha256', stableStringify(argument)), factory: () => target(argument) })
  },
}
