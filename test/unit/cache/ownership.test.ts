import { describe, expect, it } from 'vitest'
import { copyOf, own } from '../../../src/cache/ownership.js'
import { createLoads, never, open } from './fixture.js'

const freeze = { isolation: 'freeze', copy: false, maxBytes: 1e9 } as const

/** Values that cannot be frozen for real, a way to change each, and a way to look. */
const MUTABLE: readonly (readonly [string, () => unknown, (value: never) => unknown, (value: never) => unknown])[] = [
  [
    'a Map',
    () => new Map([['a', 1]]),
    (map: Map<string, number>) => map.set('a', 9),
    (map: Map<string, number>) => map.get('a'),
  ],
  ['a Set', () => new Set([1]), (set: Set<number>) => set.add(9), (set: Set<number>) => set.size],
  ['a Date', () => new Date(1), (date: Date) => date.setTime(9), (date: Date) => date.getTime()],
  ['bytes', () => new Uint8Array([1]), (bytes: Uint8Array) => bytes.fill(9), (bytes: Uint8Array) => bytes[0]],
  ['a Buffer', () => Buffer.from('a'), (bytes: Buffer) => bytes.fill(9), (bytes: Buffer) => bytes[0]],
  [
    'an object that holds a Map',
    () => ({ deep: [new Map([['a', { n: 1 }]])] }),
    (value: { deep: Map<string, { n: number }>[] }) => {
      ;(value.deep[0]?.get('a') as { n: number }).n = 9
    },
    (value: { deep: Map<string, { n: number }>[] }) => value.deep[0]?.get('a')?.n,
  ],
] as never

describe.each(MUTABLE)('%s', (_name, make, change, look) => {
  const seen = look(make() as never)

  it('is a copy of its own for each waiter, whoever changes his first', async () => {
    const { things } = open()
    const loads = createLoads()
    const first = things.getOrSet('k', loads.loader)
    void first.then((value) => change(value as never))
    const others = [things.getOrSet('k', loads.loader), things.getOrSet('k', loads.loader)]
    for (const other of others) void other.then((value) => queueMicrotask(() => change(value as never)))
    const looked = others.map((other) => other.then((value) => look(value as never)))
    loads.call(0).resolve(make())
    expect(await Promise.all(looked)).toEqual([seen, seen])
    expect(look((await things.get('k')) as never)).toEqual(seen)
  })

  it('is a copy of its own for each reader, by every way of reading', async () => {
    const { things } = open()
    await things.getOrSet('k', make)
    const ways: (() => unknown)[] = [
      () => things.getOrSet('k', never),
      () => things.peek('k'),
      () => things.get('k'),
      async () => (await things.getEntry('k'))?.value,
      async () => (await things.getMany(['k']))[0],
    ]
    for (const way of ways) {
      const value = await way()
      expect(look(value as never)).toEqual(seen)
      change(value as never)
    }
    expect(look(things.peek('k') as never)).toEqual(seen)
  })

  it('is safe from the one who set it and from the one who loaded it', async () => {
    const { things } = open()
    const set = make()
    await things.set('set', set)
    change(set as never)
    const loaded = make()
    await things.getOrSet('loaded', () => loaded)
    change(loaded as never)
    const through = make()
    await things.writeThrough('through', through, () => undefined)
    change(through as never)
    for (const key of ['set', 'loaded', 'through']) expect(look(things.peek(key) as never)).toEqual(seen)
  })

  it('is a copy where it stands in for a failed load, for the first caller too', async () => {
    const { things, clock } = open({ ttl: '1m', staleIfError: '1h' })
    await things.set('k', make())
    await clock.advance(60_000)
    const loads = createLoads()
    const waiting = [things.getOrSet('k', loads.loader), things.getOrSet('k', loads.loader)]
    loads.call(0).reject(new Error('down'))
    for (const value of await Promise.all(waiting)) {
      expect(look(value as never)).toEqual(seen)
      change(value as never)
    }
    expect(look((await things.getEntry('k'))?.value as never)).toEqual(seen)
  })

  it('is a copy as the stale value a loader sees, and as what `update` starts from', async () => {
    const { things } = open()
    await things.set('k', make())
    await things
      .getOrSet(
        'k',
        (context) => {
          change(context.stale as never)
          throw new Error('down')
        },
        { forceFresh: true },
      )
      .catch(() => undefined)
    expect(look(things.peek('k') as never)).toEqual(seen)
    await things
      .update(
        'k',
        (current) => {
          change(current as never)
          return current
        },
        () => Promise.reject(new Error('not saved')),
      )
      .catch(() => undefined)
    expect(look(things.peek('k') as never)).toEqual(seen)
  })

  it('keeps its type', async () => {
    const { things } = open()
    await things.set('k', make())
    expect(things.peek('k')).toEqual(make())
    expect(Object.getPrototypeOf(things.peek('k'))).toBe(Object.getPrototypeOf(make()))
  })
})

