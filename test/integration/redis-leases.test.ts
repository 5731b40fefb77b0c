import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createStash, namespace } from '../../src/index.js'
import { startFleet, type Worker } from '../support/fleet.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { startProxy } from '../support/tcp-proxy.js'
import { eventually, PATIENT_MS } from './redis-world.js'

/** What loads wait for, by key; loads of other keys end at once. */
const held = new Map<string, Promise<unknown>>()

let server: RedisServer
/** The first is killed and the second stands still, each in its own test: both only follow in the others. */
let fleet: readonly [Worker, Worker, Worker, Worker]

beforeAll(async () => {
  server = await startRedis()
  const source = (key: string) => held.get(key)
  fleet = (await startFleet(server.url, 4, [], source, PATIENT_MS)) as [Worker, Worker, Worker, Worker]
}, 120_000)

afterAll(async () => {
  await Promise.all(fleet.map((worker) => worker.end()))
  await server.stop()
})

/** Has loads of a key wait until they are told what to bring. */
function hold(key: string): (value: unknown) => void {
  let bring: (value: unknown) => void = () => {}
  held.set(
    key,
    new Promise((resolve) => {
      bring = resolve
    }),
  )
  return bring
}

const loadsOf = (key: string) => fleet.flatMap(({ loads }) => loads.filter((load) => load.key === key))

/** Resolves when what these have asked the store before has been answered: reads and leases take two round trips. */
async function untilAsked(...workers: readonly Worker[]): Promise<void> {
  for (const round of [1, 2, 3, 4]) await Promise.all(workers.map((worker) => worker.ask('get', `round ${round}`)))
}

type AtEnd = (end: () => Promise<void>) => void

/** Two stashes over a server of their own, with connections of their own: the second one's can be refused. */
async function openPair(atEnd: AtEnd) {
  const own = await startRedis()
  atEnd(() => own.stop())
  const proxy = await startProxy(own.port)
  atEnd(() => proxy.close())
  return { own, proxy, leader: await openStash(own.url, atEnd), follower: await openStash(proxy.url, atEnd) }
}

async function openStash(url: string, atEnd: AtEnd) {
  const things = namespace<number, string>({ ttl: '1h', coalesce: 'cluster' })
  const stash = createStash({ store: url as 'redis://', storeTimeout: PATIENT_MS, namespaces: { things } })
  atEnd(() => stash.close())
  expect(await stash.ready(PATIENT_MS)).toBe(true)
  await eventually(() => stash.health().store?.bus === 'confirmed')
  return stash.things
}

/** A load in this process that ends when it is told to. */
function heldLoad() {
  const seen = { loads: 0 }
  let end: (value: number) => void = () => {}
  const value = new Promise<number>((resolve) => {
    end = resolve
  })
  const load = (): Promise<number> => {
    seen.loads++
    return value
  }
  return { load, seen, end: (given: number) => end(given) }
}

describe('single flight across processes', () => {
  it('4 processes with 1,000 callers each of a cold key: one load', async () => {
    for (const key of ['cold 1', 'cold 2']) {
      const bring = hold(key)
      const answers = fleet.map((worker) => worker.ask('read', key, { callers: 1000, asks: true }))
      await eventually(() => loadsOf(key).length > 0)
      await untilAsked(...fleet)
      bring({ of: key })
      expect(await Promise.all(answers)).toEqual(Array(4).fill({ callers: 1000, values: [{ of: key }] }))
      expect(loadsOf(key).length).toBe(1)
    }
  })

  it('a loader that fails: the others load for themselves', async () => {
    const [, , leader, ...more] = fleet
    const others = [fleet[0], fleet[1], ...more]
    const bring = hold('failing')
    const failing = leader
      .ask('read', 'failing', { asks: true, fails: true })
      .catch((error: Error) => error.message) as Promise<unknown>
    await eventually(() => leader.loads.some(({ key }) => key === 'failing'))
    const reads = others.map((worker) => worker.ask('read', 'failing', { value: 'up' }))
    await untilAsked(...others)
    bring(undefined)
    expect(await failing).toBe('down')
    expect(await Promise.all(reads)).toEqual(Array(3).fill({ callers: 1, values: ['up'] }))
    expect(leader.loads.filter(({ key }) => key === 'failing').length).toBe(1)
  })
})

// Each waits for a lease to lapse; side by side, for they have nothing to do with one another.
describe.concurrent('a leader that is not heard of', () => {
  it('was killed: one more load, by one of the others', async () => {
    const [leader, , ...followers] = fleet
    hold('killed')
    void leader.ask('read', 'killed', { asks: true }).catch(() => {})
    await eventually(() => leader.loads.some(({ key }) => key === 'killed'))
    const reads = followers.map((worker) => worker.ask('read', 'killed', { callers: 100, value: 2 }))
    await untilAsked(...followers)
    expect(loadsOf('killed').length).toBe(1)
    leader.signal('SIGKILL')
    expect(await Promise.all(reads)).toEqual(Array(2).fill({ callers: 100, values: [2] }))
    expect(loadsOf('killed').length).toBe(2)
  }, 60_000)

  it('stood still past its lease: its write is refused, and nobody ever sees its value', async () => {
    const [, leader, second, third] = fleet
    const bring = hold('paused')
    const paused = leader.ask('read', 'paused', { asks: true })
    await eventually(() => leader.loads.some(({ key }) => key === 'paused'))
    leader.signal('SIGSTOP')
    const bringSecond = hold('paused')
    const read = second.ask('read', 'paused', { asks: true })
    await eventually(() => second.loads.some(({ key }) => key === 'paused'))
    leader.signal('SIGCONT')
    bring('old')
    expect(await paused).toEqual({ callers: 1, values: ['old'] })
    // What it sends now is answered behind its write.
    await leader.ask('set', 'behind')
    expect(await third.ask('get', 'paused')).toBeUndefined()
    bringSecond('new')
    expect(await read).toEqual({ callers: 1, values: ['new'] })
    for (const worker of [leader, second, third]) {
      await eventually(async () => (await worker.ask('get', 'paused')) === 'new')
    }
    expect(loadsOf('paused').length).toBe(2)
  }, 60_000)

  it('is done, and its notification is lost: no second load, and the value at the lapse at the latest', async ({
    onTestFinished,
  }) => {
    const { own, proxy, leader, follower: deaf } = await openPair(onTestFinished)
    const leading = heldLoad()
    const following = heldLoad()
    const first = leader.getOrSet('k', leading.load)
    await eventually(() => leading.seen.loads === 1)
    const second = deaf.getOrSet('k', following.load)
    for (const round of [1, 2, 3, 4]) await deaf.get(`round ${round}`)
    // Its subscription is gone, and does not come back.
    proxy.refuse = true
    await own.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
    leading.end(1)
    expect(await first).toBe(1)
    expect(await second).toBe(1)
    expect(following.seen.loads).toBe(0)
  }, 60_000)

  it('is there, but the store is not: who followed loads for himself', async ({ onTestFinished }) => {
    const { own, leader, follower } = await openPair(onTestFinished)
    const leading = heldLoad()
    const first = leader.getOrSet('k', leading.load)
    await eventually(() => leading.seen.loads === 1)
    const second = follower.getOrSet('k', () => 2)
    for (const round of [1, 2, 3, 4]) await follower.get(`round ${round}`)
    await own.kill()
    // The leader still loads.
    expect(await second).toBe(2)
    leading.end(1)
    expect(await first).toBe(1)
  }, 60_000)
})
