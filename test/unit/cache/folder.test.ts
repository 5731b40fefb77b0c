import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { buildStash } from '../../../src/cache/build-stash.js'
import { defineNamespace } from '../../../src/cache/namespace-options.js'
import { resolveMode, type Whereabouts } from '../../../src/cache/recording.js'
import { createStash } from '../../../src/cache/stash.js'
import type { StashOptions } from '../../../src/cache/stash-options.js'
import { cachedFetch } from '../../../src/llm/cached-fetch.js'
import { readSettings } from '../../../src/runtime/settings.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

const DAY_MS = 86_400_000
let folder: string
let calls: number
const open: { close(): Promise<void> }[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hopstash-folder-'))
  calls = 0
})

afterEach(async () => {
  await Promise.all(open.splice(0).map((stash) => stash.close()))
  rmSync(folder, { recursive: true, force: true })
})

const namespaces = { answers: defineNamespace<unknown, unknown>({ ttl: '1m' }) }
const load = () => `answer ${++calls}`

/** A run of a script: a process of its own, as far as the folder can tell. */
function run(options: StashOptions<typeof namespaces> = {}) {
  const stash = createStash({ store: { folder }, namespaces, ...options })
  open.push(stash)
  return stash
}

function texts(): string[] {
  const all = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return all.filter((path) => path.endsWith('.entry')).map((path) => readFileSync(join(folder, path), 'utf8'))
}

