import { describe, expect, it } from 'vitest'
import {
  batcher,
  combinePrompts,
  perItem,
  processGraph,
  processInBatches,
  streamInBatches,
} from '../../../src/batch/index.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

/** A signal that lives as long as a process, and knows how many listen to it. */
function watchedSignal() {
  const { signal } = new AbortController()
  const seen = { now: 0, most: 0 }
  const { addEventListener, removeEventListener } = signal
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    seen.most = Math.max(seen.most, ++seen.now)
    addEventListener.apply(signal, args)
  }
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    seen.now--
    removeEventListener.apply(signal, args)
  }
  return { signal, seen }
}

const items = Array.from({ length: 100 }, (_, n) => n)
const fail = (n: number) => {
  if (n % 3 === 0) throw new Error('third')
  return n
}

describe('a signal that outlives its runs', () => {
  it.each([
    [
      'processInBatches',
      (options: Shared) => processInBatches(items, perItem(fail), { ...options, concurrency: 20, batchSize: 2 }),
    ],
    [
      'streamInBatches',
      async (options: Shared) => {
        for await (const { index } of streamInBatches(items, perItem(fail), { ...options, batchSize: 2 }))
          if (index === 50) break
      },
    ],
    ['processGraph', (options: Shared) => processGraph(items, { ...options, run: fail, concurrency: 20 })],
    [
      'combinePrompts',
      (options: Shared) =>
        combinePrompts({
          ...options,
          tasks: items.map((n) => ({ id: `${n}`, n })),
          ask: (tasks) => ({ answers: tasks.filter(({ n }) => n % 3 > 0).map(({ id, n }) => ({ id, value: n })) }),
        }),
    ],
    [
      'batcher',
      ({ signal, clock }: Shared) => {
        const read = batcher({
          load: (all: readonly number[]) => all.map((n) => (n % 3 === 0 ? new Error() : n)),
          clock,
        })
        return Promise.allSettled(items.map((n) => read(n, { signal })))
      },
    ],
  ])('has one listener at most of %s, and none after it, nor is there a timer left', async (_, run) => {
    const { signal, seen } = watchedSignal()
    const clock = createFakeClock()
    for (let n = 0; n < 3; n++) await run({ signal, clock })
    await clock.settle()
    expect(seen.now).toBe(0)
    expect(seen.most).toBe(1)
    expect(clock.pendingTimers()).toBe(0)
  })
})

interface Shared {
  readonly signal: AbortSignal
  readonly clock: ReturnType<typeof createFakeClock>
}

it('a stream of 100,000 items holds no more of them than are in flight', async () => {
  let held = 0
  let most = 0
  async function* rows() {
    for (let id = 0; id < 100_000; id++) {
      most = Math.max(most, ++held)
      yield { id }
    }
  }
  let count = 0
  for await (const _ of streamInBatches(rows(), (batch) => batch.map(({ id }) => id), {
    batchSize: 50,
    concurrency: 4,
  })) {
    held--
    count++
  }
  expect(count).toBe(100_000)
  expect(most).toBeLessThanOrEqual(50 * 4 * 2 + 50)
}, 20_000)
