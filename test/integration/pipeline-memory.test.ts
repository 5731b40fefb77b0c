import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { defineHop, pipeline, resilient } from '../../src/pipeline/index.js'

/** A few bytes a run are noise of the collector; a listener or a timer that stays is at least 60. */
const MOST_BYTES_A_RUN = 8
const BATCHES = 10
const RUNS = 10_000

it('100,000 runs on one signal leave nothing on it and nothing on the heap', async () => {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const { signal } = new AbortController()
  const hop = defineHop({ name: 'a', call: async (context) => context.signal.aborted })
  const failing = defineHop({
    name: 'b',
    retry: false,
    breaker: false,
    call: (): Promise<string> => Promise.reject(new Error('no')),
    fallback: ['default'],
  })
  const p = pipeline<number>('p', { defaults: { ...resilient, concurrency: false }, deadline: '30s' })
    .hop('a', hop, {})
    .hop('b', failing, {})
    .hop('c', { needs: ['a', 'b'], run: ({ b }) => b })
    .assemble(({ c }) => c)
  const heap: number[] = []
  for (let batch = 0; batch < BATCHES; batch++) {
    for (let run = 0; run < RUNS; run += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, index) => p.run(index, { signal })))
    }
    collect()
    heap.push(process.memoryUsage().heapUsed)
  }
  const last = heap.slice(BATCHES / 2)
  const slope = ((last.at(-1) as number) - (last[0] as number)) / ((last.length - 1) * RUNS)
  expect(slope, `heap by batch: ${heap.join(', ')}`).toBeLessThan(MOST_BYTES_A_RUN)
  expect(p.metrics().runs.status.degraded).toBe(BATCHES * RUNS)
})
