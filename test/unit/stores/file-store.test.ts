import { execFileSync } from 'node:child_process'
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createEntryCodec } from '../../../src/cache/entry-codec.js'
import { textDigest } from '../../../src/keys/text-digest.js'
import { createFileStore, type FileStoreOptions } from '../../../src/stores/file.js'
import {
  isValid,
  markerNames,
  type ReadReply,
  type SharedStore,
  type StoredEntry,
} from '../../../src/stores/shared-store.js'
import { subjectTag } from '../../../src/stores/subject.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

const FAR = Number.MAX_SAFE_INTEGER
const TEXT = '{"answer":"Grüße"}'
let folder: string
let ids = 0

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hopstash-file-'))
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

const open = (more: Partial<FileStoreOptions> = {}) => createFileStore({ folder, ...more })
const refOf = (name: string, namespace = 'things') => ({
  key: `hopstash:${namespace}:v1:${name}`,
  namespace,
  digest: name,
})

function entryOf(body: string | Uint8Array = TEXT, tags: readonly string[] = []): StoredEntry {
  const id = `nonce${String(++ids).padStart(11, '0')}`
  const now = Date.now()
  const times = { storedAtMs: now, freshUntilMs: now + 1000, staleForMs: 0, errorForMs: 0, loadMs: 12 }
  return { id, inc: '', startSeq: 0, tags, ...times, body: typeof body === 'string' ? Buffer.from(body) : body }
}

async function put(store: SharedStore, name: string, entry = entryOf(), describe?: () => string) {
  const ref = refOf(name)
  return store.set({ ...ref, entry, lifeMs: 1000, notAfterMs: FAR, describe })
}

async function found(store: SharedStore, name: string): Promise<string | undefined> {
  const { entry, inc, markers } = await store.read(refOf(name))
  if (entry?.body === undefined || !isValid(entry, markerNames('things', entry.tags), inc, markers)) return undefined
  return Buffer.from(entry.body).toString()
}

function files(): string[] {
  const all = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return all.filter((path) => path.endsWith('.entry')).map((path) => join(folder, path))
}

