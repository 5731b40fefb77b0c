import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import {
  eventually,
  pause,
  type RedisProcess,
  setConnected,
  startProcess,
  type Thing,
  toldByNow,
  untilConnected,
} from './redis-world.js'

let server: RedisServer
let p: RedisProcess
let q: RedisProcess

beforeAll(async () => {
  server = await startRedis()
  p = await startProcess(server.url)
  q = await startProcess(server.url)
  await untilConnected(p, q)
})

afterAll(async () => {
  await Promise.all([p?.stash.close(), q?.stash.close()])
  await server.stop()
})

describe('two processes on one Redis', () => {
  it('share what one of them loaded', async () => {
    await p.things.getOrSet('shared', async () => ({ v: 1 }))
    // The caller has its value before anything is published.
    await eventually(async () => (await q.things.get('shared')) !== undefined)
    expect(await q.things.getOrSet('shared', async () => ({ v: 2 }))).toEqual({ v: 1 })
  })

  it.each([
    ['delete', () => p.things.delete('k')],
    ['clear', () => p.things.clear()],
    ['invalidateTags', () => p.things.invalidateTags(['all-things'])],
    ['set', () => p.things.set('k', { v: 2 })],
  ])('see a %s of the other in memory at once', async (_verb, change) => {
    await setConnected(p, 'k', 1)
    await eventually(async () => (await q.things.get('k'))?.v === 1 && q.things.peek('k')?.v === 1)
    expect(await change()).toMatchObject({ store: 'done' })
    // The message leaves with the answer.
    await toldByNow(server)
    expect(q.things.peek('k')?.v).not.toBe(1)
    expect((await q.things.get('k'))?.v).not.toBe(1)
  })

  it('refuse the write of a load that a delete elsewhere overtook', async () => {
    const held = gate()
    const loading = p.things.getOrSet('race', held.load)
    await held.begun
    await q.things.delete('race')
    held.open({ v: 1 })
    expect(await loading).toEqual({ v: 1 })
    await pause(50)
    expect(await q.things.get('race')).toBeUndefined()
    expect(await p.things.getOrSet('race', async () => ({ v: 2 }))).toEqual({ v: 2 })
  })

  it('refuse the write of a load that an invalidation of its tag overtook', async () => {
    const held = gate()
    const loading = p.things.getOrSet('tagged', held.load)
    await held.begun
    await q.things.invalidateTags(['all-things'])
    held.open({ v: 1 })
    await loading
    await pause(50)
    expect(await q.things.get('tagged')).toBeUndefined()
    expect(p.things.peek('tagged')).toBeUndefined()
  })

  it('expire softly: the other serves it no longer as fresh', async () => {
    await p.things.set('soft', { v: 1 })
    expect(await q.things.get('soft')).toEqual({ v: 1 })
    await p.things.expire('soft')
    await eventually(() => q.things.peek('soft') === undefined)
    expect(await q.things.getOrSet('soft', async () => ({ v: 2 }))).toEqual({ v: 2 })
  })

  it('send heartbeats while nothing else is said', async () => {
    const published = async () =>
      Number(/cmdstat_publish:calls=(\d+)/.exec(String(await server.command('INFO', 'commandstats')))?.[1])
    const before = await published()
    await eventually(async () => (await published()) >= before + 2)
  })

  it('survive SCRIPT FLUSH without anybody noticing', async () => {
    await p.things.set('flush', { v: 1 })
    await server.command('SCRIPT', 'FLUSH')
    expect(await q.things.get('flush')).toEqual({ v: 1 })
    expect(await p.things.delete('flush')).toMatchObject({ store: 'done' })
    await eventually(() => q.things.peek('flush') === undefined)
    expect(await q.things.get('flush')).toBeUndefined()
    expect(p.tier.link.away || q.tier.link.away).toBe(false)
  })

  it('treat another type, foreign bytes and damaged entries as a miss that the next load overwrites', async () => {
    const key = '{hopstash:things:v1:odd}:e'
    const damages: readonly (readonly string[])[] = [
      ['LPUSH', key, 'a'],
      ['SET', key, '{"v":1,"__proto__":{"polluted":true}}'],
      ['SET', key, ''],
      ['SET', key, `\u00c1H\u0001${'x'.repeat(300)}`],
    ]
    const unreadable = (): number =>
      [p, q].flatMap(({ store }) => Object.values(store.health().unreadable)).reduce((sum, one) => sum + one, 0)
    const before = unreadable()
    for (const [version, damage] of damages.entries()) {
      await p.things.delete('odd')
      await server.command('DEL', key)
      await server.command(...damage)
      expect(await p.things.getOrSet('odd', async () => ({ v: version }))).toEqual({ v: version })
      await eventually(async () => (await q.things.get('odd'))?.v === version)
    }
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    expect(unreadable() - before).toBeGreaterThanOrEqual(3)
    expect(p.tier.link.away).toBe(false)
  })

  it('go on after CLIENT KILL of every connection, and distrust what they may have missed', async () => {
    await setConnected(p, 'kept', 1)
    await q.things.get('kept')
    const { reconnects } = q.store.health()
    await server.command('CLIENT', 'KILL', 'TYPE', 'normal')
    await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await eventually(() => q.store.health().reconnects > reconnects)
    await untilConnected(p, q)
    await eventually(async () => (await q.things.get('kept'))?.v === 1 && q.things.peek('kept')?.v === 1)
    await eventually(async () => (await p.things.delete('kept')).store === 'done')
    await toldByNow(server)
    expect(q.things.peek('kept')).toBeUndefined()
  })
})

/** A loader that says when it has begun, and ends when the test says so. */
function gate() {
  let [begin, open]: [() => void, (value: Thing) => void] = [() => {}, () => {}]
  const begun = new Promise<void>((resolve) => {
    begin = resolve
  })
  const opened = new Promise<Thing>((resolve) => {
    open = resolve
  })
  const load = (): Promise<Thing> => {
    begin()
    return opened
  }
  return { begun, open, load }
}
