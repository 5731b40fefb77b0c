import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createStash, namespace, type StashOptions } from '../../src/index.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { eventually, PATIENT_MS } from './redis-world.js'

let server: RedisServer

beforeAll(async () => {
  server = await startRedis()
})

beforeEach(async () => {
  await server.command('FLUSHALL')
})

afterAll(() => server.stop())

const ENTRY = '{hopstash:things:v1:k}:e'
const things = namespace<{ text: string }, string>({ ttl: '1h' })

async function stashWith(options: Partial<StashOptions<never>>) {
  const storeTimeout = PATIENT_MS
  const stash = createStash({ store: server.url as 'redis://', storeTimeout, ...options, namespaces: { things } })
  expect(await stash.ready(PATIENT_MS)).toBe(true)
  return stash
}

describe('options of the store', () => {
  it('encrypts what is stored, and takes a new key while entries of the old one live', async () => {
    const old = { id: 'old', key: new Uint8Array(32).fill(1) }
    const fresh = { id: 'new', key: new Uint8Array(32).fill(2) }
    const before = await stashWith({ encryption: { keys: [old] } })
    expect(await before.things.set('k', { text: 'canary' })).toMatchObject({ store: 'done' })
    expect(String(await server.command('GET', ENTRY))).not.toContain('canary')
    await before.close()
    const during = await stashWith({ encryption: { keys: [fresh, old] } })
    expect(await during.things.get('k')).toEqual({ text: 'canary' })
    await during.close()
    const after = await stashWith({ encryption: { keys: [fresh] } })
    expect(await after.things.get('k')).toBeUndefined()
    // Else a wrong key would look like a cold cache for ever.
    expect(after.health().store).toMatchObject({ unreadable: { decrypt: 1 } })
    await after.close()
  })

  it('counts what is no entry by its reason, whether its header says so or its body', async () => {
    const stash = await stashWith({ prefix: 'counted', compress: false })
    const entry = (key: string): string => `{counted:things:v1:${key}}:e`
    await stash.things.set('cut', { text: 'x'.repeat(2000) })
    await stash.things.set('other', { text: 'y' })
    await server.command('COPY', entry('other'), entry('moved'))
    await server.command('SETRANGE', entry('cut'), '1500', 'damage')
    await server.command('SET', entry('foreign'), 'not ours')
    const reader = await stashWith({ prefix: 'counted' })
    expect(await reader.things.getMany(['cut', 'moved', 'foreign', 'other'])).toEqual([
      undefined,
      undefined,
      undefined,
      { text: 'y' },
    ])
    expect(reader.health().store?.['unreadable']).toEqual({ corrupt: 1, key: 1, foreign: 1 })
    await Promise.all([stash.close(), reader.close()])
  })

  it('stores JSON that people can read, compressed beyond the threshold only', async () => {
    const stash = await stashWith({ codec: 'json', compress: { thresholdBytes: 1000 } })
    await stash.things.set('k', { text: 'canary' })
    expect(String(await server.command('GET', ENTRY))).toContain('{"text":"canary"}')
    await stash.things.set('k', { text: 'canary'.repeat(1000) })
    expect(Number(await server.command('STRLEN', ENTRY))).toBeLessThan(1000)
    expect(await stash.things.get('k')).toEqual({ text: 'canary'.repeat(1000) })
    await stash.close()
  })

  it("gives up what is stored at a restart only where told 'distrust'", async () => {
    for (const [policy, kept] of [
      ['distrust', undefined],
      ['trust', { text: 'kept' }],
    ] as const) {
      const stash = await stashWith({ onStoreRestart: policy, prefix: policy })
      await stash.things.set('k', { text: 'kept' })
      await server.command('HSET', `{${policy}}:ctl`, 'run', 'of-another-server')
      await server.command('CLIENT', 'KILL', 'TYPE', 'normal')
      await eventually(() => Number(stash.health().store?.reconnects) > 0 && stash.health().status === 'ok')
      expect([policy, await stash.things.get('k')]).toEqual([policy, kept])
      await stash.close()
    }
  })

  it('waits for a frozen store as long as told, and serves nothing from before with `maxDisconnected: 0`', async () => {
    const stash = await stashWith({ storeTimeout: 60, maxDisconnected: 0 })
    const patient = await stashWith({ prefix: 'patient' })
    await eventually(async () => (await stash.things.set('k', { text: 'held' })).store === 'done')
    server.freeze()
    let isAnswered = false
    const waiting = patient.things.get('other').then(() => {
      isAnswered = true
    })
    expect(await stash.things.get('other')).toBeUndefined()
    expect(isAnswered).toBe(false)
    expect(await stash.things.get('k')).toBeUndefined()
    server.thaw()
    await waiting
    await Promise.all([stash.close(), patient.close()])
  })
})
