import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/testing/fake-clock.js'
import type { WorkerOrder } from '../support/cluster-worker.js'
import { startFleet, type Worker } from '../support/fleet.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { startProxy, type TcpProxy } from '../support/tcp-proxy.js'
import { eventually, PATIENT_MS, pause, toldByNow } from './redis-world.js'

const MINUTE_MS = 60_000
/** How wrong the clocks of the hosts are. */
const OFFSETS = [0, 15 * MINUTE_MS, -15 * MINUTE_MS]
const STEPS = process.env['SCALE'] === 'full' ? 20_000 : 300
const SEED = Number(process.env['SEED'] ?? 1)
const source = new Map<string, number>()
/** Loads that end when the test says so, by key, in the order in which they begin. */
const held = new Map<string, Promise<unknown>[]>()

let server: RedisServer
let proxy: TcpProxy
/** Two with their own connection, the third behind a wire that can be made worse; the last one waits for nobody long. */
let p: Worker
let q: Worker
let r: Worker
let hasty: Worker

beforeAll(async () => {
  server = await startRedis({ persist: true })
  proxy = await startProxy(server.port)
  const inSource = (key: string) => held.get(key)?.shift() ?? { v: source.get(key) ?? 0 }
  const [direct, behind, inHaste] = await Promise.all([
    startFleet(server.url, 2, OFFSETS, inSource, PATIENT_MS),
    startFleet(proxy.url, 1, [OFFSETS[2] ?? 0], inSource, PATIENT_MS),
    startFleet(server.url, 1),
  ])
  ;[p, q] = direct as [Worker, Worker]
  ;[r] = behind as [Worker]
  ;[hasty] = inHaste as [Worker]
})

beforeEach(async () => {
  expect(await Promise.all([p, q, r, hasty].map((worker) => worker.ask('ready')))).toEqual(Array(4).fill(true))
})

afterEach(() => {
  proxy.held = false
  proxy.refuse = false
})

afterAll(async () => {
  await Promise.all([p, q, r, hasty].map((worker) => worker?.end()))
  await proxy.close()
  await server.stop()
})

const inMemory = (worker: Worker, key: string) => worker.ask('peek', key)
const gone = async (key: string) => {
  for (const worker of [p, q, r]) {
    expect(await worker.ask('get', key)).toBeUndefined()
    expect(await inMemory(worker, key)).toBeUndefined()
  }
}

/** A change that the store has taken: again where the machine stood still for too long. */
async function confirmed(worker: Worker, verb: WorkerOrder['verb'], key: string, value?: unknown): Promise<void> {
  await eventually(async () => (await worker.ask<{ store: string }>(verb, key, { value })).store === 'done')
}

/** Whatever was said before has reached every process: one that hears of a later change has heard of the earlier ones. */
async function told(): Promise<void> {
  const mark = ++marks
  await Promise.all([heardBy([q, r], p, `mark ${mark} p`), heardBy([p], q, `mark ${mark} q`)])
}
let marks = 0

async function heardBy(listeners: readonly Worker[], by: Worker, key: string): Promise<void> {
  await confirmed(by, 'set', key, 'mark')
  await Promise.all(listeners.map((worker) => hears(worker, key, 'mark')))
  await confirmed(by, 'delete', key)
  await Promise.all(listeners.map((worker) => eventually(async () => (await inMemory(worker, key)) === undefined)))
}

/** Has the next load of a key that asks wait until it is ended. */
function holdLoad(key: string): (value: unknown) => void {
  let end: (value: unknown) => void = () => {}
  const value = new Promise((resolve) => {
    end = resolve
  })
  held.set(key, [...(held.get(key) ?? []), value])
  return end
}

const loadBegun = (worker: Worker, key: string) => eventually(() => worker.loads.some((load) => load.key === key))
/** It keeps it in memory, so it hears of everything. */
const hears = (worker: Worker, key: string, value: unknown) =>
  eventually(async () => (await worker.ask('get', key)) === value && (await inMemory(worker, key)) === value)

