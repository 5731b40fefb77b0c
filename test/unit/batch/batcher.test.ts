import { describe, expect, it } from 'vitest'
import { batcher } from '../../../src/batch/index.js'
import { createStash } from '../../../src/index.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

const turn = () => new Promise((resolve) => setImmediate(resolve))
const codeOf = (error: unknown) => (error as { code?: string }).code

/** A load that notes what it was asked for and answers when told. */
function slowLoad() {
  const calls: string[][] = []
  const ends: (() => void)[] = []
  const signals: AbortSignal[] = []
  const load = (items: readonly string[], context: { readonly signal: AbortSignal }) => {
    calls.push([...items])
    signals.push(context.signal)
    return new Promise<string[]>((resolve) => ends.push(() => resolve(items.map((item) => item.toUpperCase()))))
  }
  return { calls, ends, signals, load }
}

function quickLoad() {
  const calls: unknown[][] = []
  const load = async (items: readonly unknown[]) => {
    calls.push([...items])
    return items.map((item) => `${item}!`)
  }
  return { calls, load }
}

describe('a batcher', () => {
  it('makes one call of what is asked for in one turn, and equal items once', async () => {
    const { calls, load } = quickLoad()
    const read = batcher({ load })
    expect(await Promise.all(['a', 'b', 'a'].map((item) => read(item)))).toEqual(['a!', 'b!', 'a!'])
    expect(calls).toEqual([['a', 'b']])
    expect(read.stats()).toEqual({ loads: 1, items: 2, joined: 1, queued: 0, running: 0 })
  })

  it('collects what is asked for after the answer to something else in the same turn', async () => {
    const { calls, load } = quickLoad()
    const read = batcher({ load })
    const later = Promise.resolve()
      .then(() => {})
      .then(() => read('b'))
    await Promise.all([read('a'), later])
    expect(calls).toEqual([['a', 'b']])
  })

  it('waits for nobody when nothing is under way', async () => {
    const { calls, load } = slowLoad()
    const read = batcher({ load, maxWait: '1h', clock: createFakeClock() })
    void read('a')
    await turn()
    expect(calls).toEqual([['a']])
  })

  it('collects while a call is under way, until it ends', async () => {
    const { calls, ends, load } = slowLoad()
    const clock = createFakeClock()
    const read = batcher({ load, maxWait: '1h', clock })
    const answers = [read('a')]
    await turn()
    answers.push(read('b'))
    await turn()
    answers.push(read('c'))
    await turn()
    expect(calls).toEqual([['a']])
    ends[0]!()
    await turn()
    expect(calls).toEqual([['a'], ['b', 'c']])
    ends[1]!()
    expect(await Promise.all(answers)).toEqual(['A', 'B', 'C'])
    await turn()
    expect(clock.pendingTimers()).toBe(0)
  })

  it('collects no longer than maxWait', async () => {
    const { calls, load } = slowLoad()
    const clock = createFakeClock()
    const read = batcher({ load, maxWait: 5, clock })
    void read('a')
    await turn()
    void read('b')
    await clock.advance(3)
    void read('c')
    await clock.advance(1)
    expect(calls).toHaveLength(1)
    await clock.advance(1)
    expect(calls).toEqual([['a'], ['b', 'c']])
  })

  it('sends a full call without waiting', async () => {
    const { calls, load } = slowLoad()
    const read = batcher({ load, maxWait: '1h', maxItems: 2, clock: createFakeClock() })
    for (const item of ['a', 'b', 'c', 'd', 'e']) void read(item)
    await turn()
    expect(calls).toEqual([['a', 'b'], ['c', 'd'], ['e']])
    for (const item of ['f', 'g', 'h']) void read(item)
    await turn()
    expect(calls.slice(3)).toEqual([['f', 'g']])
  })

  it('counts tokens, and lets a large item go alone', async () => {
    const { calls, load } = quickLoad()
    const read = batcher({ load, maxTokens: 10, tokensOf: (item: string) => item.length })
    await Promise.all(['aaaa', 'bbbb', 'cccc', 'x'.repeat(50), 'dd'].map((item) => read(item)))
    expect(calls).toEqual([['aaaa', 'bbbb'], ['cccc'], ['x'.repeat(50)], ['dd']])
  })

  it('runs no more calls at once than allowed, and refuses what does not fit the queue', async () => {
    const { calls, ends, load } = slowLoad()
    const read = batcher({ load, concurrency: 1, maxItems: 1, queue: 2 })
    const first = read('a')
    await turn()
    const more = [read('b'), read('c')]
    await expect(read('d')).rejects.toMatchObject({ code: 'ERR_QUEUE_FULL', retryable: true })
    expect(calls).toEqual([['a']])
    for (let n = 0; n < 3; n++) {
      ends[n]!()
      await turn()
    }
    expect(await Promise.all([first, ...more])).toEqual(['A', 'B', 'C'])
    expect(calls).toEqual([['a'], ['b'], ['c']])
  })

  it('takes rows as a Map, and fails alone what the Map lacks', async () => {
    const load = (items: readonly { id: number }[]) =>
      new Map(items.filter(({ id }) => id !== 2).map((item) => [item, item.id * 10]))
    const read = batcher({ load, key: ({ id }) => id })
    const results = await Promise.allSettled([read({ id: 1 }), read({ id: 2 }), read({ id: 1 })])
    expect(results[0]).toMatchObject({ value: 10 })
    expect(codeOf((results[1] as PromiseRejectedResult).reason)).toBe('ERR_ANSWER_MISSING')
    expect(results[2]).toMatchObject({ value: 10 })
  })

  it('matches a Map by equal items, also where they are copies, and takes the first of two', async () => {
    const load = (items: readonly { id: number }[]) =>
      new Map([
        ...items.map((item): [{ id: number }, string] => [structuredClone(item), `row ${item.id}`]),
        ...items.map((item): [{ id: number }, string] => [structuredClone(item), 'a second row']),
        [{ id: 99 }, 'nobody asked'],
      ])
    const read = batcher({ load })
    expect(await Promise.all([read({ id: 1 }), read({ id: 2 })])).toEqual(['row 1', 'row 2'])
  })

  it('matches a Map by `key`, and takes what has none for nobody', async () => {
    const load = (items: readonly { id: string; at: number }[]) =>
      new Map<{ id: string; at: number }, string>([
        [null as never, 'nobody'],
        ...items.map(({ id }): [{ id: string; at: number }, string] => [{ id, at: 0 }, `row ${id}`]),
      ])
    const read = batcher({ load, key: ({ id }) => id })
    expect(await Promise.all([read({ id: 'a', at: 1 }), read({ id: 'b', at: 2 })])).toEqual(['row a', 'row b'])
  })

  it.each([
    ['', 'the batcher'],
    ['users', "the batcher 'users'"],
  ])('speaks of itself in plain sentences, named %j', async (name, called) => {
    await using stash = createStash()
    const named = name === '' ? {} : { in: stash.general, name }
    const reasonOf = (load: () => never) => batcher({ ...named, load })('a').catch(String)
    const missing = await reasonOf((() => new Map()) as never)
    expect(missing).toContain(`The Map that the load of ${called} returned has no row for an item.`)
    expect(missing).not.toContain('fallback')
    expect(await reasonOf((() => [1, 2]) as never)).toContain(
      `Expected the load of ${called} to return 1 row, one an item`,
    )
    const read = batcher({ ...named, load: (items: readonly string[]) => [...items] })
    await read.close()
    expect(String(await read('a').catch((error) => error))).toContain(`${called.replace('the', 'The')} was closed`)
  })

  it('takes objects that hold the same for equal, and never a text for an object', async () => {
    const calls: unknown[] = []
    const read = batcher({
      load: (items: readonly unknown[]) => {
        calls.push(...items)
        return items.map((item) => typeof item)
      },
    })
    const values = [{ a: 1, b: 2 }, { b: 2, a: 1 }, '\u0000digest x', '\u0000text x', 1, '1', null, () => 1, () => 1]
    await Promise.all(values.map((value) => read(value)))
    expect(calls).toHaveLength(8)
  })

  it('lets an item fail alone', async () => {
    const read = batcher({ load: (items: readonly number[]) => items.map((n) => (n === 2 ? new Error('two') : n)) })
    const results = await Promise.allSettled([read(1), read(2), read(3)])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  })

  it.each([
    ['too few rows', () => ['x'], 'ERR_BATCH_MISALIGNED'],
    ['too many rows', () => ['x', 'y', 'z'], 'ERR_BATCH_MISALIGNED'],
    ['no rows', () => undefined, 'ERR_BATCH_MISALIGNED'],
    [
      'a throw',
      () => {
        throw Object.assign(new Error('down'), { code: 'E_DOWN' })
      },
      'E_DOWN',
    ],
    ['a rejection', () => Promise.reject(Object.assign(new Error('down'), { code: 'E_DOWN' })), 'E_DOWN'],
  ])('fails every caller for %s, and works again after', async (_, answer, code) => {
    let broken = true
    const read = batcher({ load: (items: readonly string[]) => (broken ? (answer() as string[]) : [...items]) })
    const results = await Promise.allSettled([read('a'), read('b')])
    expect(results.map((result) => codeOf((result as PromiseRejectedResult).reason))).toEqual([code, code])
    broken = false
    expect(await read('a')).toBe('a')
  })

  it('gives up on a load that takes too long', async () => {
    const clock = createFakeClock()
    const { signals, load } = slowLoad()
    const read = batcher({ load, timeout: '1s', clock })
    const answer = read('a').catch((error) => error)
    await clock.advance(1000)
    expect(codeOf(await answer)).toBe('ERR_BATCH_TIMEOUT')
    expect(signals[0]!.aborted).toBe(true)
    expect(read.stats().running).toBe(0)
  })

  it('may be handed to map, which gives it places beside items', async () => {
    const { calls, load } = quickLoad()
    expect(await Promise.all(['a', 'b'].map(batcher({ load }) as (item: string) => Promise<string>))).toEqual([
      'a!',
      'b!',
    ])
    expect(calls).toHaveLength(1)
  })

  it('survives thousands of loads without a wait in between', async () => {
    const read = batcher({ load: (items: readonly number[]) => [...items], maxItems: 1, queue: 20_000, concurrency: 1 })
    const values = Array.from({ length: 10_000 }, (_, n) => n)
    expect(await Promise.all(values.map((n) => read(n)))).toEqual(values)
  })
})

