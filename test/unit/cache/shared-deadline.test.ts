import { describe, expect, it } from 'vitest'
import { withDeadline } from '../../../src/cache/shared-publish.js'
import type { SharedTier } from '../../../src/cache/shared-tier.js'

const tierOf = (storeTimeoutMs: number, keepsBudget: boolean) =>
  ({ store: { keepsBudget }, storeTimeoutMs, link: { storeNowAtMostMs: () => 1000 } }) as unknown as SharedTier

describe('a write is late', () => {
  it.each([
    ['one budget after it was asked for', 250, false, 1250],
    ['four budgets after it is sent, where the store keeps the budget', 250, true, 2000],
    ['before a silent connection is given up, whatever the budget is', 5000, true, 10_000],
    ['then too where the store does not keep the budget', 60_000, false, 10_000],
  ])('%s', (_, storeTimeoutMs, keepsBudget, notAfterMs) => {
    expect(withDeadline(tierOf(storeTimeoutMs, keepsBudget), {}).notAfterMs).toBe(notAfterMs)
  })
})
