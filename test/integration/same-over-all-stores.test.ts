import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { Keyv } from 'keyv'
import { afterEach, expect, it } from 'vitest'
import { createStash, namespace } from '../../src/index.js'
import { startRedis } from '../support/redis-server.js'
import { PATIENT_MS } from './redis-world.js'

const { SEED } = process.env
const seed = Number(SEED ?? Date.now() % 2 ** 31)
const STEPS = 500
const KEYS = ['k1', 'k2', { a: 1 }, ['x', 2]] as const
const TAGS = ['t1', 't2', 'always'] as const

const ends: (() => unknown)[] = []

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

function open(store?: object | `redis://${string}` | `file:${string}`) {
  const things = namespace<unknown, unknown>({ tags: ['always'], jitter: 0, ttl: '1h' })
  const namespaces = { things, others: namespace<unknown, unknown>({ jitter: 0, ttl: '1h' }) }
  const stash = createStash({ ...(store && { store }), namespaces, storeTimeout: PATIENT_MS })
  ends.push(() => stash.close())
  return stash
}

type Opened = ReturnType<typeof open>

/** What a step has drawn, the same for all stores. */
interface Draw {
  readonly of: 'things' | 'others'
  readonly key: unknown
  readonly keys: readonly unknown[]
  readonly tag: string
  readonly subject: string
  readonly value: unknown
}

const broken = () => Promise.reject(new Error('broken'))
const soft = { mode: 'expire' } as const

const VERBS: Readonly<Record<string, (stash: Opened, draw: Draw) => Promise<unknown>>> = {
  get: (stash, { of, key }) => stash[of].get(key),
  has: (stash, { of, key }) => stash[of].has(key),
  getMany: (stash, { of, keys }) => stash[of].getMany(keys),
  getEntry: async (stash, { of, key }) => {
    const entry = await stash[of].getEntry(key)
    return entry && [entry.value, entry.status, [...entry.tags].sort()]
  },
  load: (stash, { of, key, value }) => stash[of].getOrSet(key, () => value),
  loadAgain: (stash, { of, key, value }) => stash[of].getOrSet(key, async () => value),
  loadTagged: (stash, { of, key, value, tag }) => stash[of].getOrSet(key, () => value, { tags: [tag] }),
  force: (stash, { of, key, value }) => stash[of].getOrSet(key, async () => value, { forceFresh: true }),
  failing: (stash, { of, key }) => stash[of].getOrSet(key, broken),
  noStore: (stash, { of, key, value }) => stash[of].getOrSet(key, () => value, { noStore: true }),
  onlyIfCached: (stash, { of, key }) => stash[of].getOrSet(key, broken, { onlyIfCached: true }),
  maxAge: (stash, { of, key, value }) => stash[of].getOrSet(key, () => value, { maxAge: '1h' }),
  nothing: (stash, { of, key }) => stash[of].getOrSet(key, () => undefined),
  scoped: (stash, { of, key, value }) => stash[of].getOrSet(key, () => value, { scope: 'u1' }),
  loadMany: (stash, { of, keys, value }) =>
    stash[of].getOrSetMany(keys, async (missing) => missing.map((key) => [key, value]), { aligned: true }),
  set: (stash, { of, key, value }) => stash[of].set(key, value),
  setTagged: (stash, { of, key, value, tag, subject }) => stash[of].set(key, value, { tags: [tag], subject }),
  setMany: (stash, { of, value }) =>
    stash[of].setMany([
      [KEYS[0], value],
      [KEYS[1], value],
    ]),
  save: (stash, { of, key, value }) => stash[of].writeThrough(key, value, async (saved) => saved),
  saveInVain: (stash, { of, key, value }) => stash[of].writeThrough(key, value, broken),
  delete: (stash, { of, key }) => stash[of].delete(key),
  deleteMany: (stash, { of, keys }) => stash[of].deleteMany(keys),
  expire: (stash, { of, key }) => stash[of].expire(key),
  tag: (stash, { of, tag }) => stash[of].invalidateTags([tag]),
  tagEverywhere: (stash, { tag }) => stash.invalidateTags([tag]),
  softTag: (stash, { of, tag }) => stash[of].invalidateTags([tag], soft),
  softTagEverywhere: (stash, { tag }) => stash.invalidateTags([tag], soft),
  clear: (stash, { of }) => stash[of].clear(),
}
/** Their answers tell tiers, of which memory alone has one. */
const WRITES = /^(set|delete|expire|tag|soft|clear|forget)/

/** A generator of numbers in [0, 1), by a linear congruence. */
function numbers(first: number): () => number {
  let state = first
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return state / 0x80000000
  }
}

async function told(name: string, work: Promise<unknown>): Promise<string> {
  try {
    const answer = await work
    return WRITES.test(name) ? 'done' : inspect(answer, { depth: 5 })
  } catch (error) {
    return `throws ${(error as { code?: string }).code ?? (error as Error).message}`
  }
}

it('one call behind another, every kind of store answers as memory alone does', async () => {
  const server = await startRedis()
  ends.push(() => server.stop())
  const folder = mkdtempSync(join(tmpdir(), 'hopstash-same-'))
  ends.push(() => rmSync(folder, { recursive: true, force: true }))
  const memory = open()
  const stores = {
    redis: open(`redis://127.0.0.1:${server.port}`),
    folder: open(`file:${folder}`),
    keyv: open(new Keyv()),
  }
  for (const store of Object.values(stores)) expect(await store.ready(PATIENT_MS)).toBe(true)
  const next = numbers(seed)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T
  const names = Object.keys(VERBS)
  const past: string[] = []
  for (let step = 0; step < STEPS; step++) {
    const name = pick(names)
    const values = [
      step,
      `text ${step}`,
      { step, list: [step] },
      null,
      Buffer.from([step & 255]),
      new Map([[step, 1]]),
      '',
    ]
    const draw: Draw = {
      of: pick(['things', 'things', 'others']),
      key: pick(KEYS),
      keys: [pick(KEYS), pick(KEYS), 'k9'],
      tag: pick(TAGS),
      subject: pick(['p1', 'p2']),
      value: pick(values),
    }
    const call = VERBS[name] as (typeof VERBS)[string]
    const expected = await told(name, call(memory, draw))
    past.push(`${step} ${name} ${inspect(draw, { breakLength: Infinity })} -> ${expected}`)
    for (const [kind, stash] of Object.entries(stores)) {
      const answer = await told(name, call(stash, draw))
      expect(answer, `SEED=${seed}, ${kind}\n${past.slice(-30).join('\n')}`).toBe(expected)
    }
  }
})
