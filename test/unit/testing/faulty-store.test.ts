import { beforeEach, describe, expect, it } from 'vitest'
import type { Frame, SharedStore, StoredEntry } from '../../../src/stores/shared-store.js'
import { createFakeClock, type FakeClock } from '../../../src/testing/fake-clock.js'
import { faultyStore } from '../../../src/testing/faulty-store.js'
import { createSimulatedStore, type SimulatedStore } from '../../../src/testing/simulated-store.js'
import { createStoreFaults, type StoreFaults } from '../../../src/testing/store-faults.js'

const REF = { key: 'hopstash:things:v1:a', namespace: 'things', digest: 'a' }

let clock: FakeClock
let inner: SimulatedStore
let faults: StoreFaults
let store: SharedStore

beforeEach(() => {
  clock = createFakeClock()
  inner = createSimulatedStore({ clock })
  faults = createStoreFaults({ clock })
  store = faultyStore(inner.connect(), faults)
})

/** What became of a call: its outcome, or `'waiting'`. */
async function fateOf(call: Promise<unknown>, ms = 10): Promise<unknown> {
  let fate: unknown = 'waiting'
  call.then(
    () => (fate = 'answered'),
    (error: Error) => (fate = error.message),
  )
  await clock.advance(ms)
  return fate
}

describe('a rule', () => {
  it('applies to the operations it names and to no other', async () => {
    faults.on('kill', 'bump').fail()
    expect(await fateOf(store.ping())).toBe('answered')
    expect(await fateOf(store.kill(REF))).toContain('as told')
    expect(await fateOf(store.bump(['*'], 'delete'))).toContain('as told')
  })

  it('applies to every operation when it names none, with any error', async () => {
    faults.on().fail('nothing but a text')
    await expect(store.ping()).rejects.toBe('nothing but a text')
    await expect(store.token('k', 't', 1)).rejects.toBe('nothing but a text')
  })

  it('begins after some calls and ends after some more', async () => {
    faults.on('ping').fail(new Error('no')).after(1).times(2)
    const fates = []
    for (let call = 0; call < 5; call++) fates.push(await fateOf(store.ping()))
    expect(fates).toEqual(['answered', 'no', 'no', 'answered', 'answered'])
  })

  it('gives way to the one declared later, and comes back when that one ended', async () => {
    faults.on().fail(new Error('first'))
    faults.on('ping').fail(new Error('second')).times(1)
    expect([await fateOf(store.ping()), await fateOf(store.ping())]).toEqual(['second', 'first'])
  })

  it('delays before the store hears of the call', async () => {
    faults.on('ping').delay('100ms')
    const call = store.ping()
    expect(await fateOf(call, 99)).toBe('waiting')
    expect(inner.commands).toBe(0)
    expect(await fateOf(call, 3)).toBe('answered')
  })

  it('freezes the store until it is restored, and then the call goes on', async () => {
    faults.on('bump').hang()
    const call = store.bump(['*'], 'delete')
    expect(await fateOf(call, 1_000_000)).toBe('waiting')
    expect([faults.hanging, inner.commands]).toEqual([1, 0])
    faults.restore()
    expect(await fateOf(call)).toBe('answered')
    expect([faults.hanging, inner.commands]).toEqual([0, 1])
  })

  it.each([
    ['fail', 0, 'the store failed, as told'],
    ['failReply', 1, 'the reply was lost, as told'],
    ['dropReply', 1, 'waiting'],
  ] as const)('%s: the store executes %i commands, and the caller sees: %s', async (fault, commands, fate) => {
    faults.on('kill')[fault]()
    expect(await fateOf(store.kill(REF))).toBe(fate)
    expect(inner.commands).toBe(commands)
  })

  it('corrupts a copy of what is read, never what is stored', async () => {
    const entry = {
      id: 'i',
      inc: '',
      startSeq: 0,
      tags: [],
      storedAtMs: 0,
      freshUntilMs: 9,
      staleForMs: 0,
      errorForMs: 0,
      loadMs: 0,
    }
    const body = Uint8Array.of(1, 2, 3)
    const header = Uint8Array.of(9, 9)
    await fateOf(store.set({ ...REF, entry: { ...entry, header, body }, lifeMs: 1000, notAfterMs: 1000 }))
    const read = async () => {
      const call = store.read(REF)
      await clock.advance(5)
      return (await call).entry as StoredEntry & Record<'header' | 'body', Uint8Array>
    }
    faults.on('read').corrupt().times(1)
    const damaged = await read()
    expect([...damaged.body]).toEqual([1, 2 ^ 0xff, 3])
    expect(damaged.header.buffer).toBe(damaged.body.buffer)
    expect([...(await read()).body]).toEqual([1, 2, 3])
    faults
      .on('read')
      .corrupt((bytes) => bytes.subarray(1))
      .times(1)
    expect([...(await read()).body]).toEqual([2, 3])
    expect(faults.calls('read')).toBe(3)
    expect(faults.calls()).toBe(4)
  })

  it('is refused for an operation no store has, or a count that is none', () => {
    expect(() => faults.on('reed' as never)).toThrow(/read/)
    expect(() => faults.on('read').times(0)).toThrow(/times/)
    expect(() => faults.on('read').after(-1)).toThrow(/after/)
    expect(() => faults.on('read').delay('soon' as never)).toThrow(/delay/)
  })
})

describe('a lossy bus', () => {
  const said: string[] = []
  const peer = async (digest: string) => {
    const call = sender.kill({ ...REF, digest })
    await clock.advance(5)
    return call
  }
  let sender: SharedStore

  beforeEach(async () => {
    said.length = 0
    sender = inner.connect()
    store.subscribe({
      frame: (frame: Frame) => said.push(frame.kind === 'key' ? frame.digest : frame.kind),
      lost: () => said.push('LOST'),
      confirmed: () => said.push('CONFIRMED'),
    })
    await clock.advance(5)
    expect(said.splice(0)).toEqual(['CONFIRMED'])
  })

  it('drops, duplicates and delays messages', async () => {
    faults.onMessage().drop().times(1)
    await peer('a')
    faults.onMessage().duplicate().times(1)
    await peer('b')
    faults.onMessage().delay(50).times(1)
    await peer('c')
    await peer('d')
    await clock.advance(50)
    expect(said).toEqual(['b', 'b', 'd', 'c'])
  })

  it('tells of a cut and of its end once, and loses what is said between', async () => {
    faults.onMessage().delay(20).times(1)
    await peer('on its way')
    faults.cutBus().cutBus()
    await peer('meanwhile')
    await clock.advance(50)
    faults.healBus().healBus()
    await peer('after')
    expect(said).toEqual(['LOST', 'CONFIRMED', 'after'])
  })

  it('is not there again before the subscription of the store itself is', async () => {
    faults.cutBus()
    inner.restartEmpty()
    faults.healBus()
    expect(said).toEqual(['LOST'])
    await clock.advance(5)
    expect(said).toEqual(['LOST', 'CONFIRMED'])
  })
})
