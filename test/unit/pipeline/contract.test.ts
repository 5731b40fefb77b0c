import { describe, expect, it } from 'vitest'
import { defineHop, pipeline } from '../../../src/pipeline/index.js'
import type { StandardSchema } from '../../../src/runtime/standard-schema.js'

/** A schema that answers what no schema may. */
function odd(result: unknown): StandardSchema {
  return { '~standard': { version: 1, vendor: 'odd', validate: () => result as never } }
}

describe('a schema that keeps to no standard', () => {
  it.each([
    ['nothing', () => undefined],
    ['nothing, later', () => Promise.resolve(undefined)],
    ['a text', () => 'secret'],
    ['issues that are no list', () => ({ issues: 'secret' })],
    ['null for an issue, later', () => Promise.resolve({ issues: [null] })],
  ])('and gives %s fails its hop, and ends no process', async (_, result) => {
    const answers = defineHop({ name: 'a', call: async () => 'secret', output: odd(result()) })
    const run = await pipeline<unknown>('p', {})
      .hop('a', answers, {})
      .assemble(({ a }) => a)
      .run(1)
    expect(run).toMatchObject({ status: 'failed', report: { hops: { a: { reason: 'contract_output' } } } })
    expect(run.error?.message).not.toContain('secret')
    const asks = defineHop({ name: 'a', call: async () => 1, input: odd(result()) })
    const asked = await pipeline<unknown>('p', {})
      .hop('a', asks, { input: () => 'secret' })
      .assemble(({ a }) => a)
      .run(1)
    expect(asked).toMatchObject({ status: 'failed', report: { hops: { a: { reason: 'contract_input' } } } })
  })
})
