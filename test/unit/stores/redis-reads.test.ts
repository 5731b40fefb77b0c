import { describe, expect, it } from 'vitest'
import { restamped } from '../../../src/codec/header-writer.js'
import { storeKeys } from '../../../src/redis/store-keys.js'
import { entryBytes } from '../../../src/stores/entry-bytes.js'
import type { ReadSite } from '../../../src/stores/redis-read-script.js'
import { createReads } from '../../../src/stores/redis-reads.js'
import type { ReadReply, ReadRequest, StoredEntry } from '../../../src/stores/shared-store.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

const KEYS = storeKeys('p')
const INC = 'IIIIIIIIIIIIIIII'
const SEQ = 9

type Command = readonly (string | Buffer)[]

/** Reads over a server that holds what is in `stored`, and answers all that was sent together. */
function openWorld() {
  const stored = new Map<string, Buffer>([
    [KEYS.marker('*'), Buffer.from(`${INC}:1:0`)],
    [KEYS.marker('n/things'), Buffer.from(`${INC}:2:0`)],
  ])
  const sent: Command[][] = []
  const tokens: string[] = []
  const failing = new Set<string>()
  const world = { stored, sent, tokens, failing, isDown: false }
  const replyTo = ([verb, ...args]: Command): unknown => {
    if (verb === 'MGET') return args.map((key) => stored.get(String(key)) ?? null)
    if (verb === 'HMGET') return [Buffer.from(INC), null, Buffer.from(String(SEQ))]
    if (verb === 'TIME') return [Buffer.from('1000'), Buffer.from('0')]
    return stored.get(String(args[0])) ?? null
  }
  const site = {
    keys: KEYS,
    clock: createFakeClock(),
    isOneNode: true,
    candidate: () => 'CCCCCCCCCCCCCCCC',
    unreadable: () => {},
    async pipe(commands: readonly Command[]) {
      sent.push([...commands])
      await undefined
      if (world.isDown) throw new Error('away')
      return commands.map(replyTo)
    },
    async run(_script: unknown, [key]: readonly string[], [token]: readonly string[]) {
      if (failing.has(key as string)) throw new Error('no token')
      tokens.push(key as string)
      return Buffer.from(token as string)
    },
    asOne: () => site,
    split: () => site,
  } as unknown as ReadSite
  return { world, reads: createReads(site) }
}

function put(stored: Map<string, Buffer>, name: string, startSeq = SEQ, tags: readonly string[] = []): void {
  const entry: StoredEntry = {
    id: 'EEEEEEEEEEEEEEEE',
    inc: INC,
    startSeq,
    tags,
    storedAtMs: 0,
    freshUntilMs: 1e9,
    staleForMs: 0,
    errorForMs: 0,
    loadMs: 0,
    body: Buffer.from(name),
  }
  const { header, body } = entryBytes(name, entry)
  stored.set(
    KEYS.entry(name),
    Buffer.concat([restamped(header, { inc: INC, startSeq, storedAtMs: 0, freshUntilMs: 1e9 }), body]),
  )
}

const ask = (key: string, more: Partial<ReadRequest> = {}): ReadRequest => ({
  key,
  namespace: 'things',
  digest: key,
  ...more,
})
const bodyOf = (reply: ReadReply | undefined) => reply?.entry?.body && Buffer.from(reply.entry.body).toString()

