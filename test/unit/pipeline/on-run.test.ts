import { expect, it } from 'vitest'
import { pipeline } from '../../../src/pipeline/pipeline.js'

it('ends a run whose listener throws or rejects as if it had not', async () => {
  for (const onRun of [
    () => {
      throw new Error('sink down')
    },
    () => Promise.reject(new Error('sink down')),
  ]) {
    const run = await pipeline<number>('p', { onRun })
      .hop('a', { run: () => 1 })
      .assemble(({ a }) => a)
      .run(1)
    expect(run.output).toBe(1)
  }
  await new Promise((resolve) => setImmediate(resolve))
})
