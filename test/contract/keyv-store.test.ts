import { EventEmitter } from 'node:events'
import { Keyv } from 'keyv'
import { describe, expect, it } from 'vitest'
import { createKeyvStore } from '../../src/stores/keyv.js'
import type { KeyvLike } from '../../src/stores/keyv-source.js'
import { isValid, markerNames, type SharedStore, type StoredEntry } from '../../src/stores/shared-store.js'
import { createFakeClock } from '../../src/testing/fake-clock.js'

const REF = { key: 'hopstash:things:v1:k', namespace: 'things', digest: 'd' }
const BODY = Buffer.from([0, 255, 1, 254])
const FAR = Number.MAX_SAFE_INTEGER
let nonces = 0

/** Two processes over one Keyv, an adapter or a Map. */
function processesOver(source: KeyvLike) {
  const clock = createFakeClock()
  const [one, two] = [createKeyvStore(source, { clock }), createKeyvStore(source, { clock })]
  return { clock, one, two }
}

function entryOf(inc: string, startSeq: number, tags: readonly string[], now: number): StoredEntry {
  return {
    id: `nonce${String(++nonces).padStart(11, '0')}`,
    inc,
    startSeq,
    tags,
    storedAtMs: now,
    freshUntilMs: now + 30_000,
    staleForMs: 5000,
    errorForMs: 7000,
    loadMs: 12,
    body: BODY,
  }
}

/** A load: read, token, write. `during` happens while its loader runs. */
async function load(store: SharedStore, tags: readonly string[] = [], during?: () => Promise<unknown>) {
  const before = await store.read({ ...REF, token: `token-${++nonces}` })
  await during?.()
  const entry = entryOf(before.inc, before.seq, tags, before.nowMs)
  const token = before.token ?? ''
  const reply = await store.write({ ...REF, token, entry, lifeMs: 60_000, notAfterMs: FAR })
  return { entry, outcome: reply.outcome }
}

async function isUsable(store: SharedStore): Promise<boolean> {
  const { entry, inc, markers } = await store.read(REF)
  return entry !== undefined && isValid(entry, markerNames(REF.namespace, entry.tags), inc, markers)
}

/** A storage adapter of version 6: it takes an instant, keeps it, and reports failures by an event. */
function adapterOfVersion6() {
  const data = new Map<string, { text: string; goneAt: number }>()
  const listeners: ((error: unknown) => void)[] = []
  const adapter = {
    capabilities: { expires: true },
    data,
    fails: false,
    on: (_event: 'error', listener: (error: unknown) => void) => void listeners.push(listener),
    async get(key: string) {
      if (adapter.fails) for (const listener of listeners) listener(new Error('gone'))
      return adapter.fails ? undefined : data.get(key)?.text
    },
    async set(key: string, text: string, goneAt = Infinity) {
      data.set(key, { text, goneAt })
    },
    async delete(key: string) {
      return data.delete(key)
    },
  }
  return adapter
}

describe.each([
  ['a Map', () => new Map<string, string>() as unknown as KeyvLike],
  ['a Keyv', () => new Keyv() as unknown as KeyvLike],
  ['an adapter of version 6', () => adapterOfVersion6() as KeyvLike],
])('a shared store over %s', (_name, source) => {
  it('gives one process what another loaded, byte for byte', async () => {
    const { one, two } = processesOver(source())
    const { entry, outcome } = await load(one, ['red', 'ta|g,1'])
    expect(outcome).toBe('written')
    const reply = await two.read(REF)
    expect(reply.entry).toMatchObject({ id: entry.id, tags: entry.tags, inc: entry.inc, loadMs: 12, staleForMs: 5000 })
    expect(BODY.equals(Buffer.from(reply.entry?.body as Uint8Array))).toBe(true)
    expect(await isUsable(two)).toBe(true)
    expect((await two.read({ ...REF, knownId: entry.id })).entry).toMatchObject({ id: entry.id, body: undefined })
  })

  it.each([
    ['a tag', 't/things/red'],
    ['a tag of all', 't//red'],
    ['the namespace', 'n/things'],
    ['everything', '*'],
  ])('ends what was there before, everywhere: %s', async (_what, name) => {
    const { one, two } = processesOver(source())
    await load(one, ['red'])
    expect(await isUsable(two)).toBe(true)
    await two.bump([name], 'delete')
    expect(await isUsable(one)).toBe(false)
    expect(await isUsable(two)).toBe(false)
    await load(one, ['red'])
    await load(one, ['red'])
    expect(await isUsable(two)).toBe(true)
  })

  it('does not keep a load that an invalidation overtook, here or there', async () => {
    const { one, two } = processesOver(source())
    await load(one, ['red'])
    for (const store of [one, two]) {
      await one.kill(REF)
      await load(one, ['red'], () => store.bump(['t//red'], 'delete'))
      expect(await isUsable(one)).toBe(false)
      expect(await isUsable(two)).toBe(false)
    }
  })

  it('refuses the write of a load that a delete or a set of this process overtook', async () => {
    const { one } = processesOver(source())
    expect((await load(one, [], () => one.kill(REF))).outcome).toBe('refused')
    const set = () => one.set({ ...REF, entry: entryOf('', 0, ['new'], 0), lifeMs: 60_000, notAfterMs: FAR })
    expect((await load(one, [], set)).outcome).toBe('refused')
    expect((await one.read(REF)).entry?.tags).toEqual(['new'])
  })

  it('keeps soft invalidations apart, and gives an expired entry another id', async () => {
    const { one, two } = processesOver(source())
    const { entry } = await load(one, ['red'])
    expect(await isUsable(two)).toBe(true)
    const { seq } = await two.bump(['t//red'], 'expire')
    expect((await two.read(REF)).markers.get('t//red')?.soft).toBe(seq)
    expect(await isUsable(one)).toBe(true)
    await two.expire(REF)
    const reply = await one.read({ ...REF, knownId: entry.id })
    expect(reply.entry?.body).toBeDefined()
    expect(reply.entry?.freshUntilMs).toBeLessThanOrEqual(reply.nowMs + 1)
  })

  it('lets an entry end with its physical life, and does nothing too late', async () => {
    const { clock, one } = processesOver(source())
    const { entry } = await load(one)
    const late = await one.set({ ...REF, entry: entryOf('', 0, [], 0), lifeMs: 1, notAfterMs: clock.wall() - 1 })
    expect(late.outcome).toBe('late')
    expect((await one.read(REF)).entry?.id).toBe(entry.id)
    await clock.advance(60_001)
    expect((await one.read(REF)).entry).toBeUndefined()
  })
})