describe('reads of one tick', () => {
  it('are one command for their entries and the markers, and one for the control record behind it', async () => {
    const { world, reads } = openWorld()
    for (const name of ['a', 'b']) put(world.stored, name)
    const replies = await Promise.all(['a', 'b', 'c'].map((name) => reads.read(ask(name))))
    expect(replies.map(bodyOf)).toEqual(['a', 'b', undefined])
    expect(replies.map(({ inc, seq }) => [inc, seq])).toEqual(Array(3).fill([`${INC}.0`, SEQ]))
    const entries = ['a', 'b', 'c'].map(KEYS.entry)
    expect(world.sent).toEqual([
      [
        ['MGET', ...entries, KEYS.marker('*'), KEYS.marker('n/things')],
        ['HMGET', KEYS.control, 'inc', 'gen', 'seq'],
        ['TIME'],
      ],
    ])
  })

  it('ask for no marker before any of their entries, however many and whatever is known', async () => {
    const { world, reads } = openWorld()
    const names = Array.from({ length: 200 }, (_, index) => `k${index}`)
    await Promise.all(
      names.map((name, index) => reads.read(ask(name, index % 3 === 0 ? { knownId: 'x'.repeat(16) } : {}))),
    )
    const [commands] = world.sent as [Command[]]
    const keys = commands.flatMap(([, ...args]) => args.map(String))
    const lastEntry = keys.findLastIndex((key) => key.endsWith(':e'))
    expect(new Set(keys.slice(0, lastEntry + 1).filter((key) => key.endsWith(':e'))).size).toBe(names.length)
    expect(keys.findIndex((key) => key.startsWith(KEYS.markerPrefix))).toBeGreaterThan(lastEntry)
    expect(keys.indexOf(KEYS.control)).toBeGreaterThan(lastEntry)
  })

  it('give no value that a marker outranks, that another incarnation wrote, or that lacks a marker', async () => {
    const { world, reads } = openWorld()
    put(world.stored, 'old', 1)
    put(world.stored, 'new', 2)
    const before = await Promise.all(['old', 'new'].map((name) => reads.read(ask(name))))
    expect(before.map(bodyOf)).toEqual([undefined, 'new'])
    world.stored.set(KEYS.marker('n/things'), Buffer.from(`${INC}:3:0`))
    const after = await Promise.all(['old', 'new'].map((name) => reads.read(ask(name))))
    expect(after.map(bodyOf)).toEqual([undefined, undefined])
    world.stored.set(KEYS.marker('n/things'), Buffer.from('JJJJJJJJJJJJJJJJ:0:0'))
    const strange = await Promise.all(['old', 'new'].map((name) => reads.read(ask(name))))
    expect(strange.map(bodyOf)).toEqual([undefined, undefined])
    expect(strange[0]?.markers.has('n/things')).toBe(false)
  })

  it('look once more for all their tags together, and tell each reader its own', async () => {
    const { world, reads } = openWorld()
    put(world.stored, 'a', SEQ, ['x'])
    put(world.stored, 'b', SEQ, ['y'])
    for (const name of ['t/things/x', 't//x', 't/things/y'])
      world.stored.set(KEYS.marker(name), Buffer.from(`${INC}:4:0`))
    const [a, b] = await Promise.all(['a', 'b'].map((name) => reads.read(ask(name))))
    expect([bodyOf(a), bodyOf(b)]).toEqual(['a', undefined])
    expect([...(a?.markers.keys() ?? [])]).toEqual(['*', 'n/things', 't/things/x', 't//x'])
    expect(world.sent).toHaveLength(2)
  })
})

describe('a read that is told to a function', () => {
  it('is told once, and never before the call returns', async () => {
    const { world, reads } = openWorld()
    put(world.stored, 'a')
    const told: unknown[] = []
    const done = new Promise<void>((resolve) => {
      reads.readTo(ask('a'), (reply) => {
        told.push(bodyOf(reply))
        resolve()
      })
      reads.readTo(ask('b'), () => {})
    })
    expect(told).toEqual([])
    await done
    expect(told).toEqual(['a'])
  })

  it('is told why there is no reply, as all that were sent with it', async () => {
    const { world, reads } = openWorld()
    world.isDown = true
    const both = ['a', 'b'].map(
      (name) => new Promise((resolve) => reads.readTo(ask(name), (reply, error) => resolve([reply, error]))),
    )
    expect(await Promise.all(both)).toEqual(Array(2).fill([undefined, new Error('away')]))
  })

  it('is told once where the token of another is not to be had', async () => {
    const { world, reads } = openWorld()
    put(world.stored, 'a')
    world.failing.add(KEYS.token('b'))
    const told: string[] = []
    const all = ['a', 'b', 'c'].map(
      (name) =>
        new Promise<void>((resolve) => {
          reads.readTo(ask(name, { token: 'T' }), (reply) => {
            told.push(`${name}: ${reply === undefined ? 'nothing' : (bodyOf(reply) ?? reply.token)}`)
            resolve()
          })
        }),
    )
    await Promise.all(all)
    await new Promise((resolve) => setImmediate(resolve))
    expect(told).toHaveLength(3)
    expect(told).toContain('a: a')
    expect(told).toContain('b: nothing')
  })
})