describe('races of processes whose clocks are 15 minutes apart', () => {
  it.each(['delete', 'tag', 'clear'] as const)(
    '3: one loads, another says %s, the first ends: nobody has it',
    async (change) => {
      const key = `3 ${change}`
      const end = holdLoad(key)
      const loading = p.ask('read', key, { asks: true })
      await loadBegun(p, key)
      await confirmed(q, change, key)
      end('old')
      expect(await loading).toMatchObject({ values: ['old'] })
      await pause(100)
      await gone(key)
    },
  )

  it('5: a read of the store is in flight while another deletes: what it brings does not stay', async () => {
    await confirmed(p, 'set', '5', 'old')
    const before = proxy.bytesIn
    proxy.held = true
    const reading = r.ask('get', '5')
    // A ping of the connection is a few bytes, a question some hundred.
    await eventually(() => proxy.bytesIn - before > 100)
    await toldByNow(server)
    await confirmed(q, 'delete', '5')
    proxy.held = false
    await reading
    await told()
    await gone('5')
  })

  it('6: the bus is cut, others invalidate, it comes back: nothing from before is served', async () => {
    await confirmed(p, 'set', '6', 'old')
    await hears(r, '6', 'old')
    proxy.refuse = true
    await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
    // Who hears nothing any more takes nothing from memory without asking.
    await eventually(async () => (await inMemory(r, '6')) === undefined)
    await confirmed(p, 'delete', '6')
    expect(await r.ask('get', '6')).toBeUndefined()
    proxy.refuse = false
    await confirmed(p, 'set', '6 later', 'new')
    await hears(r, '6 later', 'new')
    await gone('6')
  })

  it('7: the store stands still, delete and set here, it goes on: their order is kept', async () => {
    for (const key of ['7 deleted', '7 set']) await confirmed(hasty, 'set', key, 'old')
    server.freeze()
    const deleted = hasty.ask('delete', '7 deleted')
    const first = await hasty.ask('set', '7 set', { value: 'first' })
    const second = await hasty.ask('set', '7 set', { value: 'second' })
    expect([await deleted, first, second].map((result) => (result as { store: string }).store)).toEqual(
      Array(3).fill('queued'),
    )
    expect(await hasty.ask('get', '7 set')).toBe('second')
    server.thaw()
    await confirmed(hasty, 'set', '7 later', 'new')
    for (const worker of [p, q, r]) await hears(worker, '7 later', 'new')
    await told()
    await gone('7 deleted')
    const found = await Promise.all([p, q, r].map((worker) => worker.ask('get', '7 set')))
    expect(new Set(found).size).toBe(1)
    expect(found[0]).not.toBe('old')
    expect(found[0]).not.toBe('first')
  })

  it('8: the store is killed and comes back with its data: memory is compared, new entries are not born invalid', async () => {
    await confirmed(p, 'set', '8', 'old')
    await hears(q, '8', 'old')
    await server.kill()
    expect(await p.ask('delete', '8')).toMatchObject({ store: 'queued' })
    await server.restart()
    // Again as long as others come back and tell the store once more what they told it lately, a clear among it.
    await eventually(async () => {
      await confirmed(p, 'set', '8 new', 'new')
      const found = [q, r].map(async (worker) => [await worker.ask('get', '8 new'), await inMemory(worker, '8 new')])
      return (await Promise.all(found)).flat().every((value) => value === 'new')
    })
    await told()
    await gone('8')
  })

  it('12: ages and lifetimes are the same everywhere, whatever the hosts think of the time', async () => {
    await confirmed(q, 'set', '12', 'v')
    await pause(1000)
    for (const worker of [p, q, r]) {
      const entry = await worker.ask<{ ageMs: number; ttlMs: number; status: string }>('entry', '12')
      expect(entry.status).toBe('hit')
      expect(entry.ageMs).toBeGreaterThan(500)
      // Older than it is, where the machine is slow; not by what their clocks are wrong.
      expect(entry.ageMs).toBeLessThan(10 * MINUTE_MS)
      expect(Math.abs(entry.ageMs + entry.ttlMs - 60 * MINUTE_MS)).toBeLessThan(MINUTE_MS)
    }
  })

  it('two saves that overlap in two processes leave no older value', async () => {
    const [endFirst, endSecond] = [holdLoad('saves'), holdLoad('saves')]
    const first = p.ask('save', 'saves', { asks: true, value: 'first' })
    await loadBegun(p, 'saves')
    const second = q.ask('save', 'saves', { asks: true, value: 'second' })
    await loadBegun(q, 'saves')
    endSecond(undefined)
    await second
    endFirst(undefined)
    await first
    await told()
    await gone('saves')
  })
})

describe('a change of the source, with a load in flight in another process', () => {
  it('commit first, then invalidate: the load from before the commit is refused, the next one has the new row', async () => {
    const row = { name: 'old' }
    const end = holdLoad('rules')
    const loading = q.ask('read', 'rules', { asks: true })
    await loadBegun(q, 'rules')
    const seen = row.name
    row.name = 'new'
    await confirmed(p, 'tag', 'rules')
    end(seen)
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
    const changes: { key: string; v: number; by: Worker; isTold: boolean }[] = []
    const changing = new Set<string>()
    const violations: string[] = []
    const read = async (worker: Worker, key: string): Promise<void> => {
      const least = changes.reduce(
        (most, change) =>
          change.key === key && (change.by === worker || change.isTold) ? Math.max(most, change.v) : most,
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
      if (result.store !== 'done') return
      const made = { key, v, by, isTold: false }
      changes.push(made)
      await told()
      made.isTold = true
    }
    const running: Promise<void>[] = []
    // As many changes as it takes: on a slow machine one of them waits for many steps.
    for (let step = 0; step < STEPS || changes.length <= STEPS / 20; step++) {
      const worker = pick([p, q, r])
      running.push(random() < 0.75 ? read(worker, pick(keys)) : change(worker, pick(keys)))
      await pause(random() * 8)
    }
    await Promise.all(running)
    await told()
    for (const worker of [p, q, r]) for (const key of keys) await read(worker, key)
    expect(violations, `SEED=${SEED}`).toEqual([])
  }, 120_000)
})
