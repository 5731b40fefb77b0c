import { describe, expect, it } from 'vitest'
import { type BatchProgress, perItem, processInBatches, streamInBatches } from '../../../src/batch/index.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index)
const double = (batch: readonly number[]) => batch.map((n) => n * 2)
const codeOf = (error: unknown) => (error as { code?: string }).code

describe('processInBatches', () => {
  it('keeps the order of the items whatever the order in which batches end', async () => {
    const clock = createFakeClock()
    const running = processInBatches(
      numbers(6),
      async (batch, { batch: number }) => {
        await new Promise<void>((resolve) => void clock.setTimer(resolve, 100 - number * 30))
        return double(batch)
      },
      { batchSize: 2, concurrency: 3, clock },
    )
    await clock.advance(100)
    const outcomes = await running
    expect(outcomes.map(({ value }) => value)).toEqual([0, 2, 4, 6, 8, 10])
    expect(outcomes.map(({ index }) => index)).toEqual(numbers(6))
    expect(clock.pendingTimers(true)).toBe(0)
  })

  it('takes what is iterable and what is iterable in its own time', async () => {
    async function* slowly() {
      yield* numbers(5)
    }
    for (const source of [new Set(numbers(5)), slowly(), numbers(5).values()]) {
      const outcomes = await processInBatches(source, double, { batchSize: 2 })
      expect(outcomes.map(({ value }) => value)).toEqual([0, 2, 4, 6, 8])
    }
    expect(await processInBatches([], double)).toEqual([])
  })

  it('tells a function the places and the group of its items', async () => {
    const seen: unknown[] = []
    await processInBatches(
      ['a1', 'b1', 'a2', 'b2', 'a3'],
      (batch, { indices, group }) => {
        seen.push([batch, indices, group])
        return [...batch]
      },
      { batchSize: 2, groupBy: (text) => text[0]! },
    )
    expect(seen).toEqual([
      [['a1', 'a2'], [0, 2], 'a'],
      [['b1', 'b2'], [1, 3], 'b'],
      [['a3'], [4], 'a'],
    ])
  })

  it('does not hold more grouped items than batches at once may have', async () => {
    let read = 0
    let ended = 0
    let most = 0
    function* distinct() {
      for (let n = 0; n < 500; n++) {
        most = Math.max(most, ++read - ended)
        yield n
      }
    }
    const outcomes = await processInBatches(
      distinct(),
      (batch) => {
        ended += batch.length
        return double(batch)
      },
      { batchSize: 10, concurrency: 2, groupBy: String },
    )
    expect(outcomes).toHaveLength(500)
    expect(most).toBeLessThanOrEqual(10 * 2 + 10 * 2)
  })

  it.each([
    ['too few', (batch: readonly number[]) => batch.slice(1)],
    ['too many', (batch: readonly number[]) => [...batch, 9]],
    ['nothing', () => undefined as never],
    ['an object', () => ({ length: 2 }) as never],
  ])('fails a batch that returns %s rows and assigns none of them', async (_, fn) => {
    const outcomes = await processInBatches([1, 2, 3, 4], fn, { batchSize: 2 })
    expect(outcomes.map(({ status }) => status)).toEqual(['failed', 'failed', 'failed', 'failed'])
    expect(outcomes.map(({ reason }) => reason)).toEqual(Array(4).fill('contract_output'))
    expect(codeOf(outcomes[0]!.error)).toBe('ERR_BATCH_MISALIGNED')
    expect(String(outcomes[0]!.error)).toContain('2 rows')
  })

  it('fails the items of a batch that throws, at once or later, and goes on with the others', async () => {
    const outcomes = await processInBatches(
      [1, 2, 3, 4, 5],
      (batch) => {
        if (batch.includes(1)) throw new Error('at once')
        if (batch.includes(3)) return Promise.reject(new Error('later'))
        return double(batch)
      },
      { batchSize: 2 },
    )
    expect(outcomes.map(({ status }) => status)).toEqual(['failed', 'failed', 'failed', 'failed', 'ok'])
    expect(outcomes.map(({ error }) => (error as Error | undefined)?.message)).toEqual([
      'at once',
      'at once',
      'later',
      'later',
      undefined,
    ])
  })

  it('lets a row fail alone: an Error, or a promise that rejects', async () => {
    const outcomes = await processInBatches([1, 2, 3], () => [
      new Error('row'),
      Promise.reject(new Error('promise')),
      Promise.resolve('fine'),
    ])
    expect(outcomes.map(({ status, value }) => value ?? status)).toEqual(['failed', 'failed', 'fine'])
  })

  it('lets a row fail alone that cannot be looked at, whether the batch answers at once or later', async () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    const rows = () => [proxy, Promise.reject(new Error('promise')), 'fine'] as never[]
    for (const fn of [rows, async () => rows()]) {
      const outcomes = await processInBatches([1, 2, 3], fn)
      expect(outcomes.map(({ status, value }) => value ?? status)).toEqual(['failed', 'failed', 'fine'])
    }
  })

  it('keeps what a batch had done when its time was up', async () => {
    const clock = createFakeClock()
    let heard: unknown
    const running = processInBatches(
      [1, 2],
      perItem((n: number, { signal }) => {
        if (n === 1) return 'done'
        signal.addEventListener('abort', () => {
          heard = signal.reason
        })
        return new Promise<string>(() => {})
      }),
      { timeout: '2s', clock },
    )
    await clock.advance(1999)
    expect(heard).toBeUndefined()
    await clock.advance(1)
    const [first, second] = await running
    expect(first).toMatchObject({ status: 'ok', value: 'done' })
    expect(second).toMatchObject({ status: 'failed', reason: 'timeout' })
    expect(codeOf(second!.error)).toBe('ERR_BATCH_TIMEOUT')
    expect(heard).toBe(second!.error)
    expect(clock.pendingTimers()).toBe(0)
  })

  it('cancels what is under way and what is left when the signal aborts', async () => {
    const caller = new AbortController()
    const read: number[] = []
    const running = processInBatches(
      numbers(10),
      (batch, { signal }) => {
        read.push(...batch)
        if (batch.includes(0)) return double(batch)
        return new Promise<number[]>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      },
      { batchSize: 2, concurrency: 1, signal: caller.signal },
    )
    await new Promise((resolve) => setImmediate(resolve))
    caller.abort(new Error('left'))
    const outcomes = await running
    expect(read).toEqual([0, 1, 2, 3])
    expect(outcomes.map(({ status }) => status)).toEqual(['ok', 'ok', ...Array(8).fill('cancelled')])
    expect(outcomes[9]).toMatchObject({ index: 9, reason: 'aborted', error: new Error('left') })
  })

  it('reads nothing when the signal has aborted before', async () => {
    const read: unknown[] = []
    const outcomes = await processInBatches([1, 2], (batch) => read.push(batch) as never, {
      signal: AbortSignal.abort('gone'),
    })
    expect(read).toEqual([])
    expect(outcomes.map(({ status }) => status)).toEqual(['cancelled', 'cancelled'])
  })

  it('does not wait for a source that hangs once the signal aborts', async () => {
    const caller = new AbortController()
    let closed = 0
    const hanging: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => {}),
        return: async () => {
          closed++
          return { done: true, value: undefined }
        },
      }),
    }
    const running = processInBatches(hanging, double, { signal: caller.signal })
    await new Promise((resolve) => setImmediate(resolve))
    caller.abort()
    expect(await running).toEqual([])
    expect(closed).toBe(1)
  })

  it('rejects with what the source throws, after what was under way', async () => {
    let finished = false
    async function* broken() {
      yield 1
      yield 2
      throw new Error('source')
    }
    const running = processInBatches(
      broken(),
      async (batch) => {
        await new Promise((resolve) => setImmediate(resolve))
        finished = true
        return double(batch)
      },
      { batchSize: 1 },
    )
    await expect(running).rejects.toThrow('source')
    expect(finished).toBe(true)
  })

  it('tells how far it has come', async () => {
    const clock = createFakeClock()
    const told: BatchProgress[] = []
    const running = processInBatches(
      numbers(5),
      async (batch) => {
        await new Promise<void>((resolve) => void clock.setTimer(resolve, 500))
        return batch.map((n) => (n === 4 ? new Error('four') : n))
      },
      { batchSize: 2, concurrency: 1, clock, onProgress: (progress) => void told.push(progress) },
    )
    await clock.advance(1500)
    await running
    expect(told.map(({ done }) => done)).toEqual([2, 4, 5])
    expect(told[2]).toEqual({
      ...{ total: 5, done: 5, ok: 4, failed: 1, skipped: 0, cancelled: 0 },
      ...{ batches: 3, running: 0, batchSize: 2, elapsedMs: 1500, itemsPerSecond: 5000 / 1500 },
    })
  })

  it('ignores what onProgress throws', async () => {
    const onProgress = () => {
      throw new Error('observer')
    }
    expect(await processInBatches([1], double, { onProgress })).toMatchObject([{ value: 2 }])
    // A rejection that nobody handles would fail this run of the tests.
    const later = async () => onProgress()
    expect(await processInBatches([1], double, { onProgress: later })).toMatchObject([{ value: 2 }])
  })
})

