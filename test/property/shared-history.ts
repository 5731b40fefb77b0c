import type { StashMethods } from '../../src/cache/build-stash.js'
import { buildStash, connectionOf } from '../../src/cache/build-stash.js'
import type { Namespace } from '../../src/cache/namespace.js'
import { stateOf } from '../../src/cache/namespace-state.js'
import { namespace } from '../../src/cache/presets.js'
import { SharedTier } from '../../src/cache/shared-tier.js'
import { readSettings } from '../../src/runtime/settings.js'
import { createFakeClock, type FakeClock, seededRandom } from '../../src/testing/fake-clock.js'
import {
  createSimulatedStore,
  type SimulatedConnection,
  type SimulatedStore,
} from '../../src/testing/simulated-store.js'

/** What a loader returns: the version of the source it read, and for which key. */
export interface Versioned {
  readonly key: string
  readonly v: number
}

/** One process of the simulated world. */
export interface Process {
  readonly name: string
  readonly stash: StashMethods
  readonly ns: Namespace<Versioned, string>
  readonly connection: SimulatedConnection
  readonly tier: SharedTier
}

/** A world of processes over one simulated store, and the checker of its history. */
export interface World {
  readonly clock: FakeClock
  readonly random: () => number
  readonly store: SimulatedStore
  readonly processes: readonly Process[]
  /** The system of record: the present version of each key. */
  readonly source: Map<string, number>
  /** Versions below these were invalidated and acknowledged by the store (`all`) or by one process (`own`). */
  readonly floors: { all: Map<string, number>; own: Map<string, number>[] }
  readonly changing: Set<string>
  /** Every acknowledged change, and when. */
  readonly acknowledged: { readonly key: string; readonly v: number; readonly at: number }[]
  readonly violations: string[]
  readonly trace: string[]
}

/** Encodes by reference: the simulated store keeps bytes it never looks into. */
const codec = {
  encode: (value: unknown) => new TextEncoder().encode(JSON.stringify(value)),
  decode: (body: Uint8Array) => ({ ok: true as const, value: JSON.parse(new TextDecoder().decode(body)) as unknown }),
}

/** Makes a world of two processes. */
export function createWorld(seed: number, coalesce: 'process' | 'cluster' = 'process'): World {
  const clock = createFakeClock({ seed })
  const random = seededRandom(seed * 7919 + 1)
  const store = createSimulatedStore({ clock, delay: () => 1 + Math.floor(random() * 20) })
  const processes = [0, 1].map((index): Process => {
    const connection = store.connect()
    const tags = (value: Versioned) => [`tag:${value.key}`]
    const subject = (key: string) => `subject of ${key}`
    const definition = namespace<Versioned, string>({ ttl: '1h', jitter: 0, coalesce, tags, subject })
    const tiers: SharedTier[] = []
    const stash = buildStash({ clock, namespaces: { things: definition } }, readSettings({}), (site) => {
      tiers.push(new SharedTier({ ...site, store: connection, codec, storeTimeoutMs: 250 }))
      return connectionOf(tiers[0] as SharedTier)
    })
    const ns = stash.namespace('things') as Namespace<Versioned, string>
    return { name: 'pq'[index] as string, stash, ns, connection, tier: tiers[0] as SharedTier }
  })
  return {
    clock,
    random,
    store,
    processes,
    source: new Map(),
    floors: { all: new Map(), own: [new Map(), new Map()] },
    changing: new Set(),
    acknowledged: [],
    violations: [],
    trace: [],
  }
}

/** Reads a key and checks what comes back: never older than what was acknowledged before the read began. */
export async function checkedRead(
  world: World,
  index: number,
  key: string,
  how: 'get' | 'getOrSet' | 'peek' | 'force' | 'onlyIfCached' | 'getMany',
): Promise<void> {
  const { clock, random, source, floors } = world
  const process = world.processes[index] as Process
  // Another process's invalidation must be seen by store reads at once, by memory after the message or the gap.
  const own = floors.own[index]?.get(key) ?? 0
  const startedAt = clock.now()
  const isOut = (): boolean => process.tier.link.away || !process.connection.connected
  const wasOut = isOut()
  // A deaf process lets its callers share a load that is under way: docs/protocol.md, against a stampede of paid calls.
  const joins = how === 'getOrSet' || how === 'onlyIfCached'
  const shares = joins && process.tier.link.deaf && stateOf(process.ns).loads.has(key)
  const load = async (): Promise<Versioned> => {
    const v = source.get(key) ?? 0
    await pause(world, 1 + Math.floor(random() * 60))
    return { key, v }
  }
  let value: Versioned | undefined
  if (how === 'peek') value = process.ns.peek(key)
  else if (how === 'get') value = await process.ns.get(key)
  else if (how === 'getMany') [value] = await process.ns.getMany([key])
  else if (how === 'force') value = await process.ns.getOrSet(key, load, { forceFresh: true })
  else if (how === 'onlyIfCached') {
    // Nobody's failure but the caller's own: those with a loader are checked by the rejections they would get.
    value = await process.ns.getOrSet(key, load, { onlyIfCached: true }).catch(() => undefined)
  } else value = await process.ns.getOrSet(key, load)
  if (value === undefined) return
  // A message takes at most 20 ms; an outage excuses memory, also one that begins while a read asks, and nothing else does.
  const everybody = wasOut || isOut() || shares ? 0 : floorAt(world, key, startedAt - 21)
  world.trace.push(`${startedAt} ${process.name} ${how} ${key} -> v${value.v} at ${clock.now()}`)
  if (value.key !== key) world.violations.push(`${process.name} ${how}(${key}) returned the value of ${value.key}`)
  if (value.v < everybody) {
    world.violations.push(
      `${process.name} ${how}(${key}) returned v${value.v}, everybody's floor v${everybody} (began ${startedAt})`,
    )
  }
  if (value.v < own)
    world.violations.push(`${process.name} ${how}(${key}) returned v${value.v}, own floor v${own} (began ${startedAt})`)
}

