import { describe, expect, it } from 'vitest'
import type { Explanation } from '../../../src/cache/explain-entry.js'
import type { NamespaceOptions } from '../../../src/cache/namespace-options.js'
import { namespace } from '../../../src/cache/presets.js'
import { createStash } from '../../../src/cache/stash.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'
import { createSimulatedStore } from '../../../src/testing/simulated-store.js'
import { createTestStash } from '../../../src/testing/test-stash.js'
import { createLoads, open } from './fixture.js'

/** One process, with a shared store or without, that counts its reads there. */
function setUp(options: NamespaceOptions<unknown, unknown>, more: { shared?: boolean; mode?: 'replay' } = {}) {
  const clock = createFakeClock()
  const connection = createSimulatedStore({ clock }).connect()
  const { read } = connection
  let asked = 0
  connection.read = (request) => {
    asked++
    return read(request)
  }
  const namespaces = { things: namespace<unknown, unknown>({ jitter: 0, ...options }) }
  const given = { clock, namespaces, ...(more.mode !== undefined && { mode: more.mode }) }
  const stash = more.shared === true ? createTestStash({ ...given, store: connection }) : createStash(given)
  const settle = async (): Promise<void> => {
    for (let step = 0; step < 10; step++) {
      await new Promise((resolve) => setImmediate(resolve))
      await clock.advance(1)
    }
  }
  return { clock, connection, stash, things: stash.things, settle, asked: () => asked }
}

type World = ReturnType<typeof setUp>

/** A read that is left to fail. */
async function failOnce({ things, settle }: World): Promise<void> {
  things.getOrSet('k', () => Promise.reject(new Error('down'))).catch(() => undefined)
  await settle()
}

async function store({ things, settle }: World): Promise<void> {
  await settle()
  void things.set('k', 'old')
  await settle()
}

/** Begins a load that ends when the read has come. */
function begin({ things }: World, key = 'k'): () => void {
  const loads = createLoads()
  things.getOrSet(key, loads.loader).catch(() => undefined)
  return () => loads.call(0).resolve('theirs')
}

/** What a read does: whether it asks the store, whether its loader is called, and what it comes to. */
async function reallyReads({ things, settle, asked }: World, loader: () => unknown, meanwhile: () => void) {
  const before = { asked: asked(), stale: things.stats().stale, hits: things.stats().hits }
  let did = ''
  const answer = things.getOrSet('k', () => {
    if (did === '') did = asked() > before.asked ? 'asks, loads, ' : 'loads, '
    return loader()
  })
  const came = answer.then(String, () => 'error')
  await settle()
  meanwhile()
  await settle()
  const { stale, hits } = things.stats()
  if (did === '' && asked() > before.asked) did = 'asks, '
  const counted = stale > before.stale ? ' as stale' : hits > before.hits ? ' as a hit' : ''
  return `${did}${await came}${counted}`
}

/** What each forecast means, with a loader that succeeds and one that fails. */
const MEANT: Readonly<Record<Explanation['next'], readonly [succeeds: string, fails: string]>> = {
  hit: ['old as a hit', 'old as a hit'],
  'hit and refresh': ['loads, old as a hit', 'loads, old as a hit'],
  stale: ['old as stale', 'old as stale'],
  'stale and refresh': ['loads, old as stale', 'loads, old as stale'],
  load: ['loads, new', 'loads, error'],
  'load, stale if it fails': ['loads, new', 'loads, old as stale'],
  'join the load under way': ['theirs', 'theirs'],
  'ask the shared store, load if it has nothing': ['asks, loads, new', 'asks, loads, error'],
  'ask the shared store, load if it has nothing, stale if that fails': [
    'asks, loads, new',
    'asks, loads, old as stale',
  ],
  'ask the shared store, stale if it has nothing': ['asks, old as stale', 'asks, old as stale'],
  'ask the shared store, fail if it has nothing': ['asks, error', 'asks, error'],
  fail: ['error', 'error'],
}

