import { deepStrictEqual } from 'node:assert'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
// Over WebAssembly here, so that nothing has to be compiled: natively it is some three times as fast (README.md).
import KeyvSqlite from '@keyv/sqlite'
import { BentoCache, bentostore } from 'bentocache'
import { fileDriver } from 'bentocache/drivers/file'
import { Keyv } from 'keyv'
import { KeyvFile } from 'keyv-file'
import { importHopstash } from './build.mjs'
import { measure } from './harness.mjs'
import { nested } from './inputs.mjs'

const ENTRIES = 10_000
/** Read in an order in which nothing of the last ten thousand is in any memory. */
const STRIDE = 7919

/** A store for scripts: values of 2 KB, 10,000 entries, one call at a time. */
export async function bench(pace) {
  const folder = mkdtempSync(join(tmpdir(), 'hopstash-bench-'))
  try {
    const keys = Array.from({ length: ENTRIES }, (_, index) => `item ${(index * STRIDE) % ENTRIES}`)
    const values = new Map(keys.map((key, index) => [key, nested(index)]))
    const contenders = await openAll(folder)
    for (const { set, name } of contenders)
      if (name !== 'keyv-file') for (const [key, value] of values) await set(key, value)
    const [keyvFile] = contenders.filter(({ name }) => name === 'keyv-file')
    await Promise.all([...values].map(([key, value]) => keyvFile.set(key, value)))
    const tables = [
      await measure(getting(contenders, keys, values), pace),
      await measure(setting(contenders, keys, values), pace),
    ]
    for (const { close } of contenders) await close?.()
    return [...tables, await measure(await opening(folder, keys, values), pace)]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function getting(contenders, keys, values) {
  return {
    title: 'get 2 KB of 10,000, one at a time',
    operation: 'one get',
    inputs: keys,
    contenders: contenders.map(({ name, kind, get }) => ({ name, kind, call: get })),
    check: (key, value) => deepStrictEqual(value, values.get(key)),
    goals: [
      { of: 'hopstash', to: 'Map + JSON', atLeast: 0.25 },
      { of: 'hopstash', to: '@keyv/sqlite (WASM)', atLeast: 15 },
    ],
  }
}

function setting(contenders, keys, values) {
  return {
    title: 'set 2 KB, awaited, one at a time',
    operation: 'one set',
    inputs: keys,
    contenders: contenders.map(({ name, kind, set }) => ({ name, kind, call: (key) => set(key, values.get(key)) })),
    goals: [{ of: 'hopstash', to: 'bentocache, file driver', atLeast: 2 }],
  }
}

async function opening(folder, keys, values) {
  const open = await stashOf(folder)
  return {
    title: 'open 10,000 entries: a stash, one read, closed (goal: 5 ms)',
    operation: 'one start',
    inputs: keys,
    contenders: [
      { name: 'hopstash', kind: 'ours', call: once },
      { name: 'hopstash (A/A)', kind: 'twin', call: once },
    ],
    check: (key, value) => deepStrictEqual(value, values.get(key)),
  }

  async function once(key) {
    const { get, close } = open()
    const value = await get(key)
    await close()
    return value
  }
}

async function openAll(folder) {
  const map = new Map()
  const ours = (await stashOf(folder))()
  const twin = (await stashOf(join(folder, 'twin')))()
  const sqlite = new Keyv({ store: new KeyvSqlite(`sqlite://${join(folder, 'data.sqlite')}`) })
  const file = new Keyv({ store: new KeyvFile({ filename: join(folder, 'data.json'), writeDelay: 0 }) })
  const bento = new BentoCache({
    default: 'files',
    stores: { files: bentostore().useL2Layer(fileDriver({ directory: join(folder, 'bento'), pruneInterval: false })) },
  })
  return [
    {
      name: 'Map + JSON',
      kind: 'limit',
      get: async (key) => JSON.parse(map.get(key)),
      set: async (key, value) => map.set(key, JSON.stringify(value)),
    },
    { name: 'hopstash', kind: 'ours', ...ours },
    { name: 'hopstash (A/A)', kind: 'twin', ...twin },
    { name: '@keyv/sqlite (WASM)', kind: 'peer', ...keyvOf(sqlite) },
    { name: 'keyv-file', kind: 'peer', ...keyvOf(file) },
    {
      name: 'bentocache, file driver',
      kind: 'peer',
      get: (key) => bento.get({ key: key.replace(' ', '-') }),
      set: (key, value) => bento.set({ key: key.replace(' ', '-'), value, ttl: '1h' }),
      close: () => bento.disconnectAll(),
    },
    ...(await openNative(folder)),
  ]
}

/** What has to be compiled, or brings what was, takes part where it is installed (README.md). None waits for the disk, as we do not. */
async function openNative(folder) {
  const contenders = []
  const lmdb = await import('lmdb').catch(() => undefined)
  if (lmdb !== undefined) {
    const store = lmdb.open({ path: join(folder, 'lmdb'), noSync: true })
    contenders.push({
      name: 'lmdb, noSync',
      kind: 'peer',
      get: async (key) => store.get(key),
      set: (key, value) => store.put(key, value),
      close: () => store.close(),
    })
  }
  const sqlite = await import('better-sqlite3').catch(() => undefined)
  if (sqlite !== undefined) {
    const database = new sqlite.default(join(folder, 'better.sqlite'))
    database.pragma('journal_mode = WAL')
    database.pragma('synchronous = OFF')
    database.exec('CREATE TABLE entries (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID')
    const read = database.prepare('SELECT value FROM entries WHERE key = ?').pluck()
    const write = database.prepare('INSERT OR REPLACE INTO entries VALUES (?, ?)')
    contenders.push({
      name: 'better-sqlite3, WAL, no sync',
      kind: 'peer',
      get: async (key) => JSON.parse(read.get(key)),
      set: async (key, value) => write.run(key, JSON.stringify(value)),
      close: () => database.close(),
    })
  }
  return contenders
}

/** Memory of one entry, so that every read is one of the folder. */
async function stashOf(folder) {
  const { createStash, namespace } = await importHopstash()
  return () => {
    const stash = createStash({ store: { folder, requests: false }, namespaces: { items: namespace({ max: 1 }) } })
    const { items } = stash
    return { get: (key) => items.get(key), set: (key, value) => items.set(key, value), close: () => stash.close() }
  }
}

function keyvOf(keyv) {
  return { get: (key) => keyv.get(key), set: (key, value) => keyv.set(key, value), close: () => keyv.disconnect() }
}