describe('the settings of the environment', () => {
  it('are ten items, five batches at once, and thirty seconds', async () => {
    const clock = createFakeClock()
    const sizes: number[] = []
    const running = processInBatches(
      numbers(100),
      (batch) => {
        sizes.push(batch.length)
        return new Promise<never>(() => {})
      },
      { clock },
    )
    await clock.settle()
    expect(sizes).toEqual([10, 10, 10, 10, 10])
    await clock.advance(29_999)
    expect(sizes).toHaveLength(5)
    await clock.advance(30_001)
    expect((await running).every(({ reason }) => reason === 'timeout')).toBe(true)
  })

  it.each([
    ['light', 50],
    ['heavy', 5],
  ] as const)('batchSize %s is %i items', async (batchSize, expected) => {
    const sizes: number[] = []
    const fn = (batch: readonly number[]) => {
      sizes.push(batch.length)
      return [...batch]
    }
    await processInBatches(numbers(100), fn, { batchSize })
    expect(new Set(sizes)).toEqual(new Set([expected]))
  })

  it.each([
    ['conservative', 3],
    ['aggressive', 10],
  ] as const)('concurrency %s is %i batches at once', async (concurrency, expected) => {
    let running = 0
    let most = 0
    await processInBatches(
      numbers(200),
      async (batch) => {
        most = Math.max(most, ++running)
        await new Promise((resolve) => setImmediate(resolve))
        running--
        return [...batch]
      },
      { batchSize: 2, concurrency },
    )
    expect(most).toBe(expected)
  })
})

