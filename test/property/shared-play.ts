import { checkedChange, checkedRead, checkQuiet, createWorld, pause, settleNow, type World } from './shared-history.js'

const KEYS = ['a', 'b']

/** What may happen to store and connections. */
export const FAULTS = {
  'bus cut': (world: World) => pick(world, world.processes).connection.cutBus(),
  'bus back': (world: World) => world.processes.forEach((process) => void process.connection.healBus()),
  'link cut': (world: World) => pick(world, world.processes).connection.cut(),
  'link back': (world: World) => world.processes.forEach((process) => void process.connection.heal()),
  'entry evicted': (world: World) =>
    world.store
      .entryKeys()
      .slice(0, 1)
      .forEach((key) => void world.store.evictEntry(key)),
  'token evicted': (world: World) => KEYS.forEach((key) => void world.store.evictToken(`hopstash:things:v1:${key}`)),
  'marker evicted': (world: World) =>
    world.store.evictMarker(pick(world, ['*', 'n/things', 't/things/tag:a', 't/things/tag:b'])),
  'control evicted': (world: World) => world.store.evictControl(),
  'log evicted': (world: World) => world.store.evictLog(),
  'restarted empty': (world: World) => world.store.restartEmpty(),
} as const
export type FaultName = keyof typeof FAULTS

type Read = Parameters<typeof checkedRead>[3]
type Change = Parameters<typeof checkedChange>[3]

/** What happens in a history between two processes. */
export interface Race {
  readonly name: string
  readonly reads: readonly Read[]
  readonly changes: readonly Change[]
  readonly faults?: readonly FaultName[]
  readonly coalesce?: 'process' | 'cluster'
}

/** Plays one history. Returns what went wrong, with its trace; nothing if all is well. */
export async function runRace(race: Race, seed: number, steps: number): Promise<readonly string[]> {
  const world = createWorld(seed, race.coalesce)
  await world.clock.advance(100)
  const running: Promise<void>[] = []
  const script = (async () => {
    for (let step = 0; step < steps; step++) {
      running.push(act(world, race))
      await pause(world, Math.floor(world.random() * 40))
    }
    await Promise.all(running)
  })()
  await settleNow(world, script)
  await checkQuiet(world, KEYS)
  await Promise.all(world.processes.map((process) => process.stash.close()))
  return world.violations.length === 0 ? [] : [...world.violations, '', ...world.trace]
}

async function act(world: World, { reads, changes, faults = [] }: Race): Promise<void> {
  const index = world.random() < 0.5 ? 0 : 1
  const key = pick(world, KEYS)
  const dice = world.random()
  if (faults.length > 0 && dice < 0.15) {
    const fault = pick(world, faults)
    world.trace.push(`${world.clock.now()} FAULT ${fault}`)
    FAULTS[fault](world)
  } else if (dice < 0.6) await checkedRead(world, index, key, pick(world, reads))
  else await checkedChange(world, index, key, pick(world, changes))
}

function pick<T>(world: World, list: readonly T[]): T {
  return list[Math.floor(world.random() * list.length)] as T
}
