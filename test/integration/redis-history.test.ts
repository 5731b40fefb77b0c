import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/testing/fake-clock.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { pause, type RedisProcess, startProcess, toldByNow, untilConnected } from './redis-world.js'

const STEPS = process.env['SCALE'] === 'full' ? 20_000 : 400
const SEED = Number(process.env['SEED'] ?? 1)
const KEYS = ['a', 'b', 'c']

const FAULTS: readonly (readonly string[])[] = [
  ['CLIENT', 'KILL', 'TYPE', 'pubsub'],
  ['CLIENT', 'KILL', 'TYPE', 'normal'],
  ['SCRIPT', 'FLUSH'],
  ['DEL', '{hopstash}:ctl'],
  ['DEL', '{hopstash}:log'],
  ['DEL', '{hopstash}:m:n/things', '{hopstash}:m:*'],
  ['DEL', '{hopstash}:m:t/things/all-things'],
  ['FLUSHALL'],
]

interface Change {
  readonly key: string
  readonly v: number
  readonly by: RedisProcess
  /** Who obeys it: at first who made it; then who was connected, once the message had arrived. */
  readonly known: Set<RedisProcess>
}

describe('random work of two processes on a real Redis', () => {
  it.each([
    ['without faults', false],
    ['with connections killed, scripts, control keys and markers lost', true],
  ])(
    'never returns what was invalidated, %s',
    async (_name, faulty) => {
      const server = await startRedis()
      const processes = [await startProcess(server.url), await startProcess(server.url)]
      await untilConnected(...processes)
      const violations = await play(server, processes, faulty)
      await Promise.all(processes.map(({ stash }) => stash.close()))
      await server.stop()
      expect(violations, `SEED=${SEED}`).toEqual([])
    },
    240_000,
  )
})

async function play(server: RedisServer, processes: readonly RedisProcess[], faulty: boolean): Promise<string[]> {
  const random = seededRandom(SEED)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  const source = new Map(KEYS.map((key) => [key, 0]))
  const changing = new Set<string>()
  const changes: Change[] = []
  const violations: string[] = []
  const running = new Set<Promise<void>>()

  /** The oldest version a process may still return. */
  const floor = (key: string, counts: (change: Change) => boolean): number =>
    changes.reduce((least, change) => (change.key === key && counts(change) ? Math.max(least, change.v) : least), 0)
  const read = async (process: RedisProcess, key: string): Promise<void> => {
    const { link } = process.tier
    const { away, outage } = link
    const own = floor(key, ({ by }) => by === process)
    const heard = floor(key, ({ known }) => known.has(process))
    const loader = async () => {
      const v = source.get(key) ?? 0
      await pause(random() * 10)
      return { v }
    }
    const found = random() < 0.5 ? await process.things.getOrSet(key, loader) : await process.things.get(key)
    // Without the store it serves what it holds, whatever others have said since.
    const least = away || link.away || link.outage !== outage ? own : heard
    if (found !== undefined && found.v < least) violations.push(`${key}: v${found.v} instead of v${least} or later`)
  }
  const change = async (by: RedisProcess, key: string): Promise<void> => {
    if (changing.has(key)) return
    changing.add(key)
    const v = (source.get(key) ?? 0) + 1
    source.set(key, v)
    const verb = pick(['delete', 'set', 'tag', 'clear'])
    const result =
      verb === 'delete'
        ? await by.things.delete(key)
        : verb === 'set'
          ? await by.things.set(key, { v })
          : verb === 'tag'
            ? await by.things.invalidateTags(['all-things'])
            : await by.things.clear()
    changing.delete(key)
    if (result.store !== 'done') return
    const made: Change = { key, v, by, known: new Set([by]) }
    changes.push(made)
    await toldByNow(server)
    for (const process of processes) {
      await untilConnected(process)
      made.known.add(process)
    }
  }

  for (let step = 0; step < STEPS; step++) {
    const dice = random()
    const work =
      faulty && dice < 0.03
        ? server.command(...pick(FAULTS)).then(ignore, ignore)
        : dice < 0.75
          ? read(pick(processes), pick(KEYS))
          : change(pick(processes), pick(KEYS))
    running.add(work)
    void work.finally(() => running.delete(work))
    await pause(random() * 6)
  }
  await Promise.all(running)
  await untilConnected(...processes)
  await toldByNow(server)
  for (const process of processes) for (const key of KEYS) await read(process, key)
  return violations
}

/** A command of the test itself may lose its connection to another one. */
function ignore(): void {}
