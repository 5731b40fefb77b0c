import { mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createDisk, type Disk, type Draft } from '../../../src/stores/file-disk.js'
import { createFileLog } from '../../../src/stores/file-log.js'
import type { FileSite } from '../../../src/stores/file-site.js'
import { createSweep } from '../../../src/stores/file-sweep.js'
import { expireFile, killFile, readFile, setFile, writeFile } from '../../../src/stores/file-verbs.js'
import { createForgetting, forgetSubjects } from '../../../src/stores/file-walk.js'
import type { StoredEntry } from '../../../src/stores/shared-store.js'
import { subjectTag } from '../../../src/stores/subject.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

const REF = { key: 'hopstash:things:v1:k', namespace: 'things', digest: 'd' }
const FAR = Number.MAX_SAFE_INTEGER
let folder: string
let failure: string | undefined
let troubles: string[]
let site: FileSite
/** Another process. */
let other: FileSite

/** A disk that fails to take anything, while `failure` says how. */
function failingDisk(disk: Disk): Disk {
  const fail = (): void => {
    if (failure !== undefined) throw Object.assign(new Error(`${failure}: write`), { code: failure })
  }
  return {
    ...disk,
    overwrite(...args) {
      fail()
      return disk.overwrite(...args)
    },
    write(...args) {
      fail()
      return disk.write(...args)
    },
  }
}

function siteOf(me: string, change: (disk: Disk) => Disk): FileSite {
  const clock = createFakeClock()
  const disk = change(createDisk(join(folder, 'v1'), me))
  const log = createFileLog({ disk, clock, me, readOnly: false, onFrame() {}, onGap() {} })
  const sweep = createSweep({ disk, clock, maxBytes: 2 ** 30, readOnly: false })
  const trouble = (error: unknown) => void troubles.push(String(error))
  return {
    disk,
    log,
    clock,
    sweep,
    me,
    shards: new Map(),
    expires: false,
    scrub: (text) => text,
    digestIsHash: false,
    trouble,
  }
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hopstash-verbs-'))
  failure = undefined
  troubles = []
  site = siteOf('me', failingDisk)
  other = siteOf('other', (disk) => disk)
})

afterEach(() => {
  site.log.close()
  other.log.close()
  rmSync(folder, { recursive: true, force: true })
})

function entryOf(id: string, inc: string, startSeq: number): StoredEntry {
  const times = { storedAtMs: 1, freshUntilMs: FAR, staleForMs: 0, errorForMs: 0, loadMs: 1 }
  return { id: id.padEnd(16, '0'), inc, startSeq, tags: [], ...times, body: Buffer.from(id) }
}

it.each(['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES'])(
  'tells a disk that takes no more from one that is away: %s',
  async (code) => {
    await setFile(site, { ...REF, entry: entryOf('old', '', 0), lifeMs: 1, notAfterMs: FAR })
    failure = code
    const set = await setFile(site, { ...REF, entry: entryOf('new', '', 0), lifeMs: 1, notAfterMs: FAR })
    expect(set.outcome).toBe('full')
    // The old value is over: what was set is newer.
    const { entry, inc, seq, token } = await readFile(site, { ...REF, token: 'mine' })
    expect(entry).toBeUndefined()
    const written = { ...REF, token: token ?? '', entry: entryOf('load', inc, seq), lifeMs: 1, notAfterMs: FAR }
    expect((await writeFile(site, written)).outcome).toBe('full')
    expect(troubles).toHaveLength(2)
    failure = undefined
    expect((await writeFile(site, written)).outcome).toBe('written')
  },
)

it('rejects what is wrong with the machine, and keeps the old value then', async () => {
  await setFile(site, { ...REF, entry: entryOf('old', '', 0), lifeMs: 1, notAfterMs: FAR })
  const { inc, seq } = await readFile(site, REF)
  failure = 'EIO'
  const request = { ...REF, token: 'none', entry: entryOf('load', inc, seq), lifeMs: 1, notAfterMs: FAR }
  await expect(writeFile(site, request)).rejects.toThrow('EIO')
  expect((await readFile(site, REF)).entry?.id).toBe('old'.padEnd(16, '0'))
})

