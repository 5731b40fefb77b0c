import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  checkContract,
  createBreaker,
  createDeadline,
  createLimiter,
  createRetryBudget,
  deadlineFrom,
  deadlineHeaders,
  parseRetryAfter,
  retry,
  retryAfterMs,
  withFallback,
  withTimeout,
} from '../../../src/resilience/index.js'
import { NUMBER, notRefused, options, type Taker } from '../../support/bad-arguments.js'

const TAKERS: readonly Taker[] = [
  ['createBreaker', (value) => createBreaker(value), ['undefined', 'object']],
  ['the clock of createBreaker', (value) => createBreaker({}, value), ['undefined']],
  ['the work of a breaker', (value) => createBreaker().run(value), ['function']],
  ...options('createBreaker', createBreaker, {
    consecutiveFailures: NUMBER,
    failureRate: ['undefined', 'null'],
    slowCallAfter: NUMBER,
    slowCallRate: ['undefined', 'null'],
    minimumCalls: NUMBER,
    window: NUMBER,
    openFor: NUMBER,
    halfOpenCalls: NUMBER,
  }),
  ['createRetryBudget', (value) => createRetryBudget(value), ['undefined', 'object']],
  ['the clock of createRetryBudget', (value) => createRetryBudget({}, value), ['undefined']],
  ...options('createRetryBudget', createRetryBudget, { ratio: ['undefined', 'null'], min: NUMBER, window: NUMBER }),
  ['createLimiter', (value) => createLimiter(value), ['7']],
  ...options('createLimiter', (given) => createLimiter({ limit: 1, ...given }), {
    limit: ['7'],
    queue: ['undefined', '7'],
  }),
  ['the work of a limiter', (value) => createLimiter(1).run(value), ['function']],
  ['the options of its run', (value) => createLimiter(1).run(() => 1, value), ['undefined', 'object']],
  ...options('its run', (given) => createLimiter(1).run(() => 1, given), {
    signal: ['undefined'],
    priority: ['undefined'],
  }),
  ['the work of retry', (value) => retry(value), ['function']],
  ['the options of retry', (value) => retry(() => 1, value), ['undefined', 'object']],
  ...options('retry', (given) => retry(() => 1, given), {
    attempts: NUMBER,
    backoff: NUMBER,
    factor: ['undefined', '7'],
    maxBackoff: NUMBER,
    jitter: ['undefined'],
    maxRetryAfter: NUMBER,
    retryOn: ['undefined', 'function'],
    signal: ['undefined'],
    clock: ['undefined'],
    budget: ['undefined'],
  }),
  ['the work of withTimeout', (value) => withTimeout(value, '1s'), ['function']],
  ['the time of withTimeout', (value) => withTimeout(() => 1, value), ['7']],
  ['the options of withTimeout', (value) => withTimeout(() => 1, '1s', value), ['undefined', 'object']],
  ...options('withTimeout', (given) => withTimeout(() => 1, '1s', given), {
    signal: ['undefined'],
    clock: ['undefined'],
  }),
  ['createDeadline', (value) => createDeadline(value), ['7']],
  ['the options of createDeadline', (value) => createDeadline('1s', value), ['undefined', 'object']],
  ...options('createDeadline', (given) => createDeadline('1s', given), { signal: ['undefined'], clock: ['undefined'] }),
  ['the work of a deadline', (value) => createDeadline('1s').run(value), ['function']],
  ['the time of its work', (value) => createDeadline('1s').run(() => 1, value), ['undefined', '7']],
  ['the header of a deadline', (value) => createDeadline('1s').headers(value), ['undefined', 'text']],
  ['the work of withFallback', (value) => withFallback(value, [1]), ['function']],
  ['a chain', (value) => withFallback(() => 1, value), ['list of null']],
  ['a schema', (value) => checkContract(value, 1), []],
  ['the options of checkContract', (value) => checkContract(z.number(), 1, value), ['undefined', 'object']],
  ...options('checkContract', (given) => checkContract(z.number(), 1, given), {
    name: ['undefined', 'text', 'no text'],
    side: ['undefined'],
  }),
  ['the headers of a request', (value) => deadlineFrom(value), ['list', 'object', 'list of null', 'odd object']],
  ['the options of deadlineFrom', (value) => deadlineFrom({}, value), ['undefined', 'object']],
  ...options('deadlineFrom', (given) => deadlineFrom({}, given), {
    header: ['undefined', 'text', 'no text'],
    max: ['undefined', '7'],
  }),
  ['what is left of a deadline', (value) => deadlineHeaders(value), ['7']],
  ['the name of a deadline header', (value) => deadlineHeaders(1, value), ['undefined', 'text']],
]

describe('what is no argument', () => {
  it.each(TAKERS)('is refused with a code and a reason as %s', async (_, takes, fine) => {
    expect(await notRefused(takes, fine)).toEqual([])
  })

  it('is a signal where options are expected', async () => {
    const { signal } = new AbortController()
    const given = signal as never
    for (const call of [
      () => withTimeout(() => 1, '1s', given),
      () => retry(() => 1, given),
      async () => createDeadline('1s', given),
      () => createLimiter(1).run(() => 1, given),
    ]) {
      await expect(call()).rejects.toMatchObject({
        code: 'ERR_OPTION_INVALID',
        message: expect.stringContaining('Write `{ signal }`.'),
      })
    }
    const unasked = checkContract(z.number(), 1, given)
    await expect(unasked).rejects.toThrow('received an object (AbortSignal).')
    await expect(unasked).rejects.not.toThrow('Write')
  })

  it('says nothing about when to come back', () => {
    for (const value of [null, undefined, Symbol('mistake'), 7, {}, []]) {
      expect([parseRetryAfter(value as never, 0), retryAfterMs(value, 0)]).toEqual([undefined, undefined])
    }
  })
})