describe('a shared store over what is not as it should be', () => {
  it('begins another incarnation where everything was lost', async () => {
    const map = new Map<string, string>()
    const { one, two } = processesOver(map as unknown as KeyvLike)
    const { entry } = await load(one, ['red'])
    map.delete('hopstash:ctl')
    expect(await isUsable(two)).toBe(false)
    expect((await one.read(REF)).inc).not.toBe(entry.inc)
    map.clear()
    expect((await load(two, ['red'])).outcome).toBe('written')
    expect(await isUsable(one)).toBe(true)
  })

  it('takes foreign and damaged texts for a miss', async () => {
    const map = new Map<string, unknown>()
    const { one } = processesOver(map as unknown as KeyvLike)
    const { entry } = await load(one)
    const whole = String(map.get(REF.key))
    for (const text of [
      '',
      '{"value":1}',
      '1|9e99|a,b|',
      whole.slice(0, -12),
      whole.replace('1|', '2|'),
      { value: 1 },
      7,
    ]) {
      map.set(REF.key, text)
      expect((await one.read(REF)).entry).toBeUndefined()
    }
    map.set(REF.key, whole)
    expect((await one.read(REF)).entry?.id).toBe(entry.id)
  })

  it('rejects where an adapter reports a failure and resolves all the same', async () => {
    const adapter = adapterOfVersion6()
    const { one } = processesOver(adapter)
    await load(one)
    adapter.fails = true
    await expect(one.read(REF)).rejects.toThrow('gone')
    await expect(one.ping()).rejects.toThrow('gone')
    adapter.fails = false
    expect(await isUsable(one)).toBe(true)
  })

  it.each([
    ['the other one there', false],
    ['nothing there', true],
  ])('takes `false` of a delete for a failure where the key is still there: %s', async (_what, isGone) => {
    const data = new Map<string, string>()
    const quiet = {
      get: async (key: string) => data.get(key),
      set: async (key: string, text: string) => void data.set(key, text),
      delete: async (key: string) => {
        if (isGone) data.delete(key)
        return false
      },
    }
    const { one } = processesOver(quiet)
    await load(one)
    const killed = one.kill(REF)
    if (isGone) await killed
    else await expect(killed).rejects.toThrow('not deleted')
    expect((await one.read(REF)).entry === undefined).toBe(isGone)
  })

  it('listens to an adapter once, however many stores there are, and as long as it lives: nobody else may listen', async () => {
    const data = new Map<string, string>()
    const adapters = [
      Object.assign(new EventEmitter(), {
        get: async (key: string) => data.get(key),
        set: async (key: string, text: string) => void data.set(key, text),
        delete: async (key: string) => data.delete(key),
      }),
      new Keyv(),
    ]
    for (const adapter of adapters) {
      const { one } = processesOver(adapter as unknown as KeyvLike)
      const { two } = processesOver(adapter as unknown as KeyvLike)
      await load(one)
      await one.close()
      expect(adapter.listeners('error')).toHaveLength(1)
      const failing = two.read(REF)
      adapter.emit('error', new Error('gone'))
      await expect(failing).rejects.toThrow('gone')
    }
  })

  it('gives an adapter of version 6 an instant, and all others a lifetime', async () => {
    const adapter = adapterOfVersion6()
    const { clock, one } = processesOver(adapter)
    await load(one)
    expect(adapter.data.get(REF.key)?.goneAt).toBe(clock.wall() + 60_000)
    const lives: unknown[] = []
    const plain = Object.assign(new Map(), {
      set: (_key: string, _text: string, life: unknown) => void lives.push(life),
    })
    await processesOver(plain as unknown as KeyvLike).one.ping()
    expect(lives).toEqual([366 * 86_400_000])
  })

  it('refuses what is no store, and options nobody knows', () => {
    expect(() => createKeyvStore({} as KeyvLike)).toThrow(/Expected `store` to be a Keyv/)
    expect(() => createKeyvStore(new Map() as unknown as KeyvLike, { rechek: 1 } as object)).toThrow(
      /Did you mean `recheck`/,
    )
  })

  it('has what is held compared anew at every interval, and never says that a peer is heard without one', async () => {
    const { clock, one } = processesOver(new Map() as unknown as KeyvLike)
    let confirmed = 0
    one.subscribe({ frame: () => {}, lost: () => {}, confirmed: () => void confirmed++ })
    expect(confirmed).toBe(1)
    await clock.advance(10_000)
    expect(confirmed).toBe(3)
    await one.close()
    await clock.advance(10_000)
    expect(confirmed).toBe(3)
    const always = createKeyvStore(new Map() as unknown as KeyvLike, { clock, recheck: 0 })
    always.subscribe({ frame: () => {}, lost: () => {}, confirmed: () => expect.unreachable() })
    await clock.advance(10_000)
  })
})
