import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/testing/fake-clock.js'
import { startFleet, type Worker } from '../support/fleet.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { startProxy, type TcpProxy } from '../support/tcp-proxy.js'
import { eventually, pause } from './redis-world.js'

const MINUTE_MS = 60_000
/** How wrong the clocks of the hosts are. */
const OFFSETS = [0, 15 * MINUTE_MS, -15 * MINUTE_MS]
const STEPS = process.env['SCALE'] === 'full' ? 20_000 : 300
const SEED = Number(process.env['SEED'] ?? 1)
/** A message's way on a busy machine. */
const MESSAGE_MS = 500
const source = new Map<string, number>()

let server: RedisServer
let proxy: TcpProxy
/** Two with their own connection, the third behind a wire that can be made worse. */
let p: Worker
let q: Worker
let r: Worker

beforeAll(async () => {
  server = await startRedis({ persist: true })
  proxy = await startProxy(server.port)
  const inSource = (key: string) => ({ v: source.get(key) ?? 0 })
  const [direct, behind] = await Promise.all([
    startFleet(server.url, 2, OFFSETS, inSource),
    startFleet(proxy.url, 1, [OFFSETS[2] ?? 0], inSource),
  ])
  ;[p, q] = direct as [Worker, Worker]
  r = behind[0] as Worker
})

beforeEach(async () => {
  await Promise.all([p, q, r].map((worker) => worker.ask('ready')))
})

afterEach(() => {
  proxy.delayMs = 0
  proxy.refuse = false
})

afterAll(async () => {
  await Promise.all([p, q, r].map((worker) => worker?.end()))
  await proxy.close()
  await server.stop()
})

const held = (worker: Worker, key: string) => worker.ask('peek', key)
const gone = async (key: string) => {
  for (const worker of [p, q, r]) {
    expect(await worker.ask('get', key)).toBeUndefined()
    expect(await held(worker, key)).toBeUndefined()
  }
}

describe('races of processes whose clocks are 15 minutes apart', () => {
  it.each(['delete', 'tag', 'clear'] as const)(
    '3: one loads, another says %s, the first ends: nobody has it',
    async (change) => {
      const loading = p.ask('read', `3 ${change}`, { loadMs: 400, value: 'old' })
      await pause(150)
      expect(await q.ask(change, `3 ${change}`)).toMatchObject({ store: 'done' })
      expect(await loading).toMatchObject({ values: ['old'] })
      await pause(100)
      await gone(`3 ${change}`)
    },
  )

  it('5: a read of the store is in flight while another deletes: what it brings does not stay', async () => {
    await p.ask('set', '5', { value: 'old' })
    proxy.delayMs = 100
    const reading = r.ask('get', '5')
    await pause(50)
    expect(await q.ask('delete', '5')).toMatchObject({ store: 'done' })
    await reading
    proxy.delayMs = 0
    await pause(400)
    await gone('5')
  })

  it('6: the bus is cut, others invalidate, it comes back: nothing from before is served', async () => {
    await p.ask('set', '6', { value: 'old' })
    await eventually(async () => (await r.ask('get', '6')) === 'old' && (await held(r, '6')) === 'old')
    proxy.refuse = true
    await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await pause(200)
    expect(await p.ask('delete', '6')).toMatchObject({ store: 'done' })
    expect(await r.ask('get', '6')).toBeUndefined()
    proxy.refuse = false
    await pause(1500)
    await gone('6')
  })

  it('7: the store stands still, delete and set here, it goes on: their order is kept', async () => {
    await p.ask('set', '7 deleted', { value: 'old' })
    await p.ask('set', '7 set', { value: 'old' })
    server.freeze()
    const deleted = p.ask('delete', '7 deleted')
    const first = await p.ask('set', '7 set', { value: 'first' })
    const second = await p.ask('set', '7 set', { value: 'second' })
    expect([await deleted, first, second].map((result) => (result as { store: string }).store)).toEqual(
      Array(3).fill('queued'),
    )
    expect(await p.ask('get', '7 set')).toBe('second')
    server.thaw()
    await eventually(async () => ((await p.ask('set', '7 later', { value: 1 })) as { store: string }).store === 'done')
    await pause(500)
    await gone('7 deleted')
    for (const worker of [p, q, r]) expect(await worker.ask('get', '7 set')).not.toBe('old')
    const found = await Promise.all([p, q, r].map((worker) => worker.ask('get', '7 set')))
    expect(new Set(found).size).toBe(1)
    expect(found[0]).not.toBe('first')
  })

  it('8: the store is killed and comes back with its data: memory is compared, new entries are not born invalid', async () => {
    await p.ask('set', '8', { value: 'old' })
    await q.ask('get', '8')
    await server.kill()
    expect(await p.ask('delete', '8')).toMatchObject({ store: 'queued' })
    await server.restart()
    await eventually(async () => ((await p.ask('set', '8 new', { value: 1 })) as { store: string }).store === 'done')
    await eventually(async () => (await q.ask('get', '8')) === undefined)
    await eventually(async () => (await r.ask('get', '8 new')) === 1 && (await held(r, '8 new')) === 1)
    await pause(500)
    await gone('8')
  }, 30_000)

  it('12: ages and lifetimes are the same everywhere, whatever the hosts think of the time', async () => {
    await q.ask('set', '12', { value: 'v' })
    await pause(1000)
    for (const worker of [p, q, r]) {
      const entry = await worker.ask<{ ageMs: number; ttlMs: number; status: string }>('entry', '12')
      expect(entry.status).toBe('hit')
      expect(entry.ageMs).toBeGreaterThanOrEqual(900)
      expect(entry.ageMs).toBeLessThan(1000 + 1500)
      expect(Math.abs(entry.ageMs + entry.ttlMs - 60 * MINUTE_MS)).toBeLessThan(1000)
    }
  })

  it('two saves that overlap in two processes leave no older value', async () => {
    const saves = [
      p.ask('save', 'saves', { loadMs: 300, value: 'first' }),
      q.ask('save', 'saves', { loadMs: 150, value: 'second' }),
    ]
    await Promise.all(saves)
    await pause(200)
    await gone('saves')
  })
})

