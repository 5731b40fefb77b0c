import { describe, expect, it } from 'vitest'
import { type BatchCheckpoint, perItem, processInBatches, streamInBatches } from '../../../src/batch/index.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index)
const same = (batch: readonly number[]) => [...batch]
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** A source that tells how many were read and whether it was closed. */
function watched(count: number) {
  const seen = { read: 0, closed: false }
  async function* source() {
    try {
      for (let n = 0; n < count; n++) {
        seen.read++
        yield n
      }
    } finally {
      seen.closed = true
    }
  }
  return { seen, source: source() }
}

describe('streamInBatches', () => {
  it('reads nothing before the first outcome is asked for, and no more than may be in flight', async () => {
    const { seen, source } = watched(1000)
    const stream = streamInBatches(source, same, { batchSize: 10, concurrency: 2, ordered: false })
    await turn()
    expect(seen.read).toBe(0)
    expect((await stream.next()).value).toMatchObject({ index: 0, value: 0 })
    await turn()
    expect(seen.read).toBeLessThanOrEqual(20)
    await stream.return()
    expect(seen.closed).toBe(true)
  })

  it('ends the run at once when it is left while a batch is waited for', async () => {
    const { seen, source } = watched(1000)
    const signals: AbortSignal[] = []
    const stream = streamInBatches(source, (_, { signal }) => {
      signals.push(signal)
      return new Promise<number[]>(() => {})
    })
    const waiting = stream.next()
    await turn()
    const left = stream.return()
    expect(signals.length).toBeGreaterThan(0)
    expect(signals.every(({ aborted }) => aborted)).toBe(true)
    await waiting
    expect(await left).toEqual({ value: undefined, done: true })
    expect(seen.closed).toBe(true)
  })

  it('hands out in order, and reads at most twice what may run while the first is slow', async () => {
    const { seen, source } = watched(1000)
    let release = (): void => {}
    const first = new Promise<void>((resolve) => {
      release = resolve
    })
    const stream = streamInBatches(
      source,
      async (batch) => {
        if (batch.includes(0)) await first
        return [...batch]
      },
      { batchSize: 5, concurrency: 2 },
    )
    const answer = stream.next()
    for (let n = 0; n < 50; n++) await turn()
    expect(seen.read).toBe(20)
    release()
    const values = [(await answer).value]
    for await (const outcome of stream) values.push(outcome)
    expect(values.map((outcome) => outcome?.index)).toEqual(numbers(1000))
  })

  it('hands out as batches end where order does not matter', async () => {
    const clock = createFakeClock()
    const order: number[] = []
    const reading = (async () => {
      const fn = perItem((n: number) => new Promise<number>((resolve) => void clock.setTimer(() => resolve(n), 90 - n)))
      for await (const { index } of streamInBatches(numbers(4), fn, { batchSize: 1, ordered: false, clock }))
        order.push(index)
    })()
    await clock.advance(100)
    await reading
    expect(order).toEqual([3, 2, 1, 0])
  })

  it('aborts what is under way when the loop is left, and leaves no timer', async () => {
    const clock = createFakeClock()
    const aborted: number[] = []
    const stream = streamInBatches(
      numbers(10),
      (batch, { signal, batch: number }) => {
        if (number === 0) return [...batch]
        signal.addEventListener('abort', () => aborted.push(number))
        return new Promise<number[]>(() => {})
      },
      { batchSize: 1, concurrency: 3, clock },
    )
    for await (const _ of stream) break
    await turn()
    expect(aborted.length).toBeGreaterThan(0)
    expect(clock.pendingTimers()).toBe(0)
  })

  it('throws the reason of the signal after the outcomes of what was under way', async () => {
    const caller = new AbortController()
    const seen: string[] = []
    const reading = (async () => {
      const fn = (batch: readonly number[]) => (batch.includes(0) ? [...batch] : new Promise<number[]>(() => {}))
      const options = { batchSize: 2, concurrency: 2, signal: caller.signal }
      for await (const { status, index } of streamInBatches(numbers(9), fn, options)) seen.push(`${index} ${status}`)
    })()
    await turn()
    caller.abort(new Error('left'))
    await expect(reading).rejects.toThrow('left')
    expect(seen.slice(0, 4)).toEqual(['0 ok', '1 ok', '2 cancelled', '3 cancelled'])
  })

  it('bounds the items of a batch that run at once', async () => {
    let running = 0
    let most = 0
    const fn = perItem(
      async (n: number) => {
        most = Math.max(most, ++running)
        await turn()
        running--
        return n
      },
      { concurrency: 2 },
    )
    const outcomes = await processInBatches(numbers(9), fn, { batchSize: 9 })
    expect(outcomes.map(({ value }) => value)).toEqual(numbers(9))
    expect(most).toBe(2)
  })
})

