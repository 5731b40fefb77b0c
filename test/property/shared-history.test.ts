import { describe, expect, it } from 'vitest'
import { checkedChange, checkedRead, checkQuiet, createWorld, pause, settleNow, type World } from './shared-history.js'

const RUNS = Number(process.env['RUNS'] ?? (process.env['SCALE'] === 'full' ? 10_000 : 150))
const SEED = Number(process.env['SEED'] ?? 1)
const KEYS = ['a', 'b']

type Fault = (world: World) => void

const FAULTS: Record<string, Fault> = {
  'bus cut': (world) => pick(world, world.processes).connection.cutBus(),
  'bus back': (world) => world.processes.forEach((process) => void process.connection.healBus()),
  'link cut': (world) => pick(world, world.processes).connection.cut(),
  'link back': (world) => world.processes.forEach((process) => void process.connection.heal()),
  'entry evicted': (world) =>
    world.store
      .entryKeys()
      .slice(0, 1)
      .forEach((key) => void world.store.evictEntry(key)),
  'token evicted': (world) => KEYS.forEach((key) => void world.store.evictToken(`hopstash:things:v1:${key}`)),
  'marker evicted': (world) =>
    world.store.evictMarker(pick(world, ['*', 'n/things', 't/things/tag:a', 't/things/tag:b'])),
  'control evicted': (world) => world.store.evictControl(),
  'log evicted': (world) => world.store.evictLog(),
  'restarted empty': (world) => world.store.restartEmpty(),
}

describe('the shared tier against a simulated store', () => {
  it.each([
    ['without faults, with leases', [], 'cluster'],
    ['with outages and a flapping bus, with leases', ['link cut', 'link back', 'bus cut', 'bus back'], 'cluster'],
    ['with everything at once, with leases', Object.keys(FAULTS), 'cluster'],
    ['without faults', []],
    ['with evictions', ['entry evicted', 'token evicted', 'marker evicted', 'control evicted', 'log evicted']],
    ['when the control key is evicted', ['control evicted']],
    ['when the store restarts empty', ['restarted empty', 'link cut', 'link back']],
    ['with a flapping bus', ['bus cut', 'bus back']],
    ['with outages', ['link cut', 'link back']],
    ['with everything at once', Object.keys(FAULTS)],
  ])(
    'never returns what was invalidated, %s',
    async (_name, faults, coalesce = 'process') => {
      for (let run = 0; run < RUNS; run++) {
        const seed = SEED * 1_000_003 + run
        const world = createWorld(seed, coalesce as 'process' | 'cluster')
        await play(world, faults)
        expect(world.violations, `seed ${seed}\n${world.trace.join('\n')}`).toEqual([])
      }
    },
    600_000,
  )
})

async function play(world: World, faults: readonly string[]): Promise<void> {
  await world.clock.advance(100)
  const running: Promise<void>[] = []
  const script = (async () => {
    for (let step = 0; step < 18; step++) {
      running.push(act(world, faults))
      await pause(world, Math.floor(world.random() * 40))
    }
    await Promise.all(running)
  })()
  await settleNow(world, script)
  await checkQuiet(world, KEYS)
  await Promise.all(world.processes.map((process) => process.stash.close()))
}

async function act(world: World, faults: readonly string[]): Promise<void> {
  const index = world.random() < 0.5 ? 0 : 1
  const key = pick(world, KEYS)
  const dice = world.random()
  if (faults.length > 0 && dice < 0.15) {
    const fault = pick(world, faults)
    world.trace.push(`${world.clock.now()} FAULT ${fault}`)
    FAULTS[fault]?.(world)
  } else if (dice < 0.6) await checkedRead(world, index, key, pick(world, ['get', 'getOrSet', 'getOrSet', 'peek']))
  else await checkedChange(world, index, key, pick(world, ['delete', 'set', 'tag', 'clear', 'save']))
}

function pick<T>(world: World, list: readonly T[]): T {
  return list[Math.floor(world.random() * list.length)] as T
}