describe('an entry in a folder', () => {
  it('is a line of JSON and a body of text, for people', async () => {
    await put(open(), 'a', entryOf(TEXT, ['red', subjectTag('x'.repeat(22))]), () => '{"model":"m","n":1}')
    const [line = '', body] = readFileSync(files()[0] as string, 'utf8').split('\n')
    expect(JSON.parse(line)).toMatchObject({
      hopstash: 1,
      key: 'hopstash:things:v1:a',
      tags: ['red'],
      request: { model: 'm', n: 1 },
    })
    expect(body).toBe(TEXT)
  })

  it.each([
    ['small', 'x'.repeat(10)],
    ['large', 'x'.repeat(100_000)],
  ])(
    'that is %s is told to a function as it is told by a promise, and never before the call returns',
    async (_, body) => {
      const store = open()
      await put(store, 'a', entryOf(body))
      const order: string[] = []
      const told = await new Promise<ReadReply | undefined>((resolve) => {
        store.readTo?.(refOf('a'), (reply) => {
          order.push('told')
          resolve(reply)
        })
        order.push('returned')
      })
      const { entry, inc, seq, markers } = await store.read(refOf('a'))
      expect(told).toMatchObject({ inc, seq, markers, entry: { id: entry?.id } })
      expect(Buffer.from(told?.entry?.body ?? []).toString()).toBe(body)
      expect(order).toEqual(['returned', 'told'])
    },
  )

  it('that cannot be looked for is told as an error, and the folder says what is wrong', async () => {
    writeFileSync(join(folder, 'file'), '')
    const store = createFileStore({ folder: join(folder, 'file') })
    const [reply, error] = await new Promise<unknown[]>((resolve) => {
      store.readTo?.(refOf('a'), (...told) => resolve(told))
    })
    expect(reply).toBeUndefined()
    expect(error).toMatchObject({ code: 'ENOTDIR' })
    expect(store.problem).toContain('ENOTDIR')
    rmSync(join(folder, 'file'))
    expect(await found(store, 'a')).toBeUndefined()
    expect(store.problem).toBeUndefined()
  })

  it('that could not be kept is a trouble until one was, whatever is read meanwhile, and is warned of once', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue()
    const store = open()
    await put(store, 'a')
    const [path = ''] = files()
    rmSync(path)
    for (let round = 0; round < 2; round++) {
      mkdirSync(path)
      await expect(put(store, 'a')).rejects.toThrow('EISDIR')
      await found(store, 'a')
      await store.ping()
      expect(store.problem).toContain('EISDIR')
      rmSync(path, { recursive: true })
      await put(store, 'a')
      expect(store.problem).toBeUndefined()
      rmSync(path)
    }
    expect(warn).toHaveBeenCalledOnce()
    warn.mockRestore()
  })

  it('is for its owner alone, and nothing of a key is in its path', async () => {
    const store = open()
    const hostile = refOf('../../../etc/passwd\u0000', '..')
    await store.set({ ...hostile, entry: entryOf(), lifeMs: 1000, notAfterMs: FAR })
    // A device on Windows, which no directory can be called.
    await store.set({ ...refOf('a', 'Con'), entry: entryOf(), lifeMs: 1000, notAfterMs: FAR })
    await put(store, 'x'.repeat(100_000))
    expect((await store.read(hostile)).entry).toBeDefined()
    for (const file of files()) {
      expect(file.slice(folder.length)).toMatch(
        /^\/hopstash-v1\/entries\/(?:things|_[0-9a-f]{32})\/[0-9a-f]{2}\/[0-9a-f]{32}\.entry$/,
      )
      expect(statSync(file).mode & 0o777).toBe(0o600)
      for (let path = dirname(file); path !== folder; path = dirname(path))
        expect(statSync(path).mode & 0o777).toBe(0o700)
    }
    const logs = readdirSync(join(folder, 'hopstash-v1')).filter((name) => name.startsWith('log-'))
    for (const log of logs) expect(statSync(join(folder, 'hopstash-v1', log, 'lines')).mode & 0o777).toBe(0o600)
    expect(logs).toHaveLength(1)
  })

  it('has the same place and the same lines, whether its key is hashed here or was before', async () => {
    const hashed = (name: string) => ({ ...refOf(name), digest: textDigest(refOf(name).key) })
    const told = open({ digestIsHash: true })
    const names = Array.from({ length: 40 }, (_, index) => `n${index}`)
    for (const name of names) await told.set({ ...hashed(name), entry: entryOf(name), lifeMs: 1000, notAfterMs: FAR })
    const other = open()
    for (const name of names) expect(await found(other, name)).toBe(name)
    for (const path of files()) expect(basename(dirname(path))).toBe(basename(path).slice(0, 2))
    await other.kill(refOf('n7'))
    expect((await told.read(hashed('n7'))).entry).toBeUndefined()
    await told.kill(hashed('n8'))
    expect(await found(other, 'n8')).toBeUndefined()
    await Promise.all([told.close(), other.close()])
  })

  it('outlives every lifetime, unless lifetimes were asked for', async () => {
    let now = Date.now()
    const clock = {
      now: () => now,
      coarse: () => now,
      wall: () => now,
      random: () => 0.5,
      setTimer: () => 0,
      clearTimer: () => {},
    }
    const [store, mortal] = [open({ clock }), open({ clock, expires: true })]
    await put(store, 'a')
    await put(mortal, 'b')
    now += 30 * 86_400_000
    expect((await store.read(refOf('a'))).entry?.freshUntilMs).toBe(Number.MAX_SAFE_INTEGER)
    expect(await found(mortal, 'b')).toBeUndefined()
    expect(await found(store, 'b')).toBe(TEXT)
  })

  it('is a miss for ever after a byte of it has changed, whichever', async () => {
    const store = open()
    const codec = createEntryCodec({ format: 'json', compress: false })
    const entry = entryOf()
    const encoded = await codec.encode({ answer: 'Grüße' }, entry, refOf('a').key)
    await put(store, 'a', { ...entry, ...(encoded as object) })
    const [path = ''] = files()
    const whole = readFileSync(path)
    const gone = whole.indexOf('"gone"')
    for (let length = 0; length < whole.length; length += 3) {
      writeFileSync(path, whole.subarray(0, length))
      expect(await found(store, 'a')).toBeUndefined()
    }
    for (let at = gone; at < whole.length; at++) {
      const bytes = Buffer.from(whole)
      bytes[at] = (bytes[at] as number) ^ 1
      writeFileSync(path, bytes)
      const { entry } = await store.read(refOf('a'))
      // The end of a life is for nobody here.
      if (at < whole.indexOf('"head"') && entry !== undefined) expect(entry.id).toBe(entryOf().id)
      else expect(entry, `byte ${at}`).toBeUndefined()
    }
    writeFileSync(path, whole)
    expect(await found(store, 'a')).toBe(TEXT)
  })

  it('of another key in its place is a miss', async () => {
    const store = open()
    await put(store, 'a')
    await put(store, 'b', entryOf('other'))
    const [one = '', two = ''] = files()
    writeFileSync(one, readFileSync(two))
    expect([await found(store, 'a'), await found(store, 'b')].filter((text) => text !== undefined)).toHaveLength(1)
  })

  it('may be large, raw and binary', async () => {
    const store = open()
    const body = Buffer.alloc(3 * 2 ** 20, 10)
    await put(store, 'a', entryOf(body))
    expect(body.equals((await store.read(refOf('a'))).entry?.body as Uint8Array)).toBe(true)
  })
})