describe('a change of the source, with a load in flight in another process', () => {
  it('commit first, then invalidate: the load from before the commit is refused, the next one has the new row', async () => {
    const row = { name: 'old' }
    const loading = q.ask('read', 'rules', { loadMs: 300, value: row.name })
    await pause(100)
    row.name = 'new'
    expect(await p.ask('tag', 'rules')).toMatchObject({ store: 'done' })
    expect(await loading).toMatchObject({ values: ['old'] })
    expect(await q.ask('read', 'rules', { value: row.name })).toMatchObject({ values: ['new'] })
    await eventually(async () => (await p.ask('get', 'rules')) === 'new')
  })

  it('invalidate first, then commit: a load in between keeps the old row, which is why the order matters', async () => {
    const row = { name: 'old' }
    await p.ask('tag', 'rules broken')
    expect(await q.ask('read', 'rules broken', { value: row.name })).toMatchObject({ values: ['old'] })
    row.name = 'new'
    await eventually(async () => (await p.ask('get', 'rules broken')) === 'old')
  })
})

describe('random work of three processes whose clocks are 15 minutes apart', () => {
  it('never returns what was invalidated', async () => {
    const random = seededRandom(SEED)
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
    const keys = ['a', 'b', 'c']
    const changes: { key: string; v: number; at: number; by: Worker }[] = []
    const changing = new Set<string>()
    const violations: string[] = []
    const read = async (worker: Worker, key: string): Promise<void> => {
      const now = performance.now()
      const least = changes.reduce(
        (most, change) =>
          change.key === key && (change.by === worker || change.at <= now - MESSAGE_MS)
            ? Math.max(most, change.v)
            : most,
        0,
      )
      const found =
        random() < 0.5
          ? (await worker.ask<{ values: { v: number }[] }>('read', key, { loadMs: random() * 20, asks: true }))
              .values[0]
          : await worker.ask<{ v: number } | undefined>('get', key)
      if (found !== undefined && found.v < least) violations.push(`${key}: v${found.v}, not v${least} or later`)
    }
    const change = async (by: Worker, key: string): Promise<void> => {
      if (changing.has(key)) return
      changing.add(key)
      const v = (source.get(key) ?? 0) + 1
      source.set(key, v)
      const result = await by.ask<{ store?: string }>(pick(['delete', 'set', 'tag', 'clear']), key, { value: { v } })
      changing.delete(key)
      if (result.store === 'done') changes.push({ key, v, at: performance.now(), by })
    }
    const running: Promise<void>[] = []
    for (let step = 0; step < STEPS; step++) {
      const worker = pick([p, q, r])
      running.push(random() < 0.75 ? read(worker, pick(keys)) : change(worker, pick(keys)))
      await pause(random() * 8)
    }
    await Promise.all(running)
    await pause(MESSAGE_MS)
    for (const worker of [p, q, r]) for (const key of keys) await read(worker, key)
    expect(violations, `SEED=${SEED}`).toEqual([])
    expect(changes.length).toBeGreaterThan(STEPS / 20)
  }, 120_000)
})