describe('a caller with a signal', () => {
  it('leaves at once; its item is not loaded if nobody else waits', async () => {
    const { calls, ends, load } = slowLoad()
    const read = batcher({ load })
    const caller = new AbortController()
    const other = new AbortController()
    const left = read('a', { signal: caller.signal })
    const shared = read('b', { signal: caller.signal })
    const stays = read('b', { signal: other.signal })
    caller.abort(new Error('left'))
    await expect(left).rejects.toThrow('left')
    await expect(shared).rejects.toThrow('left')
    await turn()
    expect(calls).toEqual([['b']])
    ends[0]!()
    expect(await stays).toBe('B')
  })

  it('aborts the load with the last that leaves, and not before', async () => {
    const { ends, signals, load } = slowLoad()
    const read = batcher({ load, concurrency: 1 })
    const callers = [new AbortController(), new AbortController()]
    const answers = callers.map(({ signal }, n) => read(`${n}`, { signal }).catch(String))
    await turn()
    const next = read('next')
    callers[0]!.abort('first')
    await turn()
    expect(signals[0]!.aborted).toBe(false)
    callers[1]!.abort('second')
    expect(await Promise.all(answers)).toEqual(['first', 'second'])
    expect(signals[0]!.aborted).toBe(true)
    await turn()
    ends[1]!()
    expect(await next).toBe('NEXT')
  })

  it('does not end a load for one that gave none', async () => {
    const { ends, signals, load } = slowLoad()
    const read = batcher({ load })
    const caller = new AbortController()
    const answers = [read('a', { signal: caller.signal }).catch(String), read('a')]
    await turn()
    caller.abort('left')
    expect(signals[0]!.aborted).toBe(false)
    ends[0]!()
    expect(await Promise.all(answers)).toEqual(['left', 'A'])
  })

  it('may join one that gave none, and leave it behind, before the load and during it', async () => {
    const { calls, ends, signals, load } = slowLoad()
    const read = batcher({ load })
    const early = new AbortController()
    const late = new AbortController()
    const answers = [
      read('a'),
      read('a', { signal: early.signal }).catch(String),
      read('a', { signal: late.signal }).catch(String),
    ]
    early.abort('early')
    await turn()
    expect(calls).toEqual([['a']])
    late.abort('late')
    expect(signals[0]!.aborted).toBe(false)
    ends[0]!()
    expect(await Promise.all(answers)).toEqual(['A', 'early', 'late'])
  })

  it('takes the tokens of its item along when it leaves', async () => {
    const { calls, load } = quickLoad()
    const read = batcher({ load, maxTokens: 10, tokensOf: (item: string) => item.length })
    const caller = new AbortController()
    const left = read('aaaaaaaa', { signal: caller.signal }).catch(String)
    const answers = ['bbbb', 'cccc', 'dddd'].map((item) => read(item))
    caller.abort('left')
    expect(await left).toBe('left')
    await Promise.all(answers)
    expect(calls).toEqual([['bbbb', 'cccc'], ['dddd']])
    await Promise.all([read('eeeee'), read('fffff')])
    expect(calls.slice(2)).toEqual([['eeeee', 'fffff']])
  })

  it('that has aborted is refused, and leaves no listener on one that lives on', async () => {
    const read = batcher({ load: (items: readonly string[]) => [...items] })
    await expect(read('a', { signal: AbortSignal.abort('gone') })).rejects.toBe('gone')
    const { signal } = new AbortController()
    let listeners = 0
    let most = 0
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      most = Math.max(most, ++listeners)
      add(...args)
    }
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--
      remove(...args)
    }
    await Promise.all(Array.from({ length: 50 }, (_, n) => read(`${n}`, { signal })))
    expect([listeners, most]).toEqual([0, 1])
  })
})

