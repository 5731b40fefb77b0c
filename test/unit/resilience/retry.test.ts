import { describe, expect, it } from 'vitest'
import {
  classifyError,
  createRetryBudget,
  parseRetryAfter,
  retry,
  retryAfterMs,
} from '../../../src/resilience/index.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

describe('retry', () => {
  it('calls until it succeeds, waiting longer each time', async () => {
    const clock = createFakeClock()
    const calledAt: number[] = []
    const work = (attempt: number): number => {
      calledAt.push(clock.now())
      if (attempt < 4) throw new TypeError(`attempt ${attempt}`)
      return attempt
    }
    const result = retry(work, { attempts: 5, backoff: 100, maxBackoff: 150, jitter: 'none', clock })
    await clock.advance(1000)
    expect(await result).toBe(4)
    expect(calledAt).toEqual([0, 100, 250, 400])
  })

  it('rejects with the last failure, whatever was thrown', async () => {
    const clock = createFakeClock()
    for (const thrown of ['text', undefined, new TypeError('x'), { retryable: true }]) {
      const result = retry(() => Promise.reject(thrown), { attempts: 3, backoff: 0, clock })
      await expect(result).rejects.toBe(thrown)
    }
  })

  it('does not repeat what is permanent, or what retryOn refuses', async () => {
    const clock = createFakeClock()
    let calls = 0
    const work = (): never => {
      calls++
      throw Object.assign(new Error('x'), { status: 404 })
    }
    await expect(retry(work, { clock })).rejects.toThrow('x')
    await expect(
      retry(work, { clock, retryOn: (error) => (error as { status: number }).status !== 404 }),
    ).rejects.toThrow('x')
    expect(calls).toBe(2)
  })

  it('stops waiting when its signal aborts', async () => {
    const clock = createFakeClock()
    const controller = new AbortController()
    const result = retry(() => Promise.reject(new Error('x')), {
      backoff: '10s',
      jitter: 'none',
      clock,
      signal: controller.signal,
    })
    const settled = expect(result).rejects.toBe('gone')
    await clock.advance(100)
    controller.abort('gone')
    await settled
    expect(clock.pendingTimers()).toBe(0)
    await expect(retry(() => 1, { signal: AbortSignal.abort('before') })).rejects.toBe('before')
  })

  it('refuses impossible options', async () => {
    await expect(retry(() => 1, { attempts: 0 })).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' })
    await expect(retry(() => 1, { retries: 3 } as object)).rejects.toThrow('Unknown option')
  })
})

describe('a retry budget', () => {
  it('allows a share of the calls within the window, and always a few', () => {
    const budget = createRetryBudget({ ratio: 0.2, min: 3, window: '10s' })
    const allowed = (now: number): number => {
      let count = 0
      while (budget.tryRetry(now)) count++
      return count
    }
    expect(allowed(0)).toBe(3)
    for (let i = 0; i < 100; i++) budget.noteCall(1)
    expect(allowed(1)).toBe(17)
    expect(allowed(9000)).toBe(0)
    expect(allowed(20_000)).toBe(3)
  })
})

describe('retry-after', () => {
  const wall = Date.UTC(2026, 0, 1)

  it.each([
    ['120', 120_000],
    [' 1.5 ', 1500],
    ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
    ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
    ['soon', undefined],
    ['-5', undefined],
    ['9'.repeat(100), undefined],
    [undefined, undefined],
  ])('reads %j', (value, ms) => {
    expect(parseRetryAfter(value, wall)).toBe(ms)
  })

  it('is found in Headers, plain objects, lists and responses, and the exact form wins', () => {
    expect(retryAfterMs({ headers: new Headers({ 'retry-after': '2' }) }, wall)).toBe(2000)
    expect(retryAfterMs({ headers: { 'Retry-After': ['3', '4'] } }, wall)).toBe(3000)
    expect(retryAfterMs({ response: { headers: { 'retry-after': 4 } } }, wall)).toBe(4000)
    expect(retryAfterMs({ responseHeaders: { 'retry-after': '9', 'retry-after-ms': '50' } }, wall)).toBe(50)
    expect(retryAfterMs({ retryAfterMs: 7, headers: { 'retry-after': '9' } }, wall)).toBe(7)
    for (const nothing of [undefined, null, 'x', {}, { headers: null }, { headers: {} }]) {
      expect(retryAfterMs(nothing, wall)).toBeUndefined()
    }
  })
})

describe('classifyError', () => {
  it.each([
    [{ status: 429 }, { kind: 'rate_limited', retryable: true, untouched: true, verdict: 'neutral' }],
    [{ statusCode: 503 }, { kind: 'error', status: 503, retryable: true, untouched: true, verdict: 'failure' }],
    [
      { response: { status: 500 } },
      { kind: 'error', status: 500, retryable: true, untouched: false, verdict: 'failure' },
    ],
    [{ status: 401 }, { kind: 'auth', retryable: false, verdict: 'neutral' }],
    [{ status: 404 }, { kind: 'error', retryable: false, verdict: 'success' }],
    [{ status: 408 }, { retryable: true, verdict: 'failure' }],
    [{ status: 500, isRetryable: false }, { retryable: false }],
    [{ status: 400, retryable: true }, { retryable: true }],
    [{ reason: 'maxRetriesExceeded' }, { retryable: false }],
    [{ cause: { code: 'ECONNREFUSED' } }, { code: 'ECONNREFUSED', untouched: true, retryable: true }],
    [{ code: 'a secret that is no code' }, { code: null }],
    [{ status: 7 }, { status: null }],
    ['just text', { kind: 'error', status: null, code: null, name: null, retryable: true, verdict: 'failure' }],
    [null, { retryable: true }],
  ])('tells %j by its fields', (error, expected) => {
    expect(classifyError(error, 0)).toMatchObject(expected)
  })
})
