import { cachified } from '@epic-web/cachified'
import KeyvRedis from '@keyv/redis'
import { createCache as createDedupe } from 'async-cache-dedupe'
import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { createCache as createManager } from 'cache-manager'
import { Cacheable } from 'cacheable'
import { Keyv } from 'keyv'
import { LRUCache } from 'lru-cache'
import { importHopstash } from './build.mjs'
import { bentoDriver } from './redis-peers.mjs'
import { clientOf } from './redis-server.mjs'

const HOUR_MS = 3_600_000

/**
 * The libraries as their own front pages set them up, in memory or, given an address, in memory before Redis. Each has
 * `getOrSet(key, load)` and `delete(key)`.
 */
export function contenders({ createStash, namespace }) {
  return {
    hopstash: async (store) => {
      const things = namespace({ ttl: '1h', ...(store && { coalesce: 'cluster' }) })
      const stash = createStash({ namespaces: { things }, ...(store && { store }) })
      if (store) await stash.things.get('connected')
      return {
        getOrSet: (key, load) => stash.things.getOrSet(key, load),
        delete: (key) => stash.things.delete(key),
        close: () => stash.close(),
      }
    },
    bentocache: async (url) => {
      const first = bentostore().useL1Layer(memoryDriver({ maxItems: 1000 }))
      const client = url && (await clientOf(url))
      const layers = url ? first.useL2Layer({ options: {}, factory: () => bentoDriver(client, 'b') }) : first
      const bento = new BentoCache({ default: 'all', ttl: HOUR_MS, stores: { all: layers } })
      return {
        getOrSet: (key, factory) => bento.getOrSet({ key, factory }),
        delete: (key) => bento.delete({ key }),
      }
    },
    cacheable: async (url) => {
      const cache = new Cacheable({ ttl: HOUR_MS, ...(url && { secondary: new KeyvRedis(url) }) })
      cache.on('error', () => {})
      return { getOrSet: (key, load) => cache.getOrSet(key, load), delete: (key) => cache.delete(key) }
    },
    'cache-manager': async (url) => {
      const stores = [new Keyv(), ...(url ? [new Keyv({ store: new KeyvRedis(url) })] : [])]
      for (const store of stores) store.on('error', () => {})
      const cache = createManager({ stores, ttl: HOUR_MS })
      return { getOrSet: (key, load) => cache.wrap(key, load), delete: (key) => cache.del(key) }
    },
    cachified: async (url) => {
      const client = url && (await clientOf(url))
      const cache = client
        ? {
            name: 'redis',
            get: async (key) => JSON.parse(await client.get(key)),
            set: (key, entry) => client.set(key, JSON.stringify(entry), { PX: HOUR_MS }),
            delete: (key) => client.del(key),
          }
        : new LRUCache({ max: 1000 })
      return {
        getOrSet: (key, getFreshValue) => cachified({ key, cache, ttl: HOUR_MS, getFreshValue }),
        delete: async (key) => cache.delete(key),
      }
    },
    'async-cache-dedupe': async (url) => {
      // Its own Redis storage wants another client: the same commands, over this one.
      const client = url && (await clientOf(url))
      const storage = client && {
        get: async (key) => {
          const text = await client.get(key)
          return text === null ? undefined : JSON.parse(text)
        },
        set: (key, value, ttl) => client.set(key, JSON.stringify(value), { EX: ttl }),
        remove: (key) => client.del(key),
        invalidate: () => {},
        clear: () => {},
        refresh: () => {},
        getTTL: () => 3600,
        exists: async (key) => (await client.exists(key)) > 0,
      }
      const cache = createDedupe({
        ttl: 3600,
        storage: client ? { type: 'custom', options: { storage } } : { type: 'memory', options: { size: 1000 } },
      })
      const loaders = new Map()
      cache.define('read', (key) => loaders.get(key)())
      return {
        getOrSet: (key, load) => {
          loaders.set(key, load)
          return cache.read(key)
        },
        delete: async (key) => cache.clear('read', key),
      }
    },
  }
}

/** The same three branches and the step behind them, each as its own front page writes it; it returns what the caller has. */
export async function pipelineRunners() {
  const { pipeline, resilient } = await importHopstash('pipeline')
  const { Annotation, END, START, StateGraph } = await import('@langchain/langgraph')
  const good = async () => 'ok'
  return {
    'hopstash, `optional` and `resilient`': async (third) => {
      const flow = pipeline('three', { defaults: resilient })
        .hop('a', { run: good, optional: true })
        .hop('b', { run: good, optional: true })
        .hop('c', { run: third, optional: true, timeout: '500ms' })
        .assemble(({ a, b, c }) => [a, b, c].filter(Boolean).length)
      const { output, report } = await flow.run({})
      const { status, reason } = report.hops.c
      return `${output} results, and a report: c ${status} (${reason})`
    },
    langgraph: async (third) => {
      const names = ['a', 'b', 'c']
      const State = Annotation.Root(Object.fromEntries(names.map((name) => [`${name}Out`, Annotation()])))
      const graph = new StateGraph(State)
      for (const name of names) {
        graph.addNode(name, async () => ({ [`${name}Out`]: await (name === 'c' ? third() : good()) }))
        graph.addEdge(START, name)
      }
      graph
        .addNode('join', async () => ({}))
        .addEdge(names, 'join')
        .addEdge('join', END)
      const state = await graph.compile().invoke({})
      return `${Object.keys(state).length} results`
    },
    'Promise.all': async (third) => `${(await Promise.all([good(), good(), third()])).length} results`,
  }
}