describe('a folder with something planted in it', () => {
  it('is refused with a clear error if it is a symbolic link itself', async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'hopstash-else-'))
    symlinkSync(elsewhere, join(folder, 'hopstash-v1'))
    const store = open()
    await expect(put(store, 'a')).rejects.toThrow(/is a symbolic link/)
    await expect(store.read(refOf('a'))).rejects.toThrow(/is a symbolic link/)
    expect(store.problem).toMatch(/symbolic link/)
    expect(readdirSync(elsewhere)).toEqual([])
    rmSync(elsewhere, { recursive: true })
  })

  it('follows no link of an entry, a shard or a log', async () => {
    const store = open()
    await put(store, 'a')
    const [path = ''] = files()
    const outside = join(folder, 'outside')
    writeFileSync(outside, readFileSync(path))
    rmSync(path)
    symlinkSync(outside, path)
    expect(await found(store, 'a')).toBeUndefined()
    await put(store, 'a', entryOf('new'))
    expect(await found(store, 'a')).toBe('new')
    expect(readFileSync(outside, 'utf8')).toContain('answer')

    const shard = dirname(path)
    rmSync(shard, { recursive: true })
    mkdirSync(join(folder, 'other'))
    symlinkSync(join(folder, 'other'), shard)
    const fresh = open()
    expect(await found(fresh, 'a')).toBeUndefined()
    await expect(put(fresh, 'a')).rejects.toThrow(/symbolic link/)
    expect(readdirSync(join(folder, 'other'))).toEqual([])

    rmSync(join(folder, 'hopstash-v1/log-1/lines'))
    symlinkSync(outside, join(folder, 'hopstash-v1/log-1/lines'))
    await expect(put(open(), 'b')).rejects.toThrow()
    expect(readFileSync(outside, 'utf8')).not.toContain('\nK ')
  })

  it('writes over its own files alone: a copy by hard links stays as it was', async () => {
    const store = open()
    await put(store, 'a')
    const [path = ''] = files()
    const { ino } = statSync(path)
    await put(store, 'a', entryOf('a longer one than that before it'))
    await put(store, 'a', entryOf('short'))
    expect([await found(store, 'a'), statSync(path).ino]).toEqual(['short', ino])
    const copy = join(folder, 'copy')
    linkSync(path, copy)
    const before = readFileSync(copy)
    await put(store, 'a', entryOf('new'))
    expect(await found(store, 'a')).toBe('new')
    expect(readFileSync(copy)).toEqual(before)
  })

  it('takes a pipe or a directory in the place of an entry for a miss, at once', async () => {
    const store = open()
    await put(store, 'a')
    const [path = ''] = files()
    rmSync(path)
    execFileSync('mkfifo', [path])
    expect(await found(store, 'a')).toBeUndefined()
    rmSync(path)
    mkdirSync(path)
    expect(await found(store, 'a')).toBeUndefined()
    await expect(put(store, 'a')).rejects.toThrow()
    expect(await found(store, 'a')).toBeUndefined()
  })

  it('says what is wrong where the path is a file', async () => {
    writeFileSync(join(folder, 'file'), '')
    const store = createFileStore({ folder: join(folder, 'file') })
    await expect(store.ping()).rejects.toThrow()
    expect(store.problem).toBeDefined()
  })
})

