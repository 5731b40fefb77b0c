import { describe, expect, it } from 'vitest'
import { adaptSize, resolveBatchSize, type SizeState } from '../../../src/batch/batch-size.js'
import { processInBatches } from '../../../src/batch/index.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

const full = (state: SizeState, durationMs: number) => ({
  target: state.size,
  items: state.size,
  durationMs,
  failed: false,
  troubled: false,
})

describe('a size that adapts', () => {
  it('doubles while each item gets cheaper, then holds', () => {
    let state = resolveBatchSize('auto')
    const sizes = [state.size]
    // 100 ms for each call and 10 ms an item: past some size more items gain nothing.
    for (let n = 0; n < 12; n++) {
      state = adaptSize(state, full(state, 100 + 10 * state.size))
      sizes.push(state.size)
    }
    expect(sizes.slice(0, 4)).toEqual([8, 16, 32, 64])
    expect(state.size).toBeLessThan(600)
  })

  it('halves once for all batches that failed at a size', () => {
    const state = { ...resolveBatchSize('auto'), size: 100 }
    const failed = { target: 100, items: 100, durationMs: 5, failed: true, troubled: true }
    const once = adaptSize(state, failed)
    expect(once).toMatchObject({ size: 50, doubling: false })
    expect(adaptSize(once, failed)).toBe(once)
    expect(adaptSize(once, { ...failed, target: 50 }).size).toBe(25)
  })

  it('does not grow from a part of a batch, an older size, a batch with trouble, or one near its timeout', () => {
    const state = resolveBatchSize('auto')
    expect(adaptSize(state, { ...full(state, 1), items: 3 }).size).toBe(8)
    expect(adaptSize(state, { ...full(state, 1), target: 4, items: 4 }).size).toBe(8)
    expect(adaptSize(state, { ...full(state, 1), troubled: true }).size).toBe(8)
    expect(adaptSize(state, full(state, 600), 1000).size).toBe(8)
  })

  it('shrinks when an item takes half as long again, and tries a larger size after a while', () => {
    let state: SizeState = { ...resolveBatchSize('auto'), size: 40, perItemMs: 10 }
    expect(adaptSize(state, full(state, 40 * 16)).size).toBe(30)
    for (let n = 0; n < 8; n++) state = adaptSize(state, full(state, 400))
    expect(state.size).toBe(40)
    expect(adaptSize(state, full(state, 400)).size).toBe(44)
  })

  it('stays within its bounds', () => {
    const state = resolveBatchSize({ min: 3, max: 5, start: 4 })
    expect(adaptSize(state, full(state, 1)).size).toBe(5)
    expect(adaptSize(state, { ...full(state, 1), failed: true }).size).toBe(3)
    const fixed = resolveBatchSize(7)
    expect(adaptSize(fixed, { ...full(fixed, 1), failed: true })).toBe(fixed)
  })

  it('drives a run: smaller batches after the upstream refused large ones', async () => {
    const clock = createFakeClock()
    const sizes: number[] = []
    const running = processInBatches(
      Array.from({ length: 400 }, (_, n) => n),
      async (batch) => {
        sizes.push(batch.length)
        await new Promise<void>((resolve) => void clock.setTimer(resolve, 10 + batch.length))
        if (batch.length > 40) throw new Error('context too long')
        return [...batch]
      },
      { batchSize: 'auto', concurrency: 1, clock },
    )
    for (let n = 0; n < 200; n++) await clock.advance(20)
    await running
    expect(sizes.slice(0, 5)).toEqual([8, 16, 32, 64, 32])
  })
})
