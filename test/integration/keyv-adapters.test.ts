import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import KeyvSqlite from '@keyv/sqlite'
import { Keyv } from 'keyv'
import { afterEach, describe, expect, it } from 'vitest'
import { createStash, namespace } from '../../src/index.js'
import { eventually } from './redis-world.js'

const ends: (() => unknown)[] = []

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

function sqliteFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hopstash-sqlite-'))
  ends.push(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'cache.sqlite')
}

function stashOver(store: object, recheck: number | `${number}s` = 0) {
  const things = namespace<unknown, string>({ ttl: '1h', jitter: 0, tags: () => ['all'] })
  const stash = createStash({ store, recheck, storeTimeout: '20s', namespaces: { things } })
  ends.push(() => stash.close())
  return stash
}

const VALUES: readonly unknown[] = [
  { n: 1, at: new Date(5), map: new Map([['a', 1]]) },
  Buffer.from([0, 255, 10, 13]),
  'quotes \' " ; -- and ünïcode 😀 \u0000',
  -0,
  null,
]

const kinds: [string, () => readonly [object, object]][] = [
  [
    'SQLite, two connections to one file',
    () => {
      const file = sqliteFile()
      const open = () => new KeyvSqlite(`sqlite://${file}`)
      return [open(), open()]
    },
  ],
  [
    'SQLite inside of a Keyv',
    () => {
      const file = sqliteFile()
      return [
        new Keyv({ store: new KeyvSqlite(`sqlite://${file}`) }),
        new Keyv({ store: new KeyvSqlite(`sqlite://${file}`) }),
      ]
    },
  ],
  [
    'a Map',
    () => {
      const map = new Map()
      return [map, map]
    },
  ],
]

describe.each(kinds)('a stash over %s', (_name, sources) => {
  it('keeps every type, across two stashes', async () => {
    const [one, two] = sources().map((source) => stashOver(source)) as [
      ReturnType<typeof stashOver>,
      ReturnType<typeof stashOver>,
    ]
    for (const [index, value] of VALUES.entries()) {
      expect(await one.things.set(`k${index}`, value)).toMatchObject({ store: 'done' })
      expect(await two.things.get(`k${index}`)).toEqual(value)
    }
    let loads = 0
    const load = () => ({ load: ++loads })
    await one.things.getOrSet('loaded', load)
    await eventually(async () => (await two.things.get('loaded')) !== undefined)
    expect(await two.things.getOrSet('loaded', load)).toEqual({ load: 1 })
  })

  it('with `recheck: 0` sees what the other deleted, invalidated and cleared at the next read', async () => {
    const [one, two] = sources().map((source) => stashOver(source)) as [
      ReturnType<typeof stashOver>,
      ReturnType<typeof stashOver>,
    ]
    for (const drop of [() => one.things.delete('k'), () => one.invalidateTags(['all']), () => one.things.clear()]) {
      await one.things.set('k', 1)
      expect(await two.things.get('k')).toBe(1)
      expect(await drop()).toEqual({ memory: 'done', store: 'done' })
      expect(await two.things.get('k')).toBeUndefined()
    }
  })
})

describe('an adapter of Keyv that fails', () => {
  it('costs misses, and says the truth', async () => {
    const map = new Map<string, unknown>()
    let isBroken = false
    const adapter = {
      get: (key: string) => (isBroken ? Promise.reject(new Error('disk')) : map.get(key)),
      set: (key: string, value: unknown) => (isBroken ? Promise.reject(new Error('disk')) : void map.set(key, value)),
      delete: (key: string) => (isBroken ? Promise.reject(new Error('disk')) : map.delete(key)),
    }
    const stash = stashOver(adapter)
    await stash.things.set('k', 1)
    isBroken = true
    expect(await stash.things.getOrSet('other', () => 2)).toBe(2)
    expect(await stash.things.delete('k')).toMatchObject({ store: 'queued' })
    expect(await stash.things.get('k')).toBeUndefined()
    expect(stash.health()).toMatchObject({ status: 'degraded', store: { kind: 'keyv', away: true } })
    isBroken = false
    await eventually(() => stash.health().status === 'ok')
    expect(await stash.things.get('k')).toBeUndefined()
  })
})

// It needs Node 22.
describe.runIf(Number(process.versions.node.split('.')[0]) >= 22)('Keyv 6', () => {
  it('is taken as it is', async () => {
    const { Keyv: Keyv6 } = (await import('keyv-6')) as unknown as { Keyv: new (options?: object) => object }
    const stash = stashOver(new Keyv6({ store: new Map() }))
    expect(await stash.things.set('k', { n: 1 })).toEqual({ memory: 'done', store: 'done' })
    expect(await stash.things.get('k')).toEqual({ n: 1 })
    expect(await stash.things.delete('k')).toEqual({ memory: 'done', store: 'done' })
    expect(await stash.things.get('k')).toBeUndefined()
  })
})
