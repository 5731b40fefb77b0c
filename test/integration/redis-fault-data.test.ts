import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createStash, namespace } from '../../src/index.js'
import { freePort, NOBODYS_PORT, type RedisServer, startRedis } from '../support/redis-server.js'
import { startProxy } from '../support/tcp-proxy.js'
import { eventually, HASTY, PATIENT_MS, pause, startProcess, untilConnected } from './redis-world.js'

const OUTAGE_SCRIPT = fileURLToPath(new URL('../support/outage-writes.ts', import.meta.url))
const MOST_MIB = 32
const ends: (() => Promise<unknown>)[] = []
let server: RedisServer

beforeEach(async () => {
  server = await startRedis()
  ends.push(() => server.stop())
})

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const ENTRY = '{hopstash:things:v1:k}:e'
const TOKEN = '{hopstash:things:v1:k}:t'
const MARKER = '{hopstash}:m:n/things'

async function stashOf(url = server.url, storeTimeout: number = PATIENT_MS) {
  const stash = createStash({
    store: url as 'redis://',
    storeTimeout,
    namespaces: { things: namespace<unknown, string>({ ttl: '1h' }) },
  })
  ends.push(() => stash.close())
  return stash
}

describe("somebody else's bytes at a key", () => {
  it.each([
    ['a list', ['RPUSH', ENTRY, 'x']],
    ['a hash', ['HSET', ENTRY, 'f', 'v']],
    ['nothing', ['SET', ENTRY, '']],
    ['text', ['SET', ENTRY, 'hello']],
    ['JSON', ['SET', ENTRY, '{"value":{"n":1},"expires":null}']],
    ['null', ['SET', ENTRY, 'null']],
    ['a prototype', ['SET', ENTRY, '{"__proto__":{"polluted":true}}']],
    ['a megabyte', ['SET', ENTRY, 'x'.repeat(1024 * 1024)]],
    ['a list in the place of the token', ['RPUSH', TOKEN, 'x']],
    ['a list in the place of a marker', ['RPUSH', MARKER, 'x']],
    ['text in the place of a marker', ['SET', MARKER, 'inc:one:two']],
  ])('is a miss, and replaced by the next load: %s', async (_what, command) => {
    const stash = await stashOf()
    expect(await stash.ready(PATIENT_MS)).toBe(true)
    await server.command(...command)
    expect(await stash.things.get('k')).toBeUndefined()
    // In a crowd it is read by plain commands, alone by a script.
    expect(await Promise.all(['k', 'l', 'm'].map((key) => stash.things.get(key)))).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    expect(await stash.things.getOrSet('k', () => ({ n: 1 }))).toEqual({ n: 1 })
    const other = await stashOf()
    expect(await other.ready(PATIENT_MS)).toBe(true)
    await eventually(async () => JSON.stringify(await other.things.get('k')) === '{"n":1}')
    expect(stash.health()).toMatchObject({ status: 'ok', store: { breaker: 'closed', away: false } })
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  it('costs misses and no more at every byte of an entry that is damaged, cut or moved to another key', async () => {
    const writer = await stashOf()
    expect(await writer.ready(PATIENT_MS)).toBe(true)
    await writer.things.set('k', { text: 'the value', n: [1, 2, 3] })
    await writer.things.set('l', { text: 'another' })
    const length = Number(await server.command('STRLEN', ENTRY))
    const reader = await startProcess(server.url)
    ends.push(() => reader.stash.close())
    await untilConnected(reader)
    const ref = { key: 'hopstash:things:v1:k', namespace: 'things', digest: 'd' }
    const bodyOf = async () => (await reader.store.read(ref)).entry?.body
    for (let at = 0; at < length; at += 7) {
      await server.command('COPY', ENTRY, 'kept', 'REPLACE')
      await server.command('SETRANGE', ENTRY, String(at), '\u0001')
      await bodyOf()
      await server.command('SET', ENTRY, String(await server.command('GETRANGE', 'kept', '0', String(at))))
      // Latin-1 through a text command: whatever arrives, it is not the entry.
      expect(await bodyOf()).toBeUndefined()
      await server.command('COPY', 'kept', ENTRY, 'REPLACE')
    }
    await server.command('COPY', '{hopstash:things:v1:l}:e', ENTRY, 'REPLACE')
    const fresh = await stashOf()
    expect(await fresh.ready(PATIENT_MS)).toBe(true)
    expect(await fresh.things.get('k')).toBeUndefined()
    expect(await fresh.things.getOrSet('k', () => 'healed')).toBe('healed')
  })

  it('at the control key: callers are bounded, memory serves, and it is used again when it is gone', async () => {
    const stash = await stashOf()
    expect(await stash.ready(PATIENT_MS)).toBe(true)
    await server.command('SET', '{hopstash}:ctl', 'not a hash')
    expect(await stash.things.getOrSet('k', () => 1)).toBe(1)
    expect(await stash.things.getOrSet('k', () => 2)).toBe(1)
    expect(stash.health().status).toBe('degraded')
    await server.command('DEL', '{hopstash}:ctl')
    await eventually(() => stash.health().status === 'ok')
    expect(await stash.things.set('k', 3)).toEqual({ memory: 'done', store: 'done' })
  })
})

describe('a server that is not well at the start of a process', () => {
  it('refused: nobody waits, results are truthful, and it is used once it is there', async () => {
    const port = await freePort()
    const stash = await stashOf(`redis://127.0.0.1:${port}`)
    expect(await stash.things.getOrSet('k', () => 1)).toBe(1)
    expect(await stash.things.delete('gone')).toEqual({ memory: 'done', store: 'queued' })
    expect(await stash.ready(100)).toBe(false)
    const health = stash.health()
    expect(health).toMatchObject({ status: 'degraded', store: { pending: 1, waitsFor: 'a connection (ECONNREFUSED)' } })
    expect(health.store?.awayMs).toBeGreaterThan(0)
    const late = await startRedis({ port })
    ends.push(() => late.stop())
    expect(await stash.ready(PATIENT_MS)).toBe(true)
    await eventually(() => stash.health().status === 'ok')
    expect(stash.health().store?.pending).toBe(0)
    expect(await stash.things.set('k', 2)).toEqual({ memory: 'done', store: 'done' })
  })

  it('frozen: nobody waits until it answers, and it is used once it does', async () => {
    server.freeze()
    const stash = await stashOf(server.url, HASTY.timeout)
    expect(await stash.things.getOrSet('k', () => 1)).toBe(1)
    expect(await stash.things.getOrSet('l', () => 1)).toBe(1)
    expect(stash.health().status).toBe('degraded')
    expect(await stash.ready(50)).toBe(false)
    server.thaw()
    expect(await stash.ready(PATIENT_MS)).toBe(true)
    await eventually(() => stash.health().status === 'ok')
  })
})

describe('20,000 writes that nobody awaits, in an outage', () => {
  it.each(['refused', 'frozen'])(
    '%s: all of them settle, little is kept, close() settles and the process ends',
    async (how) => {
      if (how === 'frozen') server.freeze()
      const url = how === 'frozen' ? server.url : `redis://127.0.0.1:${NOBODYS_PORT}`
      const args = ['--expose-gc', '--import', 'tsx', OUTAGE_SCRIPT, url]
      // It ends by itself, while the server stands still: the limit is for one that never does.
      const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 100_000 })
      server.thaw()
      const { settled, leftMib } = JSON.parse(stdout) as Record<string, number>
      expect(settled).toBe(20_000)
      expect(leftMib).toBeLessThan(MOST_MIB)
    },
    120_000,
  )
})

