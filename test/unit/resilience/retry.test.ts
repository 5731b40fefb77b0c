import { describe, expect, it } from 'vitest'
import { breakerOpen, queueFull, retryBudgetExhausted } from '../../../src/errors/resilience-error.js'
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

  it.each([breakerOpen('x', 10), queueFull('x', 1, 0), retryBudgetExhausted('x')])(
    'does not repeat what a policy refused: $code',
    async (refusal) => {
      let calls = 0
      const work = (): never => {
        calls++
        throw refusal
      }
      const options = { attempts: 3, backoff: 0, clock: createFakeClock() }
      await expect(retry(work, options)).rejects.toBe(refusal)
      await expect(retry(work, { ...options, retryOn: () => true })).rejects.toBe(refusal)
      expect(calls).toBe(2)
    },
  )

  it('ends with the refusal when a policy refuses a further attempt', async () => {
    let calls = 0
    const work = (attempt: number): never => {
      calls++
      throw attempt === 1 ? new Error('down') : breakerOpen('x', 10)
    }
    const result = retry(work, { attempts: 5, backoff: 0, clock: createFakeClock() })
    await expect(result).rejects.toMatchObject({ code: 'ERR_BREAKER_OPEN' })
    expect(calls).toBe(2)
  })

  it.each([
    ['throws', () => thrower('in retryOn')],
    ['answers later', () => Promise.resolve(true)],
    ['fails later', () => Promise.reject(new Error('in retryOn'))],
  ])('takes it for a no when retryOn %s', async (_, retryOn) => {
    let calls = 0
    const work = () => {
      calls++
      return thrower('upstream')
    }
    const result = retry(work, { retryOn: retryOn as unknown as () => boolean, backoff: 0, clock: createFakeClock() })
    await expect(result).rejects.toThrow('upstream')
    expect(calls).toBe(1)
  })

  it('refuses a retryOn that could only answer later', async () => {
    const later = async () => true
    const result = retry(() => 1, { retryOn: later as unknown as () => boolean })
    await expect(result).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' })
    await expect(result).rejects.toThrow('a function of the error that answers at once, received an async function.')
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

function thrower(message: string): never {
  throw new Error(message)
}

describe('a retry budget', () => {
  it('ends the attempts of all that share it, and refills with time', async () => {
    const clock = createFakeClock()
    const budget = createRetryBudget({ ratio: 0, min: 1, window: '10s' }, clock)
    let calls = 0
    const fail = () =>
      retry(
        () => {
          calls++
          return thrower('down')
        },
        // Each has a clock of its own, as calls that are given none do.
        { attempts: 9, backoff: 0, budget, clock: createFakeClock() },
      )
    await expect(fail()).rejects.toThrow('down')
    expect(calls).toBe(2)
    await expect(fail()).rejects.toThrow('down')
    expect(calls).toBe(3)
    await clock.advance(20_000)
    await expect(fail()).rejects.toThrow('down')
    expect(calls).toBe(5)
  })

  it('grows with the first attempts, and is taken by further ones only', async () => {
    const budget = createRetryBudget({ ratio: 0.5, min: 0 }, createFakeClock())
    const clock = createFakeClock()
    for (let i = 0; i < 4; i++) await retry(() => 1, { budget, clock })
    const permanent = retry(() => Promise.reject({ status: 404 }), { budget, clock })
    await expect(permanent).rejects.toEqual({ status: 404 })
    const single = retry(() => thrower('once'), { attempts: 1, budget, clock })
    await expect(single).rejects.toThrow('once')
    expect([budget.tryRetry(), budget.tryRetry(), budget.tryRetry(), budget.tryRetry()]).toEqual([
      true,
      true,
      true,
      false,
    ])
  })

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

  it('goes by the time of day where none is given', () => {
    const past = 'Thu, 01 Jan 1970 00:00:30 GMT'
    const future = 'Fri, 01 Jan 2100 00:00:00 GMT'
    expect([parseRetryAfter(past), retryAfterMs({ headers: { 'retry-after': past } })]).toEqual([0, 0])
    expect(classifyError({ headers: { 'retry-after': past } }).retryAfterMs).toBe(0)
    const ms = parseRetryAfter(future) as number
    expect(ms).toBeGreaterThan(0)
    expect(ms).toBeLessThan(Date.parse(future))
    expect(parseRetryAfter(future, Number.NaN)).toBeUndefined()
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
