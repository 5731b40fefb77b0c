import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRedisStore, type RedisStore } from '../../src/stores/redis.js'
import type { ContractStore } from '../../src/testing/contract-trial.js'
import { sharedStoreContract } from '../../src/testing/store-contract.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { startProxy } from '../support/tcp-proxy.js'
import { PATIENT_MS } from './redis-world.js'

let server: RedisServer

beforeAll(async () => {
  server = await startRedis()
})

afterAll(() => server.stop())

describe('the public contract of a shared store, on a real Redis', () => {
  it.each(sharedStoreContract({ create: () => open() }))('$name', ({ run }) => run())
})

const NAMES = { control: '{hopstash}:ctl', log: '{hopstash}:log' }

async function open(): Promise<ContractStore> {
  await server.command('FLUSHALL')
  const proxy = await startProxy(server.port)
  const timeout = PATIENT_MS
  const [one, two] = [server.url, proxy.url].map((redis) => createRedisStore({ redis, timeout })) as [
    RedisStore,
    RedisStore,
  ]
  expect(await Promise.all([one.ready(PATIENT_MS), two.ready(PATIENT_MS)])).toEqual([true, true])
  return {
    one,
    two,
    wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    async evict(what, key) {
      const own = what === 'entry' ? `{${key}}:e` : `{${key}}:t`
      const shared = typeof what === 'object' ? `{hopstash}:m:${what.marker}` : undefined
      await server.command('DEL', shared ?? (what === 'control' || what === 'log' ? NAMES[what] : own))
    },
    async empty() {
      await server.command('FLUSHALL')
    },
    async cutBus() {
      proxy.refuse = true
      await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
    },
    healBus() {
      proxy.refuse = false
    },
    async close() {
      await Promise.all([one.close(), two.close()])
      await proxy.close()
    },
  }
}
