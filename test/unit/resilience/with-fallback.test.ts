import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { checkContract, classifyError, withFallback } from '../../../src/resilience/index.js'
import { ODD_RESULTS, oddSchema } from '../../support/odd-schemas.js'

const broken = new Error('broken')
const fails = async (): Promise<number> => {
  throw broken
}

describe('withFallback', () => {
  it('asks nobody else while the call succeeds', async () => {
    let asked = 0
    expect(await withFallback(() => 1, [() => ++asked])).toEqual({
      value: 1,
      source: 'live',
      degraded: false,
      error: undefined,
    })
    expect(asked).toBe(0)
  })

  it('takes the first step that does not fail, told what failed', async () => {
    const told: unknown[] = []
    const note = (error: unknown) => {
      told.push(error)
      throw new Error('so did this')
    }
    const outcome = await withFallback(fails, [note, async () => 2, 3])
    expect(outcome).toEqual({ value: 2, source: 'function', degraded: true, error: broken })
    expect(await withFallback(fails, [note, 3])).toMatchObject({ value: 3, source: 'default' })
    expect(told).toEqual([broken, broken])
  })

  it('gives each caller a value of its own', async () => {
    const empty = { rows: [] as number[] }
    const first = await withFallback(fails, [empty])
    const second = await withFallback(fails, [empty])
    if (typeof first.value === 'object') first.value.rows.push(1)
    expect(first.value).toEqual({ rows: [1] })
    expect([second.value, empty]).toEqual([{ rows: [] }, { rows: [] }])
  })

  it('rejects with the first failure when all fail', async () => {
    await expect(withFallback(fails, [() => Promise.reject(new Error('later'))])).rejects.toBe(broken)
  })
})

describe('checkContract', () => {
  const schema = z.object({ score: z.coerce.number(), name: z.string() })

  it('gives what the schema makes of the value', async () => {
    expect(await checkContract(schema, { score: '7', name: 'Ada' })).toEqual({ score: 7, name: 'Ada' })
    const asynchronous = z.string().refine(async (text) => text === 'ok')
    expect(await checkContract(asynchronous, 'ok')).toBe('ok')
  })

  it('names places and never values, and says whose mistake it is', async () => {
    const error = await checkContract(schema, { score: 'secret', name: 7 }, { name: 'score' }).catch((given) => given)
    expect(error).toMatchObject({ code: 'ERR_CONTRACT', retryable: true, context: { paths: ['$.score', '$.name'] } })
    expect(error.message).toMatch(/answer of 'score' .* \$\.score, \$\.name/)
    expect(error.message).not.toContain('secret')
    expect(classifyError(error, 0)).toMatchObject({ kind: 'contract_output', verdict: 'failure' })
    const asked = await checkContract(schema, {}, { side: 'input' }).catch((given) => given)
    expect(classifyError(asked, 0)).toMatchObject({ kind: 'contract_input', retryable: false, verdict: 'neutral' })
  })

  it.each(ODD_RESULTS)('refuses a schema that gives %s, and does not quote it', async (_, result) => {
    const error = await checkContract(
      oddSchema(() => result),
      'secret',
    ).catch((given) => given)
    expect(error).toMatchObject({ code: 'ERR_OPTION_INVALID', context: { option: 'schema' } })
    expect(error.message).toMatch(/^Expected `schema` to be .+, received .+\.$/)
    expect(error.message).not.toContain('secret')
  })

  it('lets through what a schema throws, and that a value is undefined', async () => {
    const broken = new Error('broken')
    const throws = oddSchema(() => {
      throw broken
    })
    await expect(checkContract(throws, 1)).rejects.toBe(broken)
    await expect(
      checkContract(
        oddSchema(() => Promise.reject(broken)),
        1,
      ),
    ).rejects.toBe(broken)
    expect(
      await checkContract(
        oddSchema(() => ({ value: undefined })),
        1,
      ),
    ).toBeUndefined()
  })

  it.each([
    ['null', [null]],
    ['a text', ['secret']],
    ['without a list for its path', [{ message: 'secret', path: 7 }]],
  ])('takes an issue that is %s for one of no place', async (_, issues) => {
    const error = await checkContract(
      oddSchema(() => ({ issues })),
      1,
    ).catch((given) => given)
    expect(error).toMatchObject({ code: 'ERR_CONTRACT', context: { paths: ['$'] } })
    expect(error.message).not.toContain('secret')
  })
})
