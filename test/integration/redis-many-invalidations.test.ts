import { afterEach, describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/testing/fake-clock.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { eventually, pause, type RedisProcess, startProcess, untilConnected } from './redis-world.js'

const CHANGES = process.env.SCALE === 'full' ? 100_000 : 3000
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)
const KEYS = Array.from({ length: 100 }, (_, index) => `k${index}`)
const SIDE_BY_SIDE = 50
/** What was lost has been noticed by then. */
const TWO_HEARTBEATS_MS = 2500

interface Case {
  readonly name: string
  readonly persist: boolean
  /** Happens again and again while changes are made. */
  readonly fault?: (server: RedisServer, meanwhile?: () => Promise<unknown>) => Promise<unknown>
}

const CASES: readonly Case[] = [
  { name: 'on a calm bus', persist: false },
  {
    name: 'on a bus that is cut every 100 ms',
    persist: false,
    async fault(server, meanwhile) {
      await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
      await meanwhile?.()
      await pause(100)
    },
  },
  {
    name: 'across SIGKILLs of the server',
    persist: true,
    async fault(server, meanwhile) {
      await server.kill()
      await meanwhile?.()
      await server.restart()
      await pause(200)
    },
  },
]

const ends: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

describe(`after the last of ${CHANGES} invalidations and two heartbeats`, () => {
  it.each(CASES)(
    'no process reads a value from before any of them, $name',
    async ({ persist, fault }) => {
      const server = await startRedis({ persist })
      ends.push(() => server.stop())
      const processes = await Promise.all([1, 2, 3].map(() => startProcess(server.url)))
      ends.push(() => Promise.all(processes.map(({ stash }) => stash.close())))
      await untilConnected(...processes)
      let isOver = false
      let faults = 0
      const breaking = (async () => {
        for (; fault !== undefined && !isOver; faults++) await fault(server)
      })()
      const { source, changeAll } = await change(processes)
      isOver = true
      await breaking
      // Once more in the midst of it, for each key: what is lost now, no later change makes good for.
      for (let round = 0; round < 3; round++) {
        await untilConnected(...processes)
        await readAll(processes, source)
        await (fault?.(server, changeAll) ?? changeAll())
      }
      await untilConnected(...processes)
      const before = processes.map(heardBy)
      await pause(TWO_HEARTBEATS_MS)
      // On a machine that stood still they take longer.
      await eventually(() => processes.every((each, at) => heardBy(each) >= (before[at] ?? 0) + 2))
      await untilConnected(...processes)
      const old: string[] = []
      for (const { things } of processes) {
        const found = await things.getMany(KEYS)
        for (const [at, key] of KEYS.entries()) {
          const v = found[at]?.v
          if (v !== undefined && v !== source.get(key)) old.push(`${key}: v${v} instead of v${source.get(key)}`)
        }
      }
      expect(old, `SEED=${SEED}, ${faults} faults`).toEqual([])
      expect(faults > 0).toBe(fault !== undefined)
    },
    240_000,
  )
})

/** Every key is changed by one process, so that its changes have an order, and read and loaded by all of them. */
async function change(processes: readonly RedisProcess[]) {
  const random = seededRandom(SEED)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  const source = new Map(KEYS.map((key) => [key, 0]))
  const changing = new Map<string, Promise<unknown>>()
  const changeOf = async (key: string, verb: 'delete' | 'set' | 'tag'): Promise<void> => {
    await changing.get(key)
    const { things } = processes[KEYS.indexOf(key) % processes.length] as RedisProcess
    const v = (source.get(key) ?? 0) + 1
    source.set(key, v)
    if (verb === 'delete') await things.delete(key)
    else if (verb === 'set') await things.set(key, { v })
    else await things.invalidateTags(['all-things'])
  }
  const read = ({ things }: RedisProcess, key: string): Promise<unknown> =>
    things.getOrSet(key, async () => {
      const v = source.get(key) ?? 0
      await pause(random() * 4)
      return { v }
    })

  for (let made = 0; made < CHANGES; made += SIDE_BY_SIDE) {
    const work: Promise<unknown>[] = []
    for (let each = 0; each < SIDE_BY_SIDE; each++) {
      const key = pick(KEYS)
      const dice = random()
      const one = changeOf(key, dice < 0.01 ? 'tag' : dice < 0.5 ? 'delete' : 'set')
      changing.set(key, one)
      work.push(one, read(pick(processes), pick(KEYS)))
    }
    await Promise.all(work)
  }
  const changeAll = (): Promise<unknown> =>
    Promise.all(KEYS.map((key) => changeOf(key, random() < 0.5 ? 'delete' : 'set')))
  return { source, changeAll }
}

/** Messages and heartbeats, its own among them. */
function heardBy({ store }: RedisProcess): number {
  const { frames, own } = store.health().messages
  return frames + own
}

/** Everybody holds everything. */
async function readAll(processes: readonly RedisProcess[], source: ReadonlyMap<string, number>): Promise<void> {
  for (const { things } of processes) {
    await Promise.all(KEYS.map((key) => things.getOrSet(key, () => ({ v: source.get(key) ?? 0 }))))
  }
}