describe('bad input', () => {
  it.each([
    ['items', [undefined, double, {}]],
    ['items', [5, double, {}]],
    ['fn', [[1], undefined, {}]],
    ['batchSize', [[1], double, { batchSize: 0 }]],
    ['batchSize', [[1], double, { batchSize: 'ligth' }]],
    ['batchSize.max', [[1], double, { batchSize: { min: 5, max: 2 } }]],
    ['batchSize.start', [[1], double, { batchSize: { max: 4, start: 9 } }]],
    ['concurrency', [[1], double, { concurrency: 1.5 }]],
    ['concurrency', [[1], double, { concurrency: 'constructor' }]],
    ['timeout', [[1], double, { timeout: 0 }]],
    ['timeout', [[1], double, { timeout: 'soon' }]],
    ['groupBy', [[1], double, { groupBy: 'name' }]],
    ['groupBy', [[1], double, { groupBy: async () => 1 }]],
    ['onProgress', [[1], double, { onProgress: {} }]],
    ['concurency', [[1], double, { concurency: 3 }]],
    ['resume', [[1], double, { resume: { version: 2, next: 0, todo: [], total: null } }]],
    ['resume', [[1], double, { resume: { version: 1, next: 3, todo: [[2, 1]], total: null } }]],
    ['resume', [[1], double, { resume: { version: 1, next: 3, todo: [], total: 7 } }]],
  ] as const)('%s is refused by name', async (name, [items, fn, options]) => {
    const error = await processInBatches(items as never, fn as never, options as never).catch((error) => error)
    expect(codeOf(error)).toBe('ERR_OPTION_INVALID')
    expect(String(error)).toContain(`\`${name}`)
  })

  it('ordered groups are refused, where the stream is made', () => {
    expect(() => streamInBatches([1], double, { groupBy: String, ordered: true })).toThrow('`ordered`')
    expect(() => perItem(double as never, { concurrency: 0 })).toThrow('`perItem.concurrency`')
  })
})