describe('the bounds of a folder', () => {
  it('remove what was longest unused, beyond them, and nothing before', async () => {
    const store = open({ maxBytes: 65_536 })
    for (let i = 0; i < 10; i++) await put(store, `n${i}`, entryOf('x'.repeat(10_000)))
    for (const file of files()) utimesSync(file, 1000, 1000)
    await put(store, 'newest', entryOf('x'.repeat(10_000)))
    await store.sweep()
    const left = files()
    expect(left.length).toBeGreaterThan(2)
    expect(left.length).toBeLessThan(7)
    expect(await found(store, 'newest')).toBeDefined()
    await store.sweep()
    expect(files()).toHaveLength(left.length)
  })

  it.each([Infinity, 7])('hold at the end for who writes much at a time and closes: a turn after %s', async (every) => {
    const store = open({ maxBytes: 65_536, clock: createFakeClock() })
    for (let i = 1; i <= 120; i++) {
      await put(store, `n${i}`, entryOf('x'.repeat(10_000)))
      if (i % every === 0) await new Promise(setImmediate)
    }
    await store.close()
    expect(files().length).toBeLessThan(12)
    expect(files().length).toBeGreaterThan(2)
  })

  it('count a read as a use', async () => {
    const now = Date.now()
    let wall = now
    const clock = {
      now: () => wall,
      coarse: () => wall,
      wall: () => wall,
      random: () => 0.5,
      setTimer: () => 0,
      clearTimer: () => {},
    }
    const store = open({ clock })
    await put(store, 'a')
    wall = now + 7 * 86_400_000
    await store.read(refOf('a'))
    expect(statSync(files()[0] as string).mtimeMs).toBeGreaterThan(now + 6 * 86_400_000)
  })

  it('take drafts of killed writers away', async () => {
    const store = open()
    await put(store, 'a')
    const shard = dirname(files()[0] as string)
    const [dead, alive, log] = [
      join(shard, 'draft-dead-1'),
      join(shard, 'draft-alive-1'),
      join(folder, 'hopstash-v1/draft-1'),
    ]
    for (const draft of [dead, alive]) writeFileSync(draft, 'half')
    mkdirSync(log)
    writeFileSync(join(log, 'lines'), 'half')
    for (const draft of [dead, log]) utimesSync(draft, 1000, 1000)
    await store.sweep()
    expect([dead, alive, log].map((draft) => existsSync(draft))).toEqual([false, true, false])
    expect(await found(store, 'a')).toBe(TEXT)
  })

  it('concern nothing behind a link that was put in the place of a directory, before or while it is in use', async () => {
    const other = mkdtempSync(join(tmpdir(), 'hopstash-other-'))
    const store = open({ maxBytes: 65_536 })
    await put(store, 'a')
    const shard = dirname(files()[0] as string)
    rmSync(shard, { recursive: true })
    symlinkSync(other, shard)
    symlinkSync(other, join(dirname(shard), 'zz'))
    symlinkSync(other, join(folder, 'hopstash-v1/entries/linked'))
    mkdirSync(join(other, 'notes'))
    const theirs = ['draft-of-a-book', 'film', 'notes/film'].map((name) => join(other, name))
    for (const file of theirs) writeFileSync(file, Buffer.alloc(70_000))
    for (const file of theirs) utimesSync(file, 1000, 1000)
    for (const each of [store, open({ maxBytes: 65_536 })]) await each.sweep()
    expect(theirs.map((file) => existsSync(file))).toEqual([true, true, true])
    rmSync(other, { recursive: true })
  })

  it('keep the log short, which whoever opens the folder reads', async () => {
    const store = open()
    for (let i = 0; i < 700; i++) await put(store, `n${i % 20}`)
    const [log = ''] = readdirSync(join(folder, 'hopstash-v1')).filter((name) => name.startsWith('log-'))
    expect(log).not.toBe('log-1')
    expect(statSync(join(folder, 'hopstash-v1', log, 'lines')).size).toBeLessThan(40_000)
    expect(await found(open(), 'n0')).toBe(TEXT)
  })

  it.each([
    [{ folder: '' }, /`folder`/],
    [{ folder: 'a\u0000b' }, /`folder`/],
    [{ maxBytes: 10 }, /`maxBytes`/],
    [{ maxByte: 10 }, /Did you mean `maxBytes`/],
    [{ recheck: '5 parsecs' }, /`recheck`/],
  ])('refuse options that cannot be used: %j', (options, message) => {
    expect(() => open(options as object)).toThrow(message)
  })
})