/** Changes the source and tells the cache, in one of the ways a host would. */
export async function checkedChange(
  world: World,
  index: number,
  key: string,
  how: 'delete' | 'expire' | 'set' | 'tag' | 'soft tag' | 'clear' | 'forget' | 'save',
): Promise<void> {
  const { clock, source, floors } = world
  const process = world.processes[index] as Process
  // Two writes of one key at once have no order that a cache could keep: a host that writes so uses writeThrough.
  while (world.changing.has(key)) await pause(world, 3)
  world.changing.add(key)
  const v = (source.get(key) ?? 0) + 1
  if (how !== 'save') source.set(key, v)
  const startedAt = clock.now()
  const ways = {
    delete: () => process.ns.delete(key),
    // Without stale windows nobody may have what is expired any more.
    expire: () => process.ns.expire(key),
    set: () => process.ns.set(key, { key, v }),
    tag: () => process.ns.invalidateTags([`tag:${key}`]),
    'soft tag': () => process.ns.invalidateTags([`tag:${key}`], { mode: 'expire' }),
    clear: () => process.ns.clear(),
    forget: () => forgotten(process.stash.forget(`subject of ${key}`)),
    save: () => saved(world, process, { key, v }),
  }
  const result: { readonly store: unknown } = await ways[how]()
  world.changing.delete(key)
  raise(floors.own[index] as Map<string, number>, key, v)
  world.trace.push(`${startedAt} ${process.name} ${how} ${key} v${v} -> ${result.store} at ${clock.now()}`)
  if (result.store !== 'done') return
  raise(floors.all, key, v)
  world.acknowledged.push({ key, v, at: clock.now() })
}

/** Whether the store confirmed; the save itself always succeeds. */
async function saved(world: World, process: Process, next: Versioned): Promise<{ readonly store: string }> {
  const { source, random } = world
  const save = async () => {
    await pause(world, Math.floor(random() * 30))
    source.set(next.key, next.v)
    await pause(world, Math.floor(random() * 30))
  }
  return process.ns.writeThrough(next.key, next, save, { require: 'store' }).then(
    () => ({ store: 'done' }),
    () => ({ store: 'queued' }),
  )
}

/** A receipt is a confirmation; where the store did not answer there is none. */
async function forgotten(receipt: Promise<unknown>): Promise<{ readonly store: string }> {
  return receipt.then(
    () => ({ store: 'done' }),
    () => ({ store: 'queued' }),
  )
}

function floorAt(world: World, key: string, at: number): number {
  let floor = 0
  for (const change of world.acknowledged) if (change.key === key && change.at <= at) floor = Math.max(floor, change.v)
  return floor
}

/** Waits, in virtual time. */
export function pause(world: World, ms: number): Promise<void> {
  return new Promise((resolve) => {
    world.clock.setTimer(resolve, ms, true)
  })
}

/** After the world has calmed down: nothing that was acknowledged as invalidated is served anywhere. */
export async function checkQuiet(world: World, keys: readonly string[]): Promise<void> {
  for (const process of world.processes) {
    process.connection.heal()
    process.connection.healBus()
  }
  await world.clock.advance(10_000)
  for (const [index, process] of world.processes.entries()) {
    for (const key of keys) {
      const floor = Math.max(world.floors.all.get(key) ?? 0, world.floors.own[index]?.get(key) ?? 0)
      const peeked = process.ns.peek(key)
      const got = settleNow(world, process.ns.get(key))
      const stored = await got
      for (const [how, value] of [
        ['peek', peeked],
        ['get', stored],
      ] as const) {
        if (value !== undefined && value.v < floor) {
          world.violations.push(`quiet: ${process.name} ${how}(${key}) returned v${value.v}, the floor is v${floor}`)
        }
      }
    }
  }
}

/** Runs a promise to its end in virtual time. */
export async function settleNow<T>(world: World, promise: Promise<T>): Promise<T> {
  let done = false
  const watched = promise.finally(() => {
    done = true
  })
  watched.catch(() => undefined)
  for (let round = 0; round < 2000 && !done; round++) await world.clock.advance(5)
  return watched
}

function raise(floors: Map<string, number>, key: string, v: number): void {
  floors.set(key, Math.max(floors.get(key) ?? 0, v))
}
