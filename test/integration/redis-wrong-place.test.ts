import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RedisSource } from '../../src/redis/redis-source.js'
import { createRedisStore } from '../../src/stores/redis.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { eventually } from './redis-world.js'

let server: RedisServer

beforeAll(async () => {
  server = await startRedis()
})

afterAll(() => server.stop())

describe('a server that answers, and is not what it was taken for,', () => {
  const place = (): { host: string; port: number } => ({ host: '127.0.0.1', port: server.port })

  it.each<[what: string, source: () => RedisSource, waitsFor: RegExp]>([
    ['no Cluster', () => ({ rootNodes: [{ url: server.url }] }), /^a Cluster: this server is none.*URL.*\(SINGLE\)$/],
    ['no Sentinel', () => ({ name: 'primary', sentinelRootNodes: [place()] }), /^a Sentinel.*\(SENTINEL\)$/],
    ['without that database', () => `${server.url}/99999`, /^a server that takes .*database.*\(ERR\)$/],
  ])('%s: `health()` says what is waited for', async (_what, source, waitsFor) => {
    const store = createRedisStore({ redis: source() })
    try {
      store.subscribe({ frame() {}, lost() {}, confirmed() {} })
      await eventually(() => store.health().status === 'away' && store.health().lastError !== undefined)
      expect(store.health().waitsFor).toMatch(waitsFor)
    } finally {
      await store.close()
    }
  })

  it('that is not there: a command that finds nobody hides no reason', async () => {
    const store = createRedisStore({ redis: 'redis://127.0.0.1:1' })
    try {
      await expect(store.bump(['t//x'], 'delete')).rejects.toMatchObject({ code: 'ERR_STORE_UNCONFIRMED' })
      expect(store.health()).toMatchObject({ status: 'away', lastError: 'ECONNREFUSED' })
    } finally {
      await store.close()
    }
  })

  it('that refuses what it is asked: `health()` says with which word, until it is connected to anew', async () => {
    const store = createRedisStore({ redis: server.url, timeout: 20_000 })
    try {
      await store.ready()
      expect(store.health().lastError).toBeUndefined()
      await server.command('ACL', 'SETUSER', 'default', '-eval', '-evalsha')
      await expect(store.bump(['t//x'], 'delete')).rejects.toThrow('NOPERM')
      expect(store.health()).toMatchObject({ status: 'ready', lastError: 'NOPERM' })
      await server.command('ACL', 'SETUSER', 'default', '+@all')
      await store.bump(['t//x'], 'delete')
      await server.restart()
      await eventually(() => store.health().reconnects > 0 && store.health().status === 'ready')
      expect(store.health().lastError).not.toBe('NOPERM')
    } finally {
      await server.command('ACL', 'SETUSER', 'default', '+@all')
      await store.close()
    }
  })

  it('no Cluster: is warned about once, for nobody would look at `health()` of a server that answers', async () => {
    const warnings: unknown[] = []
    const note = (warning: Error & { code?: string }): void => {
      if (warning.code === 'HOPSTASH_REDIS_CLUSTER') warnings.push(warning.message)
    }
    process.on('warning', note)
    const root = { url: `redis://localhost:${server.port}` }
    const stores = [1, 2].map(() => createRedisStore({ redis: { rootNodes: [root] } }))
    try {
      for (const store of stores) store.subscribe({ frame() {}, lost() {}, confirmed() {} })
      await eventually(() => stores.every((store) => store.health().lastError !== undefined) && warnings.length > 0)
      expect(warnings).toEqual([expect.stringMatching(/localhost.* is no Cluster.*nothing is cached.*URL/)])
    } finally {
      process.off('warning', note)
      await Promise.all(stores.map((store) => store.close()))
    }
  })
})