describe('what a folder is asked beside entries', () => {
  it('erases the files of a subject, and no others', async () => {
    const store = open()
    await put(store, 'a', entryOf(TEXT, [subjectTag('one')]))
    await put(store, 'b', entryOf(TEXT, [subjectTag('two')]))
    expect((await store.forget('one')).removed).toBe(1)
    expect(files()).toHaveLength(1)
    expect(await found(store, 'b')).toBe(TEXT)
    expect((await store.forget('one')).removed).toBe(0)
  })

  it('erases what killed writers left of a subject, and what is torn, and no draft of another', async () => {
    const store = open()
    await put(store, 'a', entryOf(TEXT, [subjectTag('one')]))
    const [one = ''] = files()
    await put(store, 'b', entryOf(TEXT, [subjectTag('two')]))
    const two = files().find((file) => file !== one) ?? ''
    const shard = dirname(one)
    const copy = (of: string, name: string, bytes?: number) =>
      writeFileSync(join(shard, name), readFileSync(of).subarray(0, bytes))
    copy(one, 'draft-killed-1')
    copy(one, 'draft-torn-1', 40)
    copy(two, 'draft-another-1')
    copy(one, `${'0'.repeat(32)}.entry`, 40)
    expect((await store.forget('one')).removed).toBe(1)
    expect(files()).toEqual([two])
    expect(readdirSync(shard)).toEqual(['draft-another-1'])
  })

  it('erases what cannot be read, and so may be about the subject', async () => {
    const store = open()
    await put(store, 'a')
    truncateSync(files()[0] as string, 130 * 1024 * 1024)
    expect((await store.forget('u1')).removed).toBe(0)
    expect(files()).toEqual([])
  })

  it('lists the requests of a namespace, scrubbed', async () => {
    const store = open({ scrub: (text) => text.replaceAll('hunter2', '…') })
    await put(store, 'a', entryOf(), () => '{"password":"hunter2"}')
    await put(store, 'b', entryOf(), () => 'plain\ntext')
    await put(store, 'c')
    const requests: unknown[] = []
    for await (const { request } of store.requests('things')) requests.push(request)
    expect(requests).toHaveLength(2)
    expect(requests).toEqual(expect.arrayContaining([{ password: '…' }, 'plain\ntext']))
    expect(files().some((file) => readFileSync(file, 'utf8').includes('hunter2'))).toBe(false)
  })

  it('writes no secret of a key, and finds it all the same', async () => {
    const store = open({ scrub: (text) => text.replaceAll('?key=hunter2', '?key=…') })
    await put(store, 'https%3A//h/%3Fkey=hunter2')
    expect(readFileSync(files()[0] as string, 'utf8')).toContain('"key":"hopstash:things:v1:https://h/?key=…"')
    expect(await found(store, 'https%3A//h/%3Fkey=hunter2')).toBe(TEXT)
    const scrub = () => {
      throw new Error('no')
    }
    await put(open({ scrub }), 'https%3A//h/%3Fkey=hunter2', entryOf('new'))
    expect(readFileSync(files()[0] as string, 'utf8')).toContain('"key":""')
    expect(await found(store, 'https%3A//h/%3Fkey=hunter2')).toBe('new')
  })

  it('reads without writing, where it must not write', async () => {
    await put(open(), 'a')
    const before = readdirSync(folder, { recursive: true })
    const reader = open({ readOnly: true })
    expect(await found(reader, 'a')).toBe(TEXT)
    expect((await reader.read({ ...refOf('none'), token: 'mine' })).token).toBe('mine')
    await expect(put(reader, 'b')).rejects.toThrow(/read-only/)
    expect(readdirSync(folder, { recursive: true })).toEqual(before)
  })
})