describe('100,000 reads with random aborts through a delaying proxy', () => {
  it('never bring a value under a foreign key', async () => {
    const proxy = await startProxy(server.port)
    ends.push(() => proxy.close())
    const reads = Number(process.env.SCALE === 'full' ? 100_000 : 20_000)
    const keys = Array.from({ length: 500 }, (_, index) => `key ${index}`)
    const writer = await stashOf()
    expect(await writer.ready(PATIENT_MS)).toBe(true)
    await Promise.all(keys.map((key) => writer.things.set(key, { of: key })))
    const things = namespace<{ of: string }, string>({ ttl: '1h', max: 20 })
    const stash = createStash({ store: proxy.url as 'redis://', namespaces: { things } })
    ends.push(() => stash.close())
    expect(await stash.ready(PATIENT_MS)).toBe(true)
    const slow = setInterval(() => {
      proxy.delayMs = Math.random() < 0.3 ? 300 * Math.random() : 0
    }, 20)
    ends.push(async () => clearInterval(slow))
    let [foreign, answered, aborted] = [0, 0, 0]
    const one = async (): Promise<void> => {
      const key = keys[Math.floor(Math.random() * keys.length)] as string
      const abort = new AbortController()
      const dice = Math.random()
      if (dice < 0.2) setTimeout(() => abort.abort(), 30 * Math.random())
      try {
        const reading = stash.things.getOrSet(key, async () => ({ of: key }), { signal: abort.signal })
        // On a fast machine the timers above find everything answered.
        if (dice > 0.9) abort.abort()
        const value = await reading
        answered++
        if (value?.of !== key) foreign++
      } catch {
        aborted++
      }
    }
    for (let done = 0; done < reads; done += 200) {
      await Promise.all(Array.from({ length: 200 }, one))
      if (done % 5000 === 0) await pause(20)
    }
    expect(foreign).toBe(0)
    expect(answered + aborted).toBe(reads)
    expect(Math.min(answered, aborted)).toBeGreaterThan(reads / 100)
  })
})