describe('a stash over a folder', () => {
  it.each([
    ['a URL with a path from here', () => `file:${folder}`],
    ['a URL of a path from the root', () => pathToFileURL(folder).href],
    ['options', () => ({ folder })],
  ])('pays once for what two runs ask: %s', async (_what, store) => {
    const ask = async () => run({ store: store() as 'file:x' }).answers.getOrSet({ q: 1 }, load)
    expect(await ask()).toBe('answer 1')
    await open[0]?.close()
    expect(await ask()).toBe('answer 1')
    expect(calls).toBe(1)
  })

  it('pays nothing a month later, whatever lifetimes say, unless lifetimes were asked for', async () => {
    const clock = createFakeClock()
    const stash = run({ clock, recheck: '1d' })
    await stash.answers.getOrSet('k', load, { ttl: '5s' })
    await vi.waitFor(() => expect(texts()).toHaveLength(1), 20_000)
    await clock.advance(30 * DAY_MS)
    expect(await stash.answers.getOrSet('k', load)).toBe('answer 1')
    expect(await run({ clock, recheck: '1d' }).answers.getOrSet('k', load)).toBe('answer 1')
    expect(calls).toBe(1)
    const mortal = run({ clock, recheck: '1d', store: { folder, expires: true }, prefix: 'mortal' })
    await mortal.answers.getOrSet('k', load)
    await clock.advance(DAY_MS)
    expect(await mortal.answers.getOrSet('k', load)).toBe('answer 3')
  })

  it('keeps what JSON lacks, bytes as bytes, and texts readable', async () => {
    const value = { at: new Date(0), map: new Map([['a', 1n]]), bytes: new Uint8Array([1, 2]), text: 'Grüße' }
    await run().answers.set('k', value)
    expect(await run().answers.get('k')).toEqual(value)
    const [line = '', body = ''] = (texts()[0] as string).split('\n')
    expect(JSON.parse(body)).toMatchObject({ text: 'Grüße', at: { $date: '1970-01-01T00:00:00.000Z' } })
    expect(JSON.parse(line)).toMatchObject({ hopstash: 1, request: 'k' })
    await run().answers.set('pdf', Buffer.from('%PDF'))
    expect(await run().answers.get('pdf')).toEqual(Buffer.from('%PDF'))
  })

  it('does not store what says that it must not be stored', async () => {
    const { answers } = run()
    await answers.getOrSet('k', load, { ttl: 0 })
    await answers.getOrSet('k', load, { noStore: true })
    expect(calls).toBe(2)
    expect(texts()).toEqual([])
  })

  it('obeys invalidations of other processes', async () => {
    const [one, two] = [run({ recheck: 10 }), run({ recheck: 10 })]
    const ask = (stash: typeof one, key: string) => stash.answers.getOrSet(key, load, { tags: [`t:${key}`] })
    for (const key of ['a', 'b', 'c']) await ask(one, key)
    for (const key of ['a', 'b', 'c']) expect(await ask(two, key)).toMatch(/answer [123]/)
    await two.answers.delete('a')
    await two.invalidateTags(['t:b'])
    await vi.waitFor(async () => expect(one.answers.peek('b')).toBeUndefined(), 20_000)
    expect(await ask(one, 'a')).toBe('answer 4')
    expect(await ask(one, 'b')).toBe('answer 5')
    expect(await ask(one, 'c')).toBe('answer 3')
    await two.clear()
    await vi.waitFor(async () => expect(one.answers.peek('c')).toBeUndefined(), 20_000)
    expect(await ask(one, 'c')).toBe('answer 6')
  })

  it('loads once for several processes, and in time that outlives a lease', async () => {
    const cluster = { answers: defineNamespace<unknown, unknown>({ coalesce: 'cluster' }) }
    const stashes = Array.from({ length: 4 }, () => run({ namespaces: cluster, recheck: 20 }))
    const slow = async () => {
      await new Promise((resolve) => setTimeout(resolve, 300))
      return load()
    }
    const answers = await Promise.all(stashes.map((stash) => stash.answers.getOrSet('k', slow)))
    expect(answers).toEqual(Array(4).fill('answer 1'))
    expect(calls).toBe(1)
  })

  it('keeps what took longer to load than a lease lives, because its leader renews it', async () => {
    const clock = createFakeClock()
    const cluster = { answers: defineNamespace<unknown, unknown>({ coalesce: 'cluster' }) }
    const stash = run({ namespaces: cluster, clock, recheck: '1d' })
    let end: (value: string) => void = () => {}
    const asked = stash.answers.getOrSet(
      'k',
      () =>
        new Promise<string>((resolve) => {
          end = resolve
        }),
    )
    for (let i = 0; i < 60; i++) {
      await new Promise((resolve) => setImmediate(resolve))
      await clock.advance(1000)
    }
    end('after a minute')
    expect(await asked).toBe('after a minute')
    await vi.waitFor(() => expect(texts()).toHaveLength(1), 20_000)
  })

  it('keeps answers and requests for those who have the key, where it is encrypted', async () => {
    const keys = [{ id: 'k1', key: new Uint8Array(32).fill(7) }]
    await run({ encryption: { keys } }).answers.set({ q: 'canary-question' }, 'canary-answer')
    expect(texts().join()).not.toMatch(/canary/)
    expect(await run({ encryption: { keys } }).answers.get({ q: 'canary-question' })).toBe('canary-answer')
    expect(await run().answers.get({ q: 'canary-question' })).toBeUndefined()
  })

  it('writes requests without secrets, known ones and those the host names', async () => {
    const input = { authorization: 'Bearer abcdefghijkl', q: 'is sk-abcdefghijklmnop or hunter2 safe?', apiKey: 'x' }
    await run({ store: { folder, scrub: ['hunter2'] } }).answers.set(input, 1)
    expect(texts().join()).not.toMatch(/abcdefghij|hunter2|"apiKey":"x"/)
    expect(texts().join()).toContain('[scrubbed]')
    await run({ store: { folder, requests: false }, prefix: 'other' }).answers.set({ q: 'canary' }, 1)
    await run({ secret: 'a secret of 16 or more', prefix: 'third' }).answers.set({ q: 'canary' }, 1)
    expect(texts().join()).not.toContain('canary')
  })

  it('works without its folder, and says so once', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    writeFileSync(join(folder, 'file'), '')
    const stash = run({ store: { folder: join(folder, 'file') } })
    expect(await stash.answers.getOrSet('k', load)).toBe('answer 1')
    expect(await stash.answers.getOrSet('k', load)).toBe('answer 1')
    expect(stash.health().store).toMatchObject({ kind: 'folder', problem: expect.any(String) })
    expect(await stash.ready()).toBe(false)
    expect(warn.mock.calls.filter(([text]) => String(text).includes('cannot be used'))).toHaveLength(1)
  })

  it('says that it is ready, and what it is', async () => {
    const stash = run()
    expect(await stash.ready()).toBe(true)
    expect(stash.health()).toMatchObject({ status: 'ok', store: { kind: 'folder', folder, problem: undefined } })
  })

  it.each([
    [{ store: 'file:' }, /`store`/],
    [{ store: 'file://' }, /`store`/],
    [{ store: 'file:///' }, /`store`/],
    [{ store: 'file://host/share' }, /`store`/],
    [{ store: { folder: 1 } }, /`store.folder`/],
    [{ store: { folder: 'x', maxBytes: 0 } }, /`store.maxBytes`/],
    [{ store: { folder: 'x', expires: 'no' } }, /`store.expires`/],
    [{ store: { folder: 'x', expire: true } }, /Did you mean `expires`/],
    [{ store: { folder: 'x', scrub: [1] } }, /scrub/],
  ])('refuses what cannot be used: %j', (options, message) => {
    expect(() => createStash(options as object)).toThrow(message)
  })
})

