import { describe, expect, it } from 'vitest'
import { defineHop, pipeline } from '../../../src/pipeline/index.js'

/** What every look at throws: a client of another process, or a proxy that was revoked. */
const untouchable: never = new Proxy({} as never, {
  get() {
    throw new Error('do not look')
  },
})

describe('a value whose `then` cannot be read', () => {
  const run = async (more: object) => {
    const hop = defineHop({ name: 'a', call: () => 'answer', ...more })
    const p = pipeline<unknown>('p')
      .hop('a', hop, {})
      .assemble(({ a }) => a)
    return p.run(1)
  }

  it('fails the attempt that returned it', async () => {
    for (const call of [() => untouchable, async () => untouchable]) {
      expect(await run({ call, fallback: ['last'] })).toMatchObject({ output: 'last' })
    }
  })

  it('is passed by in a fallback', async () => {
    const call = (): never => {
      throw new Error('no answer')
    }
    expect(await run({ call, fallback: [() => untouchable, 'last'] })).toMatchObject({ output: 'last' })
  })

  it('is a failure of the credentials where `auth` returned it', async () => {
    const { output, report } = await run({ auth: () => untouchable, fallback: ['last'] })
    expect([output, report.hops.a?.reason]).toEqual(['last', 'auth'])
  })

  it('is a failure of the contract where a schema returned it', async () => {
    const output = { '~standard': { version: 1, vendor: 'test', validate: () => untouchable } }
    const ended = await run({ output, fallback: ['last'] })
    expect([ended.output, ended.report.hops.a?.reason]).toEqual(['last', 'contract_output'])
  })
})
