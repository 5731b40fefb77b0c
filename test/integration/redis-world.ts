import { buildStash, connectionOf, type StashMethods } from '../../src/cache/build-stash.js'
import { createEntryCodec } from '../../src/cache/entry-codec.js'
import type { Namespace } from '../../src/cache/namespace.js'
import { namespace } from '../../src/cache/presets.js'
import { SharedTier } from '../../src/cache/shared-tier.js'
import type { BodyCodec } from '../../src/cache/state.js'
import { createSystemClock } from '../../src/runtime/clock.js'
import { readSettings } from '../../src/runtime/settings.js'
import { createRedisStore, type RedisStore, type RedisStoreOptions } from '../../src/stores/redis.js'
import type { RedisServer } from '../support/redis-server.js'

/** What the tests keep: which version of what. */
export interface Thing {
  readonly v: number
}

/** One stash over one store in Redis, as a process of its own would have it. */
export interface RedisProcess {
  readonly stash: StashMethods
  readonly things: Namespace<Thing, string>
  readonly store: RedisStore
  readonly tier: SharedTier
}

/** Budget of a command where no test is about it, ms: a machine that stands still is no store that does not answer. */
export const PATIENT_MS = 20_000
/** The default budget, for stores that are to be silent: whoever waits for `PATIENT_MS` would wait for them. */
export const HASTY = { timeout: 250 } as const

const entryCodec = createEntryCodec()

/** The stash's own codec. The stamp of a header is the store's to write. */
const codec: BodyCodec = {
  encode: (value, entry, key) => entryCodec.encode(value, { ...entry, inc: '', startSeq: 0 }, key),
  decode: entryCodec.decode,
}

/** Starts one process of the world; several of them in one test share nothing but the server. Patient, unless told. */
export async function startProcess(
  redis: string,
  options: Partial<RedisStoreOptions> & { readonly timeout?: number } = {},
): Promise<RedisProcess> {
  const { timeout = PATIENT_MS } = options
  const store = createRedisStore({ redis, ...options, timeout })
  const tiers: SharedTier[] = []
  const things = namespace<Thing, string>({ ttl: '1h', jitter: 0, max: 20_000, tags: () => ['all-things'] })
  const stash = buildStash({ clock: createSystemClock(), namespaces: { things } }, readSettings({}), (site) => {
    tiers.push(new SharedTier({ ...site, store, codec, storeTimeoutMs: timeout }))
    return connectionOf(tiers[0] as SharedTier)
  })
  const process = {
    stash,
    store,
    tier: tiers[0] as SharedTier,
    things: stash.namespace('things') as Namespace<Thing, string>,
  }
  return process
}

/**
 * Waits until all of them can talk and hear. Hearing alone is not enough: who cannot ask yet serves, as in any outage, what
 * it held, also what was deleted while it could not hear.
 */
export async function untilConnected(...processes: readonly RedisProcess[]): Promise<void> {
  await eventually(() =>
    processes.every(({ store, tier }) => store.health().status === 'ready' && !tier.link.deaf && !tier.link.away),
  )
}

/** Looks every few ms until it holds. Rejects after `limitMs`, which only what never comes takes. */
export async function eventually(holds: () => boolean | Promise<boolean>, limitMs = 30_000): Promise<void> {
  const startedAt = performance.now()
  while (!(await holds())) {
    if (performance.now() - startedAt > limitMs) throw new Error(`still not so after ${limitMs} ms: ${holds}`)
    await pause(5)
  }
}

/** What a process reads with the store at hand: again where the machine stood still so long that it was not meanwhile. */
export async function readConnected(process: RedisProcess, key: string): Promise<Thing | undefined> {
  for (;;) {
    await untilConnected(process)
    const { outage } = process.tier.link
    const found = await process.things.get(key)
    if (process.tier.link.outage === outage) return found
  }
}

/** Sets it, again where the machine stood still so long that the store did not take it. */
export async function setConnected(process: RedisProcess, key: string, v: number): Promise<void> {
  await eventually(async () => (await process.things.set(key, { v })).store === 'done')
}

/** Rejects where it has not settled after 20 s, which is a hang and nothing else: no machine is that slow. */
export async function settled(work: Promise<unknown>): Promise<void> {
  let isSettled = false
  const settling = work.finally(() => {
    isSettled = true
  })
  await Promise.race([settling, eventually(() => isSettled, 20_000)])
}

/** What callers have had a store asked since, verb by verb; the store's own probes are not among it. */
export function askedOf(store: RedisStore): readonly string[] {
  const asked: string[] = []
  for (const [verb, work] of Object.entries(store)) {
    if (typeof work !== 'function' || NO_QUESTIONS.has(verb)) continue
    Object.assign(store, {
      [verb]: (...args: readonly unknown[]) => {
        asked.push(verb === 'readTo' ? 'read' : verb)
        return (work as (...given: readonly unknown[]) => unknown)(...args)
      },
    })
  }
  return asked
}

const NO_QUESTIONS: ReadonlySet<string> = new Set(['ping', 'subscribe', 'ready', 'health', 'close'])

/**
 * Resolves when whatever the server has told anybody before has reached this process: it answers after it has told, and
 * sockets that had something before that answer were read before it. A message's way, on a machine of any speed.
 */
export async function toldByNow(server: Pick<RedisServer, 'command'>): Promise<void> {
  for (let round = 0; round < 2; round++) {
    await eventually(() =>
      server.command('PING').then(
        () => true,
        () => false,
      ),
    )
    await pause(1)
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