describe('mode replay', () => {
  const record = async (input: unknown) => {
    const stash = run()
    await stash.answers.getOrSet(input, load)
    await vi.waitFor(() => expect(texts().length).toBeGreaterThan(0), 20_000)
    await stash.close()
  }
  const missOf = (work: Promise<unknown>) =>
    work.then(
      () => expect.unreachable(),
      (error) => error,
    )

  it('answers what was recorded, and loads nothing', async () => {
    await record({ q: 1 })
    const before = readdirSync(folder, { recursive: true })
    const { answers } = run({ mode: 'replay' })
    expect(await answers.getOrSet({ q: 1 }, load)).toBe('answer 1')
    expect(await answers.getOrSet({ q: 1 }, load, { forceFresh: true })).toBe('answer 1')
    expect(await answers.getOrSet({ q: 1 }, load, { maxAge: 0 })).toBe('answer 1')
    expect(await answers.get({ q: 1 })).toBe('answer 1')
    expect(calls).toBe(1)
    expect(readdirSync(folder, { recursive: true })).toEqual(before)
  })

  it('answers several at once who want what is newer', async () => {
    const clock = createFakeClock()
    const recorder = run({ clock })
    await recorder.answers.getOrSet('k', load)
    await recorder.close()
    await clock.advance(60_000)
    const { answers } = run({ mode: 'replay', clock })
    const asked = ['1s', '1s'] as const
    expect(await Promise.all(asked.map((maxAge) => answers.getOrSet('k', load, { maxAge })))).toEqual([
      'answer 1',
      'answer 1',
    ])
  })

  it('names the nearest recorded request and the places that differ, and shows nothing of either', async () => {
    await record({ model: 'm', messages: [{ content: 'canary one' }] })
    await record({ model: 'other', messages: [{ content: 'canary two' }], n: 2 })
    const { answers } = run({ mode: 'replay' })
    const error = await missOf(answers.getOrSet({ model: 'm', messages: [{ content: 'canary three' }] }, load))
    expect(error).toMatchObject({
      code: 'ERR_REPLAY_MISS',
      context: { namespace: 'answers', paths: ['$.messages[0].content'] },
    })
    expect(error.message).toMatch(/entries\/answers\/.*\.entry; it differs at \$\.messages\[0\]\.content/)
    expect(error.message).not.toContain('canary')
    expect(calls).toBe(2)
  })

  it('misses clearly where nothing is recorded, keys have no form, or the folder is none', async () => {
    const { answers } = run({ mode: 'replay' })
    expect(await missOf(answers.getOrSet('k', load))).toMatchObject({ code: 'ERR_REPLAY_MISS' })
    expect(await missOf(answers.getOrSet(() => 1, load))).toMatchObject({ code: 'ERR_REPLAY_MISS' })
    expect(await missOf(answers.getOrSetMany(['a'], async () => [load()], { aligned: true }))).toMatchObject({
      code: 'ERR_REPLAY_MISS',
    })
    const records = answers.records<unknown>('llm')
    const ask = (key: unknown) => records.load(key, async () => load(), { describe: () => '{"a":1}' })
    expect(await missOf(ask('k'))).toMatchObject({ code: 'ERR_REPLAY_MISS' })
    expect(await missOf(ask(() => 1))).toMatchObject({ code: 'ERR_REPLAY_MISS' })
    writeFileSync(join(folder, 'file'), '')
    vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const broken = run({ mode: 'replay', store: { folder: join(folder, 'file') } })
    expect((await missOf(broken.answers.getOrSet('k', load))).message).toMatch(/cannot be used/)
    expect(calls).toBe(0)
  })

  it('does not say that nothing like it is recorded where it cannot know', async () => {
    const encryption = (byte: number) => ({ keys: [{ id: 'k', key: new Uint8Array(32).fill(byte) }] })
    const recorder = run({ encryption: encryption(1) })
    await recorder.answers.getOrSet('k', load)
    await recorder.close()
    expect(await run({ mode: 'replay', encryption: encryption(1) }).answers.getOrSet('k', load)).toBe('answer 1')
    const { message } = await missOf(run({ mode: 'replay', encryption: encryption(2) }).answers.getOrSet('k', load))
    expect(message).toMatch(/with another `secret` or encryption key nothing is found/)
    expect(message).not.toMatch(/Nothing like it/)
  })

  it('replays what is recorded even if it was invalidated, its log is gone, or files came from elsewhere', async () => {
    await record('k')
    const stash = run()
    await stash.clear()
    await stash.close()
    rmSync(join(folder, 'hopstash-v1/log-1'), { recursive: true })
    const { answers } = run({ mode: 'replay' })
    expect(await answers.getOrSet('k', load)).toBe('answer 1')
    await answers.delete('k')
    await answers.clear()
    expect(await answers.getOrSet('k', load)).toBe('answer 1')
    expect(readdirSync(join(folder, 'hopstash-v1'))).not.toContain('log-1')
  })

  it('needs a store where it is asked for, and leaves memory alone where the environment asks', async () => {
    for (const mode of ['replay', 'refresh'] as const) {
      expect(() => createStash({ mode, store: 'memory' })).toThrow(/Expected `mode` to be 'record' or 'off'/)
    }
    expect(() => createStash({ mode: 'reply' as 'replay' })).toThrow(/Expected `mode` to be one of/)
  })
})