/** How a state comes about; what it returns is called while the read waits. */
type Scene = (world: World) => Promise<(() => void) | undefined>

const BOTH = { ttl: '1m', staleWhileRevalidate: '1m', staleIfError: '1h' } as const
const ERROR_ONLY = { ttl: '1m', staleIfError: '1h' } as const
const SHARED = { shared: true } as const
const REPLAY = { mode: 'replay' } as const

const nothing: Scene = async () => undefined
const stored: Scene = async (world) => {
  await store(world)
  return undefined
}
const pastTtl: Scene = async (world) => {
  await store(world)
  await world.clock.advance(60_000)
  return undefined
}
const withLoad =
  (scene: Scene): Scene =>
  async (world) => {
    await scene(world)
    return begin(world)
  }
const afterFailure =
  (scene: Scene): Scene =>
  async (world) => {
    await scene(world)
    await failOnce(world)
    return undefined
  }
/** Another key finds out that the store is away. */
const whileAway =
  (scene: Scene): Scene =>
  async (world) => {
    await scene(world)
    world.connection.cut()
    world.things.getOrSet('other', () => 1).catch(() => undefined)
    await world.settle()
    return undefined
  }

const STATES: readonly [
  next: Explanation['next'],
  state: string,
  text: string,
  options: NamespaceOptions<unknown, unknown>,
  more: Parameters<typeof setUp>[1],
  scene: Scene,
][] = [
  [
    'hit',
    'while it is fresh',
    'Stored 10ms ago, fresh for 60s more; the next read is a hit.',
    { ttl: '1m' },
    {},
    stored,
  ],
  [
    'hit and refresh',
    'near its end',
    'the next read is a hit, and refreshes it behind.',
    { ttl: '2m', refreshAhead: 0.5 },
    {},
    pastTtl,
  ],
  [
    'hit',
    'near its end, with a refresh under way',
    'the next read is a hit (a load is under way).',
    { ttl: '2m', refreshAhead: 0.5 },
    {},
    withLoad(pastTtl),
  ],
  ['stale and refresh', 'past its ttl', 'gets it, and refreshes it behind.', BOTH, {}, pastTtl],
  [
    'stale',
    'past its ttl, with a refresh under way',
    'past its ttl; the next read gets it (a load is under way).',
    BOTH,
    {},
    withLoad(pastTtl),
  ],
  [
    'stale',
    'past its ttl, after a refresh that failed',
    'the next read gets it (the last load failed, and none begins for 990ms).',
    BOTH,
    {},
    afterFailure(pastTtl),
  ],
  [
    'load, stale if it fails',
    'in staleIfError',
    'the next read loads, and gets it if that fails.',
    ERROR_ONLY,
    {},
    pastTtl,
  ],
  [
    'stale',
    'in staleIfError, after a load that failed',
    'the next read gets it (the last load failed, and none begins for 990ms).',
    ERROR_ONLY,
    {},
    afterFailure(pastTtl),
  ],
  [
    'join the load under way',
    'in staleIfError, with a load under way',
    'past its ttl; the next read joins the load under way.',
    ERROR_ONLY,
    {},
    withLoad(pastTtl),
  ],
  ['load', 'of nothing', 'Not cached (never): the next read loads.', {}, {}, nothing],
  ['load', 'at its end', 'Not cached (expired): the next read loads.', { ttl: '1m' }, {}, pastTtl],
  [
    'join the load under way',
    'of nothing, with a load under way',
    'Not cached (never): the next read joins the load under way.',
    {},
    {},
    withLoad(nothing),
  ],
  [
    'fail',
    'whose error is remembered',
    'the next read fails (the last error is remembered for 60s).',
    { negative: { ttl: '1m', when: () => true } },
    {},
    afterFailure(nothing),
  ],
  [
    'fail',
    'of nothing, in a replay, while the store is away',
    "the next read fails (mode 'replay').",
    {},
    { ...SHARED, ...REPLAY },
    whileAway(nothing),
  ],
  [
    'stale',
    'in staleIfError, in a replay, while the store is away',
    "the next read gets it (mode 'replay').",
    ERROR_ONLY,
    { ...SHARED, ...REPLAY },
    whileAway(pastTtl),
  ],
  [
    'load',
    'of a closed stash',
    'the next read loads.',
    {},
    SHARED,
    async ({ stash }) => {
      await stash.close()
      return undefined
    },
  ],
  [
    'ask the shared store, load if it has nothing',
    'of nothing, with a store',
    'Not in memory (never): the next read asks the shared store, and loads if it has nothing.',
    {},
    SHARED,
    nothing,
  ],
  [
    'ask the shared store, load if it has nothing, stale if that fails',
    'in staleIfError, with a store',
    'the next read asks the shared store, loads if it has nothing, and gets it if that fails.',
    ERROR_ONLY,
    SHARED,
    pastTtl,
  ],
  [
    'ask the shared store, fail if it has nothing',
    'of nothing, in a replay with a store',
    "the next read asks the shared store, and fails if it has nothing (mode 'replay').",
    {},
    { ...SHARED, ...REPLAY },
    nothing,
  ],
  [
    'ask the shared store, stale if it has nothing',
    'in staleIfError, in a replay with a store',
    "the next read asks the shared store, and gets it if there is nothing (mode 'replay').",
    ERROR_ONLY,
    { ...SHARED, ...REPLAY },
    pastTtl,
  ],
  [
    'load',
    'of nothing, while the store is away',
    'Not in memory (never): the next read loads.',
    {},
    SHARED,
    whileAway(nothing),
  ],
  [
    'load, stale if it fails',
    'in staleIfError, while the store is away',
    'the next read loads, and gets it if that fails.',
    ERROR_ONLY,
    SHARED,
    whileAway(pastTtl),
  ],
]

