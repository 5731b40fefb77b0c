import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startFleet, type Worker } from '../support/fleet.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { startProxy } from '../support/tcp-proxy.js'
import { eventually, pause } from './redis-world.js'

const LEASE_MS = 5000
/** What a busy machine adds. */
const SLACK_MS = 600

let server: RedisServer
let fleet: Worker[] = []

beforeAll(async () => {
  server = await startRedis()
})

afterEach(async () => {
  await Promise.all(fleet.map((worker) => worker.end()))
  fleet = []
})

afterAll(() => server.stop())

const loadsOf = (key: string) =>
  fleet.flatMap(({ loads }) => loads.filter((load) => load.key === key)).sort((a, b) => a.at - b.at)

describe('single flight across processes', () => {
  it('4 processes with 1,000 callers each of a cold key, whose load takes 300 ms: one load', async () => {
    fleet = await startFleet(server.url, 4)
    for (const round of [1, 2, 3]) {
      const key = `cold ${round}`
      const answers = await Promise.all(
        fleet.map((worker, by) => worker.ask('read', key, { callers: 1000, loadMs: 300, value: { by } })),
      )
      expect(loadsOf(key).length).toBe(1)
      const [first] = answers
      expect(answers).toEqual(Array(4).fill(first))
      expect(first).toMatchObject({ callers: 1000, values: [{}] })
      // Nobody waits for a lapse: the news is there long before.
      const lastAt = Math.max(...fleet.map((worker) => worker.answeredAt('read')))
      expect(lastAt - (loadsOf(key)[0]?.at ?? 0)).toBeLessThan(300 + 2 * SLACK_MS)
    }
  })

  it('a leader that is killed: one more load, after the lapse and before two leases', async () => {
    fleet = await startFleet(server.url, 4)
    const [leader, ...followers] = fleet as [Worker, ...Worker[]]
    void leader.ask('read', 'killed', { loadMs: 60_000, value: 1 }).catch(() => {})
    await eventually(() => leader.loads.length === 1)
    const reads = followers.map((worker) => worker.ask('read', 'killed', { callers: 100, loadMs: 100, value: 2 }))
    await pause(2000)
    const diedAt = Date.now()
    leader.signal('SIGKILL')
    const answers = await Promise.all(reads)
    expect(answers).toEqual(Array(3).fill({ callers: 100, values: [2] }))
    const loads = loadsOf('killed')
    expect(loads.length).toBe(2)
    // The last sign of life was at most one renewal before.
    const tookMs = (loads[1]?.at ?? 0) - diedAt
    expect(tookMs).toBeGreaterThan(LEASE_MS - 1500 - SLACK_MS)
    expect(tookMs).toBeLessThan(LEASE_MS + SLACK_MS)
  }, 30_000)

  it('a leader that stood still past its lease: its write is refused, and nobody ever sees its value', async () => {
    fleet = await startFleet(server.url, 3)
    const [leader, second, third] = fleet as [Worker, Worker, Worker]
    const paused = leader.ask('read', 'paused', { loadMs: 1000, value: 'old' })
    await eventually(() => leader.loads.length === 1)
    const read = second.ask('read', 'paused', { loadMs: 2500, value: 'new' })
    await pause(200)
    leader.signal('SIGSTOP')
    await eventually(() => second.loads.length === 1, LEASE_MS + 3000)
    leader.signal('SIGCONT')
    expect(await paused).toEqual({ callers: 1, values: ['old'] })
    await pause(200)
    // Its value has been refused: the other one still loads.
    expect(await third.ask('get', 'paused')).toBeUndefined()
    expect(await read).toEqual({ callers: 1, values: ['new'] })
    for (const worker of fleet) await eventually(async () => (await worker.ask('get', 'paused')) === 'new')
    expect(loadsOf('paused').length).toBe(2)
  }, 30_000)

  it('a notification that is lost: no second load, and the value at the lapse at the latest', async () => {
    const proxy = await startProxy(server.port)
    const [leader] = (await startFleet(server.url, 1)) as [Worker]
    const [deaf] = (await startFleet(proxy.url, 1)) as [Worker]
    fleet = [leader, deaf]
    const first = leader.ask('read', 'unheard', { loadMs: 1500, value: 1 })
    await eventually(() => leader.loads.length === 1)
    const startedAt = Date.now()
    const second = deaf.ask('read', 'unheard', { loadMs: 10, value: 2 })
    await pause(300)
    // Its subscription is gone, and does not come back.
    proxy.refuse = true
    const clients = String(await server.command('CLIENT', 'LIST', 'TYPE', 'pubsub'))
    const own = clients.split('\n').filter((line) => line.includes('sub=1'))
    // The younger of the two: the deaf one was started last.
    const id = /id=(\d+)/.exec(own.at(-1) ?? '')?.[1] as string
    await server.command('CLIENT', 'KILL', 'ID', id)
    expect(await first).toEqual({ callers: 1, values: [1] })
    expect(await second).toEqual({ callers: 1, values: [1] })
    expect(deaf.loads).toEqual([])
    expect(Date.now() - startedAt).toBeLessThan(1500 + LEASE_MS + SLACK_MS)
    await proxy.close()
  }, 30_000)

  it('a loader that fails: the others load for themselves, at once', async () => {
    fleet = await startFleet(server.url, 3)
    const [leader, ...others] = fleet as [Worker, ...Worker[]]
    const failing = leader.ask('read', 'failing', { loadMs: 800, fails: true }).catch((error: Error) => error.message)
    await eventually(() => leader.loads.length === 1)
    const reads = others.map((worker) => worker.ask('read', 'failing', { loadMs: 300, value: 'up' }))
    expect(await failing).toBe('down')
    expect(await Promise.all(reads)).toEqual(Array(2).fill({ callers: 1, values: ['up'] }))
    const [first, second, third] = loadsOf('failing')
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeLessThan(800 + SLACK_MS)
    expect(Math.abs((third?.at ?? 0) - (second?.at ?? 0))).toBeLessThan(300)
  })

  it('a store that goes: who followed loads for himself', async () => {
    const own = await startRedis()
    fleet = await startFleet(own.url, 2)
    const [leader, follower] = fleet as [Worker, Worker]
    const first = leader.ask('read', 'gone', { loadMs: 3000, value: 1 })
    await eventually(() => leader.loads.length === 1)
    const second = follower.ask('read', 'gone', { loadMs: 50, value: 2 })
    await pause(500)
    await own.kill()
    expect(await second).toEqual({ callers: 1, values: [2] })
    expect(await first).toEqual({ callers: 1, values: [1] })
    await own.stop()
  }, 30_000)
})