describe('mode refresh', () => {
  it('loads once what this run has not loaded itself, and writes it anew', async () => {
    await run().answers.set('k', 'old')
    const { answers } = run({ mode: 'refresh' })
    expect(await answers.getOrSet('k', load)).toBe('answer 1')
    expect(await answers.getOrSet('k', load)).toBe('answer 1')
    await vi.waitFor(async () => expect(await run().answers.get('k')).toBe('answer 1'), 20_000)
  })
})

describe('mode off', () => {
  it('neither reads nor writes, in memory neither', async () => {
    await run().answers.set('k', 'old')
    const { answers } = run({ mode: 'off' })
    expect(await answers.getOrSet('k', load)).toBe('answer 1')
    expect(await answers.getOrSet('k', load)).toBe('answer 2')
    expect(await answers.set('k', 'new')).toMatchObject({ memory: 'none' })
    expect(await answers.get('k')).toBeUndefined()
    expect(await run().answers.get('k')).toBe('old')
  })

  it('needs no store', async () => {
    const { answers } = run({ mode: 'off', store: 'memory' })
    await answers.getOrSet('k', load)
    await answers.getOrSet('k', load)
    expect(calls).toBe(2)
  })
})

it('makes directories as they are needed', async () => {
  const deep = join(folder, 'a/b/c')
  mkdirSync(join(folder, 'a'))
  await run({ store: { folder: deep } }).answers.set('k', 1)
  expect(await run({ store: { folder: deep } }).answers.get('k')).toBe(1)
})

describe('CACHE_MODE', () => {
  const of = (text: string, where: Whereabouts) => resolveMode(undefined, readSettings({ CACHE_MODE: text }), where)

  it('is for stashes with a store, but for off', () => {
    expect(['replay', 'refresh', 'off', 'record', ''].map((text) => of(text, 'store'))).toEqual([
      'replay',
      'refresh',
      'off',
      'record',
      'record',
    ])
    expect(['replay', 'refresh', 'off'].map((text) => of(text, 'memory'))).toEqual(['record', 'record', 'off'])
    expect(['replay', 'refresh', 'off'].map((text) => of(text, 'unsaid'))).toEqual(['replay', 'record', 'off'])
  })

  it('replays nothing where the store was forgotten: no loader runs', async () => {
    const environment = readSettings({ CACHE_MODE: 'replay' })
    const stash = buildStash({ namespaces }, environment)
    const answers = stash.namespace('answers')
    const miss = { code: 'ERR_REPLAY_MISS', message: expect.stringContaining('none is named: set CACHE_URL') }
    await expect(answers.getOrSet('k', load)).rejects.toMatchObject(miss)
    await expect(answers.getOrSetMany(['k'], async () => [load()], { aligned: true })).rejects.toMatchObject(miss)
    const fetch = cachedFetch(answers as never, { fetch: async () => Response.json(load()) })
    const body = JSON.stringify({ model: 'm', messages: [] })
    const headers = { 'content-type': 'application/json' }
    const url = 'https://api.openai.com/v1/chat/completions'
    await expect(fetch(url, { method: 'POST', headers, body })).rejects.toMatchObject({ code: 'ERR_REPLAY_MISS' })
    await expect(fetch('https://api.openai.com/v1/files')).rejects.toMatchObject({ code: 'ERR_REPLAY_MISS' })
    expect(calls).toBe(0)
    const meant = buildStash({ store: 'memory', namespaces }, environment)
    expect(await meant.namespace('answers').getOrSet('k', load)).toBe('answer 1')
  })

  it('is overruled by the option', () => {
    expect(resolveMode('record', readSettings({ CACHE_MODE: 'replay' }), 'store')).toBe('record')
  })
})