describe('explain', () => {
  it.each(STATES)('says %s of a key %s, and so it is', async (next, _, text, options, more, scene) => {
    for (const [index, loader] of [() => 'new', () => Promise.reject(new Error('down'))].entries()) {
      const world = setUp(options, more)
      const meanwhile = await scene(world)
      const said = world.things.explain('k')
      expect(said).toMatchObject({ next, text: expect.stringContaining(text) })
      expect(await reallyReads(world, loader, meanwhile ?? (() => undefined))).toBe(MEANT[next][index])
    }
  })

  it('tells what a read would be, and why', async () => {
    const { things, clock } = open({ ttl: '1m', staleWhileRevalidate: '1m', staleIfError: '1h', tags: ['t'] })
    expect(things.explain('k')).toMatchObject({ cached: false, next: 'load', missCause: 'never' })
    await things.set('k', 'value')
    expect(things.explain('k')).toMatchObject({ cached: true, next: 'hit', ageMs: 0, ttlMs: 60_000, tags: ['t'] })
    await clock.advance(60_000)
    expect(things.explain('k')).toMatchObject({ next: 'stale and refresh', ttlMs: 0 })
    await clock.advance(60_000)
    expect(things.explain('k')).toMatchObject({ next: 'load, stale if it fails' })
    await things.delete('k')
    expect(things.explain('k')).toMatchObject({ cached: false, missCause: 'invalidated' })
  })

  it('changes nothing: neither counts nor the order of use', async () => {
    const { things } = open({ max: 2 })
    await things.set('a', 1)
    await things.set('b', 1)
    const before = things.stats()
    things.explain('a')
    things.explain('missing')
    expect(things.stats()).toEqual(before)
    await things.set('c', 1)
    expect(things.peek('a')).toBeUndefined()
  })

  it('says in a sentence that something never expires', async () => {
    const { things } = open({ ttl: Infinity })
    await things.set('k', 1)
    expect(things.explain('k')).toMatchObject({ ttlMs: null, text: expect.stringContaining('never expires') })
  })

  it('is tested in every state', () => {
    expect(new Set(STATES.map(([next]) => next))).toEqual(new Set(Object.keys(MEANT)))
  })
})
