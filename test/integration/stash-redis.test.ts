import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createStash, namespace, OptionError } from '../../src/index.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { eventually, PATIENT_MS, toldByNow } from './redis-world.js'

let server: RedisServer

beforeAll(async () => {
  server = await startRedis()
})

afterAll(() => server.stop())

const evaluation = { jobId: 'j1', resume: { name: 'X' }, resumeId: '42' }
const patient = { storeTimeout: PATIENT_MS }

describe('createStash over a real Redis', () => {
  it('shares values between two stashes, types and all, and drops them everywhere on an invalidation', async () => {
    const store = `redis://127.0.0.1:${server.port}` as const
    const [a, b] = [
      createStash({ ...patient, store, prefix: 'share' }),
      createStash({ ...patient, store, prefix: 'share' }),
    ]
    expect(await a.ready(PATIENT_MS)).toBe(true)
    expect(await b.ready(PATIENT_MS)).toBe(true)
    let loads = 0
    const load = async () => ({ n: ++loads, at: new Date(5), map: new Map([['a', 1]]), bytes: new Uint8Array([1, 2]) })
    const first = await a.evaluation.getOrSet(evaluation, load)
    await eventually(async () => (await b.evaluation.get(evaluation)) !== undefined)
    expect(await b.evaluation.getOrSet(evaluation, load)).toEqual(first)
    expect(loads).toBe(1)
    expect(await b.evaluation.getEntry(evaluation)).toMatchObject({ status: 'hit', tags: ['job:j1', 'resume:42'] })
    expect(await a.invalidateTags(['resume:42'])).toEqual({ memory: 'done', store: 'done' })
    await eventually(() => b.evaluation.peek(evaluation) === undefined)
    expect(await b.evaluation.get(evaluation)).toBeUndefined()
    await Promise.all([a.close(), b.close()])
  })

  it('keeps answering, and says so, while the store is gone', async () => {
    const own = await startRedis()
    const stash = createStash({
      ...patient,
      store: `redis://127.0.0.1:${own.port}`,
      namespaces: { things: namespace({ ttl: '1h' }) },
    })
    expect(await stash.ready(PATIENT_MS)).toBe(true)
    await stash.things.getOrSet('k', () => 1)
    await eventually(async () => (await own.command('EXISTS', '{hopstash:things:v1:k}:e')) === 1)
    await toldByNow(own)
    await own.kill()
    expect(await stash.things.getOrSet('k', () => 2)).toBe(1)
    expect(await stash.things.getOrSet('other', () => 3)).toBe(3)
    expect(await stash.things.delete('k')).toEqual({ memory: 'done', store: 'queued' })
    expect(await stash.things.getOrSet('k', () => 4)).toBe(4)
    expect(stash.health()).toMatchObject({ status: 'degraded', store: { kind: 'redis', away: true } })
    await expect(stash.things.delete('k', { require: 'store' })).rejects.toMatchObject({
      code: 'ERR_STORE_UNCONFIRMED',
    })
    await stash.close()
    await own.stop()
  })

  it('says that the store is gone without being asked for anything', async () => {
    const own = await startRedis()
    const namespaces = { things: namespace({ ttl: '1h' }) }
    const stash = createStash({ ...patient, store: own.url as 'redis://', namespaces })
    expect(await stash.ready(PATIENT_MS)).toBe(true)
    await own.kill()
    await eventually(() => stash.health().status === 'degraded')
    expect(stash.health().store).toMatchObject({ away: true, waitsFor: expect.stringMatching('a connection') })
    await own.restart()
    await eventually(() => stash.health().status === 'ok')
    expect(stash.health().store).toMatchObject({ away: false, pending: 0 })
    await stash.close()
    await own.stop()
  })

  it('treats a key without a canonical form as memory does: reads bypass', async () => {
    const store = `redis://127.0.0.1:${server.port}` as const
    const stash = createStash({ ...patient, store, prefix: 'odd', namespaces: { things: namespace({ ttl: '1h' }) } })
    expect(await stash.ready(PATIENT_MS)).toBe(true)
    expect(await stash.things.get(() => 1)).toBeUndefined()
    expect(await stash.things.getMany(['k', () => 1])).toEqual([undefined, undefined])
    await stash.close()
  })

  it('takes a Keyv adapter, too', async () => {
    const adapter = new Map<string, string>()
    const stash = createStash({ store: adapter, namespaces: { things: namespace<number, string>({ ttl: '1h' }) } })
    expect(await stash.things.getOrSet('k', () => 1)).toBe(1)
    await eventually(() => adapter.size > 0)
    await stash.close()
  })

  it('refuses what is no store, without showing it', () => {
    expect(() => createStash({ store: 'htp://user:secret@x' as 'redis://x' })).toThrow(OptionError)
    expect(() => createStash({ store: 'redis://user:secret@:nowhere' })).toThrow(/store/)
    try {
      createStash({ store: 'htp://user:secret@x' as 'redis://x' })
    } catch (error) {
      expect(String(error)).not.toContain('secret')
    }
  })
})
