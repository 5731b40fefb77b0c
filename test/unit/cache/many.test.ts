import { describe, expect, it } from 'vitest'
import { namespace } from '../../../src/cache/presets.js'
import { createStash } from '../../../src/cache/stash.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'
import { createLoads, never, open as openThings, unhandledDuring } from './fixture.js'

interface Row {
  readonly id: number
  readonly name: string
}

function open(options: object = {}) {
  const clock = createFakeClock()
  const stash = createStash({ clock, namespaces: { rows: namespace<Row, number>({ jitter: 0, ...options }) } })
  return { clock, stash, rows: stash.rows }
}
const row = (id: number, name = `row ${id}`): Row => ({ id, name })
const by = (one: Row): number => one.id

describe('getOrSetMany', () => {
  it('loads what is missing in one call and answers in the order of the keys', async () => {
    const { rows } = open()
    await rows.set(2, row(2, 'cached'))
    const asked: (readonly number[])[] = []
    const result = await rows.getOrSetMany(
      [3, 2, 1],
      (missing) => {
        asked.push(missing)
        return missing.map((id) => row(id))
      },
      { by },
    )
    expect(asked).toEqual([[3, 1]])
    expect(result).toEqual([row(3), row(2, 'cached'), row(1)])
    expect(rows.peek(1)).toEqual(row(1))
  })

  it('does not call the loader when nothing is missing', async () => {
    const { rows } = open()
    await rows.set(1, row(1))
    const never = (): never => {
      throw new Error('called')
    }
    expect(await rows.getOrSetMany([1], never, { by })).toEqual([row(1)])
    expect(await rows.getOrSetMany([], never, { by })).toEqual([])
  })

  it.each([
    ['in another order', [row(3), row(1), row(2)], [row(1), row(2), row(3)]],
    ['with one missing', [row(3), row(1)], [row(1), undefined, row(3)]],
    ['with a duplicate', [row(1), row(1, 'second'), row(2), row(3)], [row(1), row(2), row(3)]],
    ['too many', [row(9), row(1), row(2), row(3), row(8)], [row(1), row(2), row(3)]],
    ['with holes', [undefined, row(2), undefined, row(1), row(3)], [row(1), row(2), row(3)]],
    ['none at all', [], [undefined, undefined, undefined]],
  ])('puts rows that come %s under their own keys', async (_name, loaded, expected) => {
    const { rows } = open()
    expect(await rows.getOrSetMany([1, 2, 3], () => loaded, { by })).toEqual(expected)
    for (const id of [1, 2, 3]) expect(rows.peek(id)).toEqual(expected.find((one) => one?.id === id))
    for (const id of [8, 9]) expect(rows.peek(id)).toBeUndefined()
  })

  it('takes rows by position only where that is declared, and then exactly as many as keys', async () => {
    const { rows } = open()
    const aligned = await rows.getOrSetMany([1, 2, 3], () => [row(1), undefined, row(3)], { aligned: true })
    expect(aligned).toEqual([row(1), undefined, row(3)])
    for (const wrong of [[row(4)], [row(4), row(5), row(6)]]) {
      await expect(rows.getOrSetMany([4, 5], () => wrong, { aligned: true })).rejects.toMatchObject({
        code: 'ERR_BATCH_MISALIGNED',
      })
    }
    await expect(rows.getOrSetMany([4, 5], () => [row(4), row(5)], {})).rejects.toMatchObject({
      code: 'ERR_OPTION_INVALID',
    })
    expect([rows.peek(4), rows.peek(5)]).toEqual([undefined, undefined])
  })

  it('takes a Map by key, whose keys need only be equal', async () => {
    const clock = createFakeClock()
    const stash = createStash({ clock, namespaces: { rows: namespace<string, { id: number }>() } })
    const loaded = new Map([
      [{ id: 2 }, 'two'],
      [{ id: 7 }, 'seven'],
    ])
    expect(await stash.rows.getOrSetMany([{ id: 1 }, { id: 2 }], () => loaded, {})).toEqual([undefined, 'two'])
    expect(stash.rows.peek({ id: 7 })).toBeUndefined()
  })

  it.each([['a string'], [{ rows: [] }], [undefined], [null], [5]])('refuses %j from the loader', async (wrong) => {
    const { rows } = open()
    await expect(rows.getOrSetMany([1], () => wrong as never, { by })).rejects.toMatchObject({
      code: 'ERR_BATCH_MISALIGNED',
    })
  })

  it('loads equal keys once and gives each its answer', async () => {
    const { rows } = open()
    const asked: (readonly number[])[] = []
    const load = (missing: readonly number[]): Row[] => {
      asked.push(missing)
      return missing.map((id) => row(id))
    }
    expect(await rows.getOrSetMany([1, 1, 2, 1], load, { by })).toEqual([row(1), row(1), row(2), row(1)])
    expect(asked).toEqual([[1, 2]])
  })

  it('waits for a key another caller is loading instead of loading it again', async () => {
    const { rows } = open()
    const loads = createLoads()
    const single = rows.getOrSet(1, loads.loader as never)
    const asked: (readonly number[])[] = []
    const many = rows.getOrSetMany(
      [1, 2],
      (missing) => {
        asked.push(missing)
        return missing.map((id) => row(id))
      },
      { by },
    )
    loads.call(0).resolve(row(1, 'of the other caller'))
    expect(await many).toEqual([row(1, 'of the other caller'), row(2)])
    expect(asked).toEqual([[2]])
    await single
  })

  it('lets others join the keys it is loading', async () => {
    const { rows, clock } = open()
    let end: (rows: Row[]) => void = () => undefined
    const many = rows.getOrSetMany([1, 2], () => new Promise<Row[]>((resolve) => (end = resolve)), { by })
    const single = rows.getOrSet(2, () => {
      throw new Error('called')
    })
    await clock.settle()
    end([row(2), row(1)])
    expect(await single).toEqual(row(2))
    expect(await many).toEqual([row(1), row(2)])
  })

  it('rejects with the first error, after everything has settled', async () => {
    const { rows } = open()
    const loaded = [row(1), new Error('two'), new Error('three')]
    await expect(rows.getOrSetMany([1, 2, 3], () => loaded, { aligned: true })).rejects.toThrow('two')
    expect(rows.peek(1)).toEqual(row(1))
  })

  it('fails only the key whose row is an Error, by position and in a Map', async () => {
    const { rows } = open()
    const settled = await rows.getOrSetMany([1, 2], () => [row(1), new Error('two')], { aligned: true, settled: true })
    expect(settled).toMatchObject([{ status: 'fulfilled' }, { status: 'rejected', reason: { message: 'two' } }])
    const map = new Map<number, Row | Error>([
      [3, new Error('three')],
      [4, row(4)],
    ])
    const fromMap = await rows.getOrSetMany([3, 4], () => map, { settled: true })
    expect(fromMap.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
    expect([rows.peek(2), rows.peek(3)]).toEqual([undefined, undefined])
  })

  it('rejects every key with what the loader throws, and leaves nothing unhandled or in flight', async () => {
    const { rows } = open()
    const unhandled = await unhandledDuring(async () => {
      for (const loader of [
        () => Promise.reject(new Error('down')),
        () => {
          throw new Error('down')
        },
      ]) {
        await expect(rows.getOrSetMany([1, 2], loader, { by })).rejects.toThrow('down')
      }
      await expect(
        rows.getOrSetMany([1], () => [row(1)], {
          by: () => {
            throw new Error('by')
          },
        }),
      ).rejects.toThrow('by')
    })
    expect(unhandled).toEqual([])
    expect(rows.stats()).toMatchObject({ inFlight: 0, size: 0 })
  })

  it('asks again for a key whose joined load was outdated by an invalidation', async () => {
    const { rows, clock } = open({ tags: ['t'] })
    const loads = createLoads()
    const single = rows.getOrSet(1, loads.loader as never)
    await rows.invalidateTags(['t'])
    const asked: (readonly number[])[] = []
    const many = rows.getOrSetMany(
      [1, 2],
      (missing) => {
        asked.push(missing)
        return missing.map((id) => row(id, 'new'))
      },
      { by },
    )
    await clock.settle()
    loads.call(0).resolve(row(1, 'old'))
    expect(await many).toEqual([row(1, 'new'), row(2, 'new')])
    expect(asked).toEqual([[2], [1]])
    expect(await single).toEqual(row(1, 'old'))
  })

  it('keeps nothing of a key that was deleted, or a tag that was invalidated, while it loaded', async () => {
    const { rows, clock } = open({ tags: (one: Row) => [`row:${one.id}`] })
    let end: (rows: Row[]) => void = () => undefined
    const many = rows.getOrSetMany([1, 2, 3], () => new Promise<Row[]>((resolve) => (end = resolve)), { by })
    await rows.delete(1)
    await rows.invalidateTags(['row:2'])
    await clock.settle()
    end([row(1), row(2), row(3)])
    expect(await many).toEqual([row(1), row(2), row(3)])
    expect([rows.peek(1), rows.peek(2), rows.peek(3)]).toEqual([undefined, undefined, row(3)])
  })

  it('refreshes several stale keys in one call, behind their old values', async () => {
    const { rows, clock } = open({ ttl: '1m', staleWhileRevalidate: '1h' })
    for (const id of [1, 2]) await rows.set(id, row(id, 'old'))
    await clock.advance(60_000)
    const asked: (readonly number[])[] = []
    const load = (missing: readonly number[]): Row[] => {
      asked.push(missing)
      return missing.map((id) => row(id, 'new'))
    }
    expect(await rows.getOrSetMany([1, 2, 3], load, { by })).toMatchObject([
      { name: 'old' },
      { name: 'old' },
      { name: 'new' },
    ])
    await clock.settle()
    expect(asked).toEqual([[1, 2, 3]])
    expect(rows.peek(1)).toMatchObject({ name: 'new' })
  })

  it('aborts its loader only when nobody wants any of its keys', async () => {
    const { rows, clock } = open()
    const caller = new AbortController()
    let signal: AbortSignal | undefined
    const many = rows.getOrSetMany(
      [1, 2],
      (_missing, context) => {
        signal = context.signal
        return new Promise<Row[]>(() => undefined)
      },
      { by, signal: caller.signal },
    )
    await clock.settle()
    const other = new AbortController()
    const joined = rows.getOrSet(2, () => row(2), { signal: other.signal })
    caller.abort(new Error('left'))
    await expect(many).rejects.toThrow('left')
    expect(signal?.aborted).toBe(false)
    other.abort(new Error('left too'))
    await expect(joined).rejects.toThrow('left too')
    expect(signal?.aborted).toBe(true)
  })

  it('makes no signal for a loader that asks for none', async () => {
    const { rows } = open()
    const Native = globalThis.AbortController
    let made = 0
    class Counting extends Native {
      constructor() {
        super()
        made++
      }
    }
    globalThis.AbortController = Counting
    try {
      await rows.getOrSetMany([1, 2, 3], (missing) => missing.map((id) => row(id)), { by })
      expect(made).toBe(0)
      await rows.getOrSetMany([4, 5], (missing, { signal }) => missing.map((id) => row(id, String(signal.aborted))), {
        by,
      })
      expect(made).toBeGreaterThan(0)
    } finally {
      globalThis.AbortController = Native
    }
  })

  it.each([
    [[1], { bye: by }],
    ['keys', { by }],
  ])('refuses keys %j with options %j', async (keys, options) => {
    const { rows } = open()
    await expect(rows.getOrSetMany(keys as never, () => [], options as never)).rejects.toMatchObject({
      code: 'ERR_OPTION_INVALID',
    })
  })

  it('by and aligned at once are a contradiction', async () => {
    const { rows } = open()
    const answer = rows.getOrSetMany([1], () => [row(1)], { by, aligned: true })
    await expect(answer).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' })
    expect(rows.stats().loads).toBe(0)
  })

  it('a row of nothing, and one whose key nobody can have asked for, cost the others nothing', async () => {
    const { rows } = open()
    const odd = { id: (() => 1) as never, name: 'odd' }
    const load = (): Row[] => [null as never, odd, row(2)]
    expect(await rows.getOrSetMany([1, 2], load, { by })).toEqual([undefined, row(2)])
    const map = new Map<number, Row>([[odd.id, odd]]).set(4, row(4))
    expect(await rows.getOrSetMany([3, 4], () => map, {})).toEqual([undefined, row(4)])
  })

  it('without options says what is missing', async () => {
    const { rows } = open()
    const untyped = rows.getOrSetMany as (keys: number[], loader: unknown) => Promise<unknown>
    await expect(untyped([1], () => [row(1)])).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' })
    expect(await untyped([1], () => new Map([[1, row(1)]]))).toEqual([row(1)])
  })
})

describe('a batch loader that asks for a key it is loading', () => {
  it.each(['a', 'b', 'c'])('is refused in its synchronous part: %s', async (key) => {
    const { things } = openThings()
    const load = (): Promise<unknown[]> => Promise.all([things.getOrSet(key, () => 1)])
    await expect(things.getOrSetMany(['a', 'b', 'c'], load, { aligned: true })).rejects.toMatchObject({
      code: 'ERR_LOAD_REENTRANT',
    })
    expect(things.stats().inFlight).toBe(0)
  })

  it.each(['a', 'b', 'c'])('is refused wherever it waits with detectReentrancy: %s', async (key) => {
    const { things } = openThings({ detectReentrancy: true })
    const load = async (): Promise<unknown[]> => {
      await Promise.resolve()
      return things.getOrSetMany([key], never, { aligned: true })
    }
    await expect(things.getOrSetMany(['a', 'b', 'c'], load, { aligned: true })).rejects.toMatchObject({
      code: 'ERR_LOAD_REENTRANT',
    })
    expect(things.stats().inFlight).toBe(0)
  })

  it('may ask for others, in a batch of its own, with detectReentrancy and without', async () => {
    for (const detectReentrancy of [true, false]) {
      const { things } = openThings({ detectReentrancy })
      const inner = (keys: readonly unknown[]) => keys.map((key) => `row ${key}`)
      const load = () => things.getOrSetMany(['c', 'd'], inner, { aligned: true })
      expect(await things.getOrSetMany(['a', 'b'], load, { aligned: true })).toEqual(['row c', 'row d'])
    }
  })
})

describe('keys without a canonical form', () => {
  it('are loaded with the others, and kept by nobody', async () => {
    const { things } = openThings()
    const asked: number[] = []
    const load = (keys: readonly unknown[]) => {
      asked.push(keys.length)
      return keys.map((_key, index) => index)
    }
    expect(await things.getOrSetMany([() => 1, 'w'], load, { aligned: true })).toEqual([0, 1])
    expect(await things.getOrSetMany([() => 1, 'w'], load, { aligned: true })).toEqual([0, 1])
    expect(asked).toEqual([2, 1])
  })
})