describe('close', () => {
  it('answers what was asked for before, and refuses what comes after', async () => {
    const { calls, ends, load } = slowLoad()
    const read = batcher({ load, concurrency: 1, maxWait: '1h', clock: createFakeClock() })
    const first = read('a')
    await turn()
    const second = read('b')
    const closing = read.close()
    await expect(read('c')).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    ends[0]!()
    await turn()
    ends[1]!()
    await closing
    expect(await Promise.all([first, second])).toEqual(['A', 'B'])
    expect(calls).toEqual([['a'], ['b']])
    await read[Symbol.asyncDispose]()
  })
})

describe('bad input', () => {
  const load = (items: readonly string[]) => [...items]
  it.each([
    ['load', {}],
    ['maxItems', { load, maxItems: 0 }],
    ['maxTokens', { load, maxTokens: -1, tokensOf: Number }],
    ['tokensOf', { load, maxTokens: 5 }],
    ['tokensOf', { load, tokensOf: Number }],
    ['maxWait', { load, maxWait: 'soon' }],
    ['concurrency', { load, concurrency: 0 }],
    ['queue', { load, queue: 0 }],
    ['timeout', { load, timeout: 0 }],
    ['in', { load, in: {} }],
    ['key', { load, key: 'id' }],
    ['ttl', { load, ttl: '1h' }],
    ['maxItem', { load, maxItem: 5 }],
  ])('%s is refused by name', (name, options) => {
    const error = (() => {
      try {
        return batcher(options as never)
      } catch (error) {
        return error
      }
    })()
    expect(codeOf(error)).toBe('ERR_OPTION_INVALID')
    expect(String(error)).toContain(`\`${name}`)
  })

  it('fails the call alone whose tokens or key cannot be told', async () => {
    const tokens: Record<string, number> = { a: 1, b: Number.NaN, c: 1 }
    const read = batcher({
      load,
      maxTokens: 5,
      tokensOf: (item) => tokens[item]!,
      key: (item: string): string => {
        if (item === 'c') throw new Error('no key')
        return item
      },
    })
    const results = await Promise.allSettled(['a', 'b', 'c'].map((item) => read(item)))
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected'])
  })
})
