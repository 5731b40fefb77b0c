import { describe, expect, it } from 'vitest'
import { Accounts } from '../../../src/llm/accounts.js'
import { checkPrices, costOf, DEFAULT_PRICES_AS_OF, defaultPrices, priceOf } from '../../../src/llm/prices.js'

const usage = (input: number, output = 0, cacheRead = 0, cacheWrite = 0) => ({ input, output, cacheRead, cacheWrite })

describe('prices', () => {
  it('bill what the prompt cache read and wrote at its own price', () => {
    const price = { input: 10, output: 100, cacheRead: 1, cacheWrite: 20 }
    expect(costOf(usage(1_000_000, 0, 400_000, 100_000), price)).toBeCloseTo(5 + 0.4 + 2, 10)
    expect(costOf(usage(1_000_000, 10_000, 400_000), { input: 10, output: 100 })).toBeCloseTo(10 + 1, 10)
    expect(costOf(usage(10, 0, 50), price)).toBeCloseTo(50 / 1e6, 12)
  })

  it('of a dated model are those of its name, unless it has its own; never those of another model', () => {
    const prices = { 'gpt-4o': { input: 1, output: 1 }, 'gpt-4o-2024-05-13': { input: 2, output: 2 } }
    for (const name of ['gpt-4o', 'gpt-4o-2024-08-06', 'gpt-4o-latest', 'openai/gpt-4o', 'gpt-4o-20240806']) {
      expect(priceOf(name, prices)?.input, name).toBe(1)
    }
    expect(priceOf('gpt-4o-2024-05-13', prices)?.input).toBe(2)
    for (const name of ['gpt-4o-mini', 'gpt-4', 'gpt-4o-audio', 'toString', '__proto__', '', undefined]) {
      expect(priceOf(name, prices), name).toBeUndefined()
    }
  })

  it('that ship with the package are dated and sound', () => {
    expect(DEFAULT_PRICES_AS_OF).toMatch(/^20\d\d-\d\d-\d\d$/)
    expect(() => checkPrices(defaultPrices)).not.toThrow()
    for (const [model, { input, cacheRead = 0 }] of Object.entries(defaultPrices))
      expect(cacheRead, model).toBeLessThanOrEqual(input)
    // What newer models write to their prompt cache costs a quarter more, what reading it costs is not one share for all.
    expect(priceOf('gpt-6-sol', defaultPrices)).toEqual({ input: 2, output: 10, cacheRead: 0.2, cacheWrite: 2.5 })
    expect(priceOf('claude-opus-5-5', defaultPrices)).toEqual({ input: 4, output: 20, cacheRead: 0.2, cacheWrite: 5 })
    expect(priceOf('gpt-4o-2024-08-06', defaultPrices)).toMatchObject({ input: 2.5, cacheRead: 1.25, cacheWrite: 2.5 })
    for (const name of ['gemini-2.5-flash-preview-09-2025', 'google/gemini-2.5-flash-preview-05-20']) {
      expect(priceOf(name, defaultPrices), name).toMatchObject({ input: 0.3 })
    }
    expect(priceOf('gemini-3.1-pro-preview', defaultPrices)).toMatchObject({ input: 2, output: 12 })
  })

  it('of a host must be amounts of dollars', () => {
    for (const bad of [-1, Number.NaN, '3' as unknown as number, Infinity]) {
      expect(() => checkPrices({ m: { input: bad, output: 1 } })).toThrow(
        expect.objectContaining({ code: 'ERR_OPTION_INVALID' }),
      )
    }
  })
})

describe('accounts', () => {
  const call = { format: 'openai-chat', model: 'm' } as const
  const base = { format: 'openai-chat', model: 'm', ageMs: 0, call } as const
  const open = () => new Accounts({ m: { input: 1, output: 10, cacheRead: 0.1 } })

  it('tell original, billed and saved apart, net of the provider\u2019s prompt caching', () => {
    const accounts = open()
    accounts.enter({ ...base, status: 'miss', usage: usage(1_000, 100, 900) })
    for (const status of ['hit', 'stale', 'coalesced'] as const)
      accounts.enter({ ...base, status, usage: usage(1_000, 100, 900) })
    const { original, billed, saved, hits, stale, joined, misses } = accounts.stats()
    const one = (100 + 90 + 1_000) / 1e6
    expect(billed).toEqual({ calls: 1, input: 1_000, output: 100, cacheRead: 900, cacheWrite: 0, money: one })
    expect(saved.calls).toBe(3)
    expect(saved.money).toBeCloseTo(3 * one, 12)
    expect(original.money).toBeCloseTo(billed.money + saved.money, 12)
    expect([hits, stale, joined, misses]).toEqual([1, 1, 1, 1])
  })

  it('count what cannot be told: answers without usage, models without a price', () => {
    const accounts = open()
    accounts.enter({ ...base, status: 'miss', usage: undefined })
    accounts.enter({ ...base, status: 'miss', usage: undefined, unstored: 'status' })
    accounts.enter({ ...base, model: 'unknown', status: 'hit', usage: usage(5, 5) })
    expect(accounts.stats()).toMatchObject({ withoutUsage: 1, withoutPrice: 1, unstored: { status: 1 } })
    accounts.enter({ ...base, status: 'hit', usage: undefined })
    expect(accounts.stats().saved).toMatchObject({ calls: 2, input: 5, money: 0 })
    expect(accounts.stats().billed).toMatchObject({ calls: 2, input: 0, money: 0 })
  })

  it('save nothing, never less, where only what was paid for a part is known', () => {
    const accounts = open()
    accounts.enter({ ...base, status: 'miss', usage: undefined, paid: usage(20) })
    expect(accounts.stats()).toMatchObject({ billed: { input: 20 }, saved: { calls: 0, input: 0 }, withoutUsage: 1 })
  })

  it('keep a bounded number of models', () => {
    const accounts = open()
    for (let model = 0; model < 1_000; model++)
      accounts.enter({ ...base, model: `m${model}`, status: 'miss', usage: usage(1) })
    const { models, original } = accounts.stats()
    expect(Object.keys(models)).toHaveLength(201)
    expect(models['(other)']?.original.input).toBe(800)
    expect(original.input).toBe(1_000)
  })

  it('survive a model by the name of something every object has', () => {
    const accounts = open()
    accounts.enter({ ...base, model: '__proto__', status: 'miss', usage: usage(1) })
    accounts.enter({ ...base, model: 'constructor', status: 'miss', usage: usage(1) })
    expect(accounts.stats().models.constructor).toMatchObject({ original: { input: 1 } })
    expect(Object.getPrototypeOf(accounts.stats().models)).toBe(Object.prototype)
  })
})
