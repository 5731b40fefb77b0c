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

it('tells every subscriber the report of each run, until it ends its subscription', async () => {
  const double = pipeline<number>('double')
    .hop('two', { run: ({ input }) => input * 2 })
    .assemble(({ two }) => two)
  const first: string[] = []
  const second: string[] = []
  const end = double.subscribe((report) => first.push(report.status))
  double.subscribe((report) => second.push(report.pipeline))
  await double.run(1)
  end()
  end()
  await double.run(2)
  expect([first, second]).toEqual([['ok'], ['double', 'double']])
})

it('refuses a subscriber that is no function', () => {
  const p = pipeline<number>('p')
    .hop('a', { run: () => 1 })
    .assemble(() => 1)
  for (const bad of [undefined, null, {}]) {
    expect(() => p.subscribe(bad as never)).toThrow(expect.objectContaining({ code: 'ERR_OPTION_INVALID' }))
  }
})