describe('plain data', () => {
  const make = () => ({ list: [{ n: 1 }], text: 'a' })

  it('is one frozen object for all waiters and readers', async () => {
    const { things } = open()
    const loads = createLoads()
    const waiting = [things.getOrSet('k', loads.loader), things.getOrSet('k', loads.loader)]
    const value = make()
    loads.call(0).resolve(value)
    const [a, b] = await Promise.all(waiting)
    expect(a).toBe(value)
    expect(b).toBe(value)
    expect(things.peek('k')).toBe(value)
    expect(Object.isFrozen(value) && Object.isFrozen(value.list) && Object.isFrozen(value.list[0])).toBe(true)
    expect(() => {
      value.list[0] = { n: 2 }
    }).toThrow(TypeError)
  })

  it('given to set is copied: the caller may go on changing what is his', async () => {
    const { things } = open()
    const value = make()
    await things.set('k', value)
    expect(Object.isFrozen(value)).toBe(false)
    ;(value.list[0] as { n: number }).n = 9
    expect(things.peek('k')).toEqual(make())
    expect(Object.isFrozen(things.peek('k'))).toBe(true)
  })

  it('is left unfrozen where it is refused', async () => {
    const { things } = open()
    const value = { list: [1], run: () => 1 }
    await things.getOrSet('k', () => value)
    expect(Object.isFrozen(value.list)).toBe(false)
  })
})

describe('isolation', () => {
  it("'clone' gives each waiter and reader an unfrozen copy", async () => {
    const { things } = open({ isolation: 'clone' })
    const loads = createLoads()
    const waiting = [things.getOrSet('k', loads.loader), things.getOrSet('k', loads.loader)]
    loads.call(0).resolve({ n: 1 })
    const values = (await Promise.all(waiting)) as { n: number }[]
    values.push((await things.get('k')) as { n: number }, (await things.getOrSet('k', never)) as { n: number })
    for (const value of values) {
      expect(value.n).toBe(1)
      value.n = 9
    }
    expect(new Set(values).size).toBe(4)
  })

  it("'share' hands out the very same object, whatever it is", async () => {
    class Client {
      readonly name = 'client'
    }
    const { things } = open({ isolation: 'share' })
    const client = new Client()
    expect(await things.getOrSet('k', () => client)).toBe(client)
    expect(things.peek('k')).toBe(client)
    const set = { n: 1 }
    await things.set('set', set)
    expect(things.peek('set')).toBe(set)
    expect(Object.isFrozen(set)).toBe(false)
  })
})

describe('a value that cannot be kept', () => {
  class Exotic {
    readonly a = 1
  }
  const cycle: Record<string, unknown> = {}
  cycle.self = cycle
  const throwing = Object.defineProperty({}, 'a', {
    enumerable: true,
    get() {
      throw new Error('getter')
    },
  })
  const hostile = new Proxy(
    {},
    {
      ownKeys() {
        throw new Error('trap')
      },
    },
  )
  const values: readonly (readonly [string, unknown])[] = [
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['an object with a function', { run: () => 1 }],
    ['an instance of a class', new Exotic()],
    ['a WeakMap', new WeakMap()],
    ['a stream', new ReadableStream()],
    ['a cycle', cycle],
    ['an object whose getter throws', throwing],
    ['a Proxy whose trap throws', hostile],
  ]

  it.each(values)('%s reaches its caller, is counted and not stored, in time', async (_name, value) => {
    const { things } = open()
    for (const loader of [() => value, async () => value]) {
      expect(await things.getOrSet('k', loader)).toBe(value)
    }
    expect(things.peek('k')).toBeUndefined()
    expect(things.stats()).toMatchObject({ size: 0, inFlight: 0, loadErrors: 0, refused: { type: 2 } })
  })

  it.each(values)('%s rejects with ERR_VALUE_UNSUPPORTED in strict mode', async (_name, value) => {
    const { things } = open({ strict: true })
    await expect(things.getOrSet('k', () => value)).rejects.toMatchObject({ code: 'ERR_VALUE_UNSUPPORTED' })
    await expect(things.set('k', value)).rejects.toMatchObject({ code: 'ERR_VALUE_UNSUPPORTED' })
  })

  it('is named by its path and never by its content', async () => {
    const { things } = open({ strict: true })
    const error = await things
      .getOrSet('k', () => ({ items: [1, { 'on click': () => 'secret content' }] }))
      .catch((reason) => reason)
    expect(error.message).toContain('$.items[1]["on click"]')
    expect(error.message).not.toContain('secret')
  })

  it.each(values)('%s given to set removes the old value and says so', async (_name, value) => {
    const { things } = open()
    await things.set('k', 'old')
    expect(await things.set('k', value)).toEqual({ memory: 'failed', store: 'none' })
    expect(things.peek('k')).toBeUndefined()
  })
})

