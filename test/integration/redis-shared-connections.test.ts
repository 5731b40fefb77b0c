import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createStash, namespace } from '../../src/index.js'
import { sharedConnectionCount } from '../../src/redis/shared-connection.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { eventually, PATIENT_MS, pause } from './redis-world.js'

let server: RedisServer
const ends: (() => Promise<unknown>)[] = []

beforeEach(async () => {
  server = await startRedis()
  ends.push(() => server.stop())
})

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const things = () => namespace<number, string>({ ttl: '1h' })

async function stashOf(prefix: string, url = server.url) {
  const stash = createStash({
    store: url as 'redis://',
    prefix,
    storeTimeout: PATIENT_MS,
    namespaces: { things: things() },
  })
  ends.push(() => stash.close())
  expect(await stash.ready(PATIENT_MS)).toBe(true)
  return stash
}

// Those of the tests' own commands come and go.
const connections = async () =>
  String(await server.command('CLIENT', 'LIST'))
    .split('\n')
    .filter((line) => / sub=1 | sub=2 |hopstash/.test(line) || /cmd=(evalsha|subscribe|ping|hmget|time)/.test(line))
    .length

describe('stashes of one process at one server', () => {
  it('share two connections, and the last one closes them', async () => {
    const [a, b, c] = [await stashOf('a'), await stashOf('b'), await stashOf('c')]
    await eventually(() => [a, b, c].every((stash) => stash.health().store?.bus === 'confirmed'))
    expect(sharedConnectionCount()).toBe(2)
    expect(await connections()).toBe(2)
    for (const stash of [a, b, c]) expect(await stash.things.set('k', 1)).toEqual({ memory: 'done', store: 'done' })
    await a.close()
    await b.close()
    expect(await c.things.set('k', 2)).toEqual({ memory: 'done', store: 'done' })
    expect(c.health()).toMatchObject({ status: 'ok', store: { bus: 'confirmed' } })
    await c.close()
    expect(sharedConnectionCount()).toBe(0)
    await eventually(async () => (await connections()) === 0)
  })

  it('of one prefix hear of each other, and are warned about once', async () => {
    const warnings: unknown[] = []
    const note = (warning: Error & { code?: string }) => void warnings.push(warning.code)
    process.on('warning', note)
    ends.push(async () => void process.off('warning', note))
    const [a, b, c] = [await stashOf('twice'), await stashOf('twice'), await stashOf('twice')]
    await a.things.set('k', 1)
    expect(await b.things.get('k')).toBe(1)
    await a.things.delete('k')
    await eventually(() => b.things.peek('k') === undefined)
    await pause(20)
    expect(warnings.filter((code) => code === 'HOPSTASH_STORE_SHARED')).toHaveLength(1)
    await Promise.all([a.close(), b.close(), c.close()])
  })

  it('are all there again after an outage, also one that was made in it', async () => {
    const a = await stashOf('a')
    await a.things.set('k', 1)
    await server.kill()
    await eventually(async () => (await a.things.delete('k')).store === 'queued')
    const b = createStash({ store: server.url as 'redis://', prefix: 'b', namespaces: { things: things() } })
    ends.push(() => b.close())
    expect(await b.things.getOrSet('k', () => 5)).toBe(5)
    expect(await b.ready(50)).toBe(false)
    await server.restart()
    await eventually(() => [a, b].every((stash) => stash.health().status === 'ok'))
    expect(await b.things.set('k', 6)).toEqual({ memory: 'done', store: 'done' })
    expect(await a.things.get('k')).toBeUndefined()
  })

  it('do not suffer from one that cannot be prepared', async () => {
    const a = await stashOf('good')
    await server.command('SET', '{bad}:ctl', 'of somebody else')
    const b = createStash({ store: server.url as 'redis://', prefix: 'bad', namespaces: { things: things() } })
    ends.push(() => b.close())
    expect(await b.things.getOrSet('k', () => 1)).toBe(1)
    expect(b.health().status).toBe('degraded')
    expect(b.health().store).toMatchObject({ lastError: 'WRONGTYPE' })
    expect(await a.things.set('k', 2)).toEqual({ memory: 'done', store: 'done' })
    expect(a.health().status).toBe('ok')
    await server.command('DEL', '{bad}:ctl')
    await eventually(() => b.health().status === 'ok')
  })

  it('as users of their own do not share', async () => {
    await server.command('ACL', 'SETUSER', 'app', 'on', '>pw', '~*', '&*', '+@all')
    const a = await stashOf('a')
    const b = await stashOf('b', `redis://app:pw@127.0.0.1:${server.port}`)
    await eventually(() => [a, b].every((stash) => stash.health().store?.bus === 'confirmed'))
    expect(sharedConnectionCount()).toBe(4)
  })
})