it('is a miss, and no trouble, where another process forgets a subject while the file is half written', async () => {
  const { disk } = site
  const write: Disk['write'] = async (shard, chunks) => {
    const draft = await disk.write(shard, chunks)
    for (const name of readdirSync(shard)) truncateSync(join(shard, name), 10)
    await forgetSubjects(other.disk, new Set(['somebody']))
    return draft
  }
  site = { ...site, disk: { ...disk, write } }
  const entry = { ...entryOf('new', '', 0), body: Buffer.alloc(100_000) }
  expect((await setFile(site, { ...REF, entry, lifeMs: 1, notAfterMs: FAR })).outcome).toBe('written')
  const { inc, seq, token = '' } = await readFile(site, { ...REF, token: 'mine' })
  const request = { ...REF, token, entry: { ...entry, inc, startSeq: seq }, lifeMs: 1, notAfterMs: FAR }
  expect((await writeFile(site, request)).outcome).toBe('written')
  expect((await readFile(site, REF)).entry).toBe(undefined)
  expect(troubles).toEqual([])
})

it('walks a folder once for all who ask during a walk, and tells each how many entries were about his subject', async () => {
  const people = ['ann', 'ben', 'eve']
  const store = (key: string, tags: readonly string[]) =>
    setFile(site, { ...REF, key, entry: { ...entryOf(key, '', 0), tags }, lifeMs: FAR, notAfterMs: FAR })
  for (const name of people) await store(name, [subjectTag(name)])
  await store('more', [subjectTag('ann')])
  await store('nobody', [])
  let reads = 0
  const read: Disk['read'] = (...args) => {
    reads++
    return site.disk.read(...args)
  }
  const forget = createForgetting({ ...site.disk, read })
  const asked = [...people, ...people, 'unknown']
  expect(await Promise.all(asked.map(forget))).toEqual([2, 1, 1, 2, 1, 1, 0])
  expect(reads).toBe(5)
  const first = forget('eve')
  await Promise.resolve()
  await Promise.resolve()
  await store('late', [subjectTag('ben')])
  expect(await Promise.all([first, forget('ben'), forget('ben')])).toEqual([0, 1, 1])
  expect(troubles).toEqual([])
})

it('forgets on after a walk that failed, for whoever asks then', async () => {
  const { entries } = site.disk
  const forget = createForgetting({
    ...site.disk,
    get entries() {
      if (failure !== undefined) throw new Error(failure)
      return entries
    },
  })
  failure = 'EIO'
  await expect(forget('ann')).rejects.toThrow('EIO')
  failure = undefined
  expect(await forget('ann')).toBe(0)
})

describe('what another process ends just before its file is put in its place leaves no file', () => {
  const files = () => readdirSync(folder, { recursive: true }).filter((name) => /entry$|draft/.test(String(name)))
  const ends = {
    delete: () => void killFile(other, REF),
    'delete, and more than the book remembers': () => deleteMany(600),
    invalidate: () => bumpAll(other),
  }
  const deleteMany = (more: number) => {
    killFile(other, REF)
    for (let i = 0; i < more; i++) killFile(other, { ...REF, key: `${REF.key}${i}` })
  }
  const set = (body: Buffer, id = 'old') =>
    setFile(site, { ...REF, entry: { ...entryOf(id, '', 0), body }, lifeMs: 1, notAfterMs: FAR })
  const bumpAll = ({ log, me }: FileSite) => log.append({ kind: 'names', sender: me, mode: 'delete', names: ['*'] })

  it.each(Object.entries(ends))('of a load: %s', async (_name, end) => {
    const { disk } = site
    const write: Disk['write'] = (...args) => {
      const draft = disk.write(...args) as Draft
      const publish: Draft['publish'] = (name) => {
        end()
        draft.publish(name)
      }
      return { ...draft, publish }
    }
    site = { ...site, disk: { ...disk, write } }
    const { inc, seq, token = '' } = await readFile(site, { ...REF, token: 'mine' })
    const request = { ...REF, token, entry: entryOf('load', inc, seq), lifeMs: 1, notAfterMs: FAR }
    expect((await writeFile(site, request)).outcome).toBe('dead')
    expect(files()).toEqual([])
  })

  it.each(Object.entries(ends))('of a small set: %s', async (_name, end) => {
    const { disk } = site
    const overwrite: Disk['overwrite'] = (...args) => {
      end()
      return disk.overwrite(...args)
    }
    site = { ...site, disk: { ...disk, overwrite } }
    await set(Buffer.from('small'))
    expect(files()).toEqual([])
  })

  it.each(Object.entries(ends))('of a large set: %s', async (_name, end) => {
    const setting = set(Buffer.alloc(100_000))
    end()
    await setting
    expect(files()).toEqual([])
  })

  it('of an entry that is expired: delete', async () => {
    await set(Buffer.alloc(100_000))
    const expiring = expireFile(site, REF)
    killFile(other, REF)
    await expiring
    expect(files()).toEqual([])
  })
})