describe('sizes', () => {
  const texts: readonly (readonly [string, () => unknown])[] = [
    ['a string', () => 'x'.repeat(1000)],
    ['an object', () => ({ text: 'x'.repeat(1000) })],
    ['bytes', () => new Uint8Array(2000)],
    ['a list', () => Array(2000).fill(1)],
  ]

  it.each(texts)('%s over maxValueBytes is returned, counted and not kept', async (_name, make) => {
    for (const isolation of ['freeze', 'clone'] as const) {
      const { things } = open({ maxValueBytes: 1000, isolation })
      expect(await things.getOrSet('k', make)).toEqual(make())
      await things.set('k', make())
      expect(things.peek('k')).toBeUndefined()
      expect(things.stats()).toMatchObject({ size: 0, bytes: 0, refused: { size: 2 } })
    }
  })

  it.each(texts)('%s under maxValueBytes is kept', async (_name, make) => {
    const { things } = open({ maxValueBytes: 100_000 })
    await things.getOrSet('k', make)
    expect(things.peek('k')).toEqual(make())
    expect(things.stats().bytes).toBeGreaterThan(1900)
  })

  it('shared text and bytes are bounded too', async () => {
    const { things } = open({ maxValueBytes: 1000, isolation: 'share' })
    await things.getOrSet('text', () => 'x'.repeat(1000))
    await things.getOrSet('bytes', () => new Uint8Array(2000))
    expect(things.stats().size).toBe(0)
  })

  it('a value that refers to one object very often ends the walk', () => {
    let value: unknown = [1]
    for (let index = 0; index < 60; index++) value = [value, value]
    expect(own(value, { ...freeze, maxBytes: 1_000_000 })).toMatchObject({ refused: 'size' })
  })

  it('an endless sparse array ends the walk', () => {
    const sparse: unknown[] = []
    sparse.length = 4_000_000_000
    expect(own(sparse, { ...freeze, maxBytes: 1_000_000 })).toMatchObject({ refused: 'size' })
  })
})

describe('copyOf', () => {
  it('keeps what makes data data', () => {
    const error = new TypeError('wrong', { cause: { a: 1 } })
    const value = {
      none: undefined,
      nan: Number.NaN,
      minus: -0,
      big: 10n,
      date: new Date(5),
      map: new Map<unknown, unknown>([[{ k: 1 }, new Set([1])]]),
      bytes: new Uint16Array([1, 2]).subarray(1),
      view: new DataView(new ArrayBuffer(4), 1, 2),
      buffer: new ArrayBuffer(3),
      url: new URL('https://example.org/a?b=c'),
      pattern: /a+/giu,
      sparse: Object.assign(new Array<number>(3), { 0: 1, 2: 3 }),
      error,
      bare: Object.assign(Object.create(null), { a: 1 }),
      __proto__x: 1,
    }
    const copy = copyOf(value)
    expect(copy).toEqual(value)
    expect(1 in copy.sparse).toBe(false)
    expect(Object.is(copy.minus, -0)).toBe(true)
    expect(copy.bytes).toBeInstanceOf(Uint16Array)
    expect(copy.error).toBeInstanceOf(TypeError)
    expect(copy.error.cause).toEqual({ a: 1 })
    expect(copy.error.cause).not.toBe(error.cause)
    expect(Object.getPrototypeOf(copy.bare)).toBeNull()
  })

  it('makes a property of an own __proto__ and touches no prototype', () => {
    const value = JSON.parse('{"__proto__":{"polluted":true}}') as object
    const copy = copyOf(value)
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype)
    expect(Object.hasOwn(copy, '__proto__')).toBe(true)
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })

  it('gives a small Buffer memory of its own, not a window on the pool', () => {
    const copy = copyOf(Buffer.from('abc'))
    expect(copy.buffer.byteLength).toBe(3)
    expect(Buffer.isBuffer(copy)).toBe(true)
  })
})
