import { describe, expect, it } from 'vitest'
import { defineHop, pipeline } from '../../../src/pipeline/index.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'
import { httpError, script } from './support.js'

/** A hop that runs a pipeline of one hop, and throws what ended it. */
function nested(outcomes: readonly unknown[]) {
  const clock = createFakeClock()
  const { call, seen } = script(outcomes)
  const inner = pipeline<unknown>('inner', { clock })
    .hop('a', defineHop({ name: 'a', call }), {})
    .assemble(({ a }) => a)
  const run = async () => {
    const { output, error } = await inner.run(1)
    if (error !== undefined) throw error
    return output
  }
  const outer = pipeline<unknown>('outer', { clock })
    .hop('inner', { retry: { attempts: 3, backoff: 100, jitter: 'none' }, run })
    .assemble(({ inner: output }) => output)
  return { clock, outer, seen }
}

describe('a pipeline within a hop', () => {
  it('is repeated after as long as its upstream asks to wait', async () => {
    const { clock, outer } = nested([httpError(429, { 'retry-after': '3' }), 'answer'])
    const run = outer.run(1)
    await clock.advance(60_000)
    const { output, report } = await run
    expect(output).toBe('answer')
    expect(report.hops.inner.attempts.map((attempt) => attempt.waitMs)).toEqual([0, 3000])
  })

  it('is not repeated where its upstream would say the same again', async () => {
    const { outer, seen } = nested([httpError(400)])
    const { error } = await outer.run(1)
    expect(error).toMatchObject({ code: 'ERR_HOP_FAILED', retryable: false })
    expect(seen).toHaveLength(1)
  })
})