describe('a checkpoint', () => {
  it('lets a later run do what is left, and what failed', async () => {
    const kept: string[] = []
    const save = (checkpoint: BatchCheckpoint) => void kept.push(JSON.stringify(checkpoint))
    const caller = new AbortController()
    const fn = (batch: readonly number[]) => {
      if (batch.includes(8)) caller.abort()
      return batch.map((n) => (n === 3 ? new Error('three') : n))
    }
    const options = { batchSize: 2, concurrency: 1, onCheckpoint: save }
    const first = await processInBatches(numbers(12), fn, { ...options, signal: caller.signal })
    expect(first.map(({ status }) => status)).toEqual([
      ...['ok', 'ok', 'ok', 'failed', 'ok', 'ok', 'ok', 'ok'],
      ...['cancelled', 'cancelled', 'cancelled', 'cancelled'],
    ])
    const resume = JSON.parse(kept.at(-1)!)
    expect(resume).toEqual({
      version: 1,
      next: 10,
      todo: [
        [3, 4],
        [8, 10],
      ],
      total: 12,
    })

    const done: number[] = []
    const again = (batch: readonly number[]) => {
      done.push(...batch)
      return [...batch]
    }
    const second = await processInBatches(numbers(12), again, { ...options, resume })
    expect(done).toEqual([3, 8, 9, 10, 11])
    expect(second.filter(({ status }) => status === 'skipped').map(({ index }) => index)).toEqual([0, 1, 2, 4, 5, 6, 7])
    expect(second[0]).toMatchObject({ status: 'skipped', reason: 'resumed', index: 0 })
    expect(JSON.parse(kept.at(-1)!)).toEqual({ version: 1, next: 12, todo: [], total: 12 })
  })

  it('counts a batch as open until its outcomes were taken', async () => {
    const kept: BatchCheckpoint[] = []
    const options = { batchSize: 2, onCheckpoint: (checkpoint: BatchCheckpoint) => void kept.push(checkpoint) }
    for await (const { index } of streamInBatches(numbers(6), same, options)) if (index === 3) break
    expect(kept).toHaveLength(1)
    expect(kept[0]!.todo.flat()[0]).toBe(2)
  })

  it('stays small, and never leaves an item out, however the failures are scattered', async () => {
    let last: BatchCheckpoint | undefined
    const failing = (batch: readonly number[]) => batch.map((n) => (n % 3 === 0 || n > 9000 ? new Error('no') : n))
    await processInBatches(numbers(10_000), failing, {
      batchSize: 100,
      onCheckpoint(checkpoint) {
        last = checkpoint
      },
    })
    expect(last!.todo.length).toBeLessThanOrEqual(1000)
    const open = new Set(last!.todo.flatMap(([from, to]) => numbers(to - from).map((n) => from + n)))
    for (const n of numbers(10_000)) if (n % 3 === 0 || n > 9000) expect(open.has(n)).toBe(true)
  })

  it('that cannot be saved ends the run', async () => {
    const onCheckpoint = () => Promise.reject(new Error('disk full'))
    await expect(processInBatches(numbers(50), same, { onCheckpoint })).rejects.toThrow('disk full')
  })
})
