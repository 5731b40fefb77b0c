import { describe, expect, it } from 'vitest'
import { createBreaker } from '../../../src/resilience/index.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

const fail = (breaker: ReturnType<typeof createBreaker>, now: number): void =>
  breaker.settle(breaker.tryPass(now), 'failure', now)
const succeed = (breaker: ReturnType<typeof createBreaker>, now: number): void =>
  breaker.settle(breaker.tryPass(now), 'success', now)

describe('a breaker', () => {
  it('opens after so many failures in a row', () => {
    const breaker = createBreaker({ consecutiveFailures: 3 })
    fail(breaker, 0)
    fail(breaker, 0)
    succeed(breaker, 0)
    fail(breaker, 0)
    fail(breaker, 0)
    expect(breaker.state(0)).toBe('closed')
    fail(breaker, 0)
    expect(breaker.state(0)).toBe('open')
    expect(breaker.tryPass(0)).toBe(0)
  })

  it('opens at the failure rate, once there are enough calls within the window', () => {
    const breaker = createBreaker({ consecutiveFailures: Number.POSITIVE_INFINITY, failureRate: 0.5, minimumCalls: 10 })
    for (let i = 0; i < 4; i++) {
      fail(breaker, i)
      succeed(breaker, i)
    }
    fail(breaker, 9)
    expect(breaker.state(9)).toBe('closed')
    fail(breaker, 10)
    expect(breaker.state(10)).toBe('open')
  })

  it('opens when too many calls were slow, whatever they came to', () => {
    const breaker = createBreaker({ slowCallAfter: '1s', slowCallRate: 0.5, minimumCalls: 4 })
    const take = (tookMs: number): void => breaker.settle(breaker.tryPass(0), 'success', 0, tookMs)
    for (const tookMs of [1000, 10, 1001]) take(tookMs)
    expect(breaker.state(0)).toBe('closed')
    take(5000)
    expect(breaker.state(0)).toBe('open')
    // A probe that is slow shows that nothing has changed.
    const probe = breaker.tryPass(10_000)
    breaker.settle(probe, 'success', 12_000, 2000)
    expect(breaker.state(12_000)).toBe('open')
    breaker.settle(breaker.tryPass(22_000), 'success', 22_010, 10)
    expect(breaker.state(22_010)).toBe('closed')
  })

  it('knows of no slow calls unless it is told what slow is, and measures those it runs', async () => {
    const clock = createFakeClock()
    const lenient = createBreaker({ minimumCalls: 1 }, clock)
    lenient.settle(lenient.tryPass(0), 'success', 0, 1e9)
    expect(lenient.state(0)).toBe('closed')
    const strict = createBreaker({ slowCallAfter: 5, minimumCalls: 1 }, clock)
    await strict.run(() => clock.advance(6))
    expect(strict.state()).toBe('open')
  })

  it('takes a rate of 0 for "from the first one on"', () => {
    const breaker = createBreaker({ slowCallAfter: '1s', slowCallRate: 0, failureRate: 1, minimumCalls: 1 })
    breaker.settle(breaker.tryPass(0), 'success', 0, 10)
    fail(breaker, 0)
    expect(breaker.state(0)).toBe('closed')
    breaker.settle(breaker.tryPass(0), 'success', 0, 1001)
    expect(breaker.state(0)).toBe('open')
  })

  it('forgets what is older than the window', () => {
    const breaker = createBreaker({ consecutiveFailures: Number.POSITIVE_INFINITY, minimumCalls: 10, window: '60s' })
    for (let i = 0; i < 9; i++) fail(breaker, 0)
    fail(breaker, 60_000)
    expect(breaker.state(60_000)).toBe('closed')
  })

  it('lets one probe through after openFor, and closes when it succeeds', () => {
    const breaker = createBreaker({ consecutiveFailures: 1, openFor: '10s' })
    fail(breaker, 0)
    expect(breaker.retryInMs(4000)).toBe(6000)
    expect(breaker.tryPass(9999)).toBe(0)
    const probe = breaker.tryPass(10_000)
    expect(probe).toBeGreaterThan(0)
    expect(breaker.tryPass(10_000)).toBe(0)
    breaker.settle(probe, 'success', 10_100)
    expect(breaker.state(10_100)).toBe('closed')
    expect(breaker.retryInMs(10_100)).toBe(0)
  })

  it('opens again when the probe fails, and gives a neutral probe to the next', () => {
    const breaker = createBreaker({ consecutiveFailures: 1, openFor: 10 })
    fail(breaker, 0)
    breaker.settle(breaker.tryPass(10), 'neutral', 10)
    const probe = breaker.tryPass(10)
    expect(probe).toBeGreaterThan(0)
    breaker.settle(probe, 'failure', 11)
    expect(breaker.state(11)).toBe('open')
    expect(breaker.tryPass(20)).toBe(0)
    expect(breaker.tryPass(21)).toBeGreaterThan(0)
  })

  it('asks as many probes as it is told to', () => {
    const breaker = createBreaker({ consecutiveFailures: 1, openFor: 10, halfOpenCalls: 2 })
    fail(breaker, 0)
    const probes = [breaker.tryPass(10), breaker.tryPass(10), breaker.tryPass(10)]
    expect(probes[2]).toBe(0)
    breaker.settle(probes[0] as number, 'success', 11)
    expect(breaker.state(11)).toBe('half_open')
    breaker.settle(probes[1] as number, 'success', 11)
    expect(breaker.state(11)).toBe('closed')
  })

  it('is not closed for ever by a probe that never settles', () => {
    const breaker = createBreaker({ consecutiveFailures: 1, openFor: 10 })
    fail(breaker, 0)
    const lost = breaker.tryPass(10)
    expect(breaker.tryPass(19)).toBe(0)
    const next = breaker.tryPass(20)
    expect(next).toBeGreaterThan(0)
    breaker.settle(lost, 'failure', 20)
    breaker.settle(next, 'success', 20)
    expect(breaker.state(20)).toBe('closed')
  })

  it('learns nothing from calls that began before its last change', () => {
    const breaker = createBreaker({ consecutiveFailures: 1, openFor: 10 })
    const old = breaker.tryPass(0)
    fail(breaker, 0)
    expect(breaker.honours(old)).toBe(false)
    const probe = breaker.tryPass(10)
    breaker.settle(old, 'success', 10)
    expect(breaker.state(10)).toBe('half_open')
    breaker.settle(probe, 'success', 10)
    breaker.settle(old, 'failure', 10)
    expect(breaker.state(10)).toBe('closed')
  })

  it('runs work, and refuses it while open', async () => {
    const clock = createFakeClock()
    const breaker = createBreaker({ consecutiveFailures: 1 }, clock)
    const boom = new Error('boom')
    await expect(breaker.run(() => Promise.reject(boom))).rejects.toBe(boom)
    await expect(breaker.run(() => 1)).rejects.toMatchObject({
      code: 'ERR_BREAKER_OPEN',
      context: { retryInMs: 10_000 },
    })
    await clock.advance(10_000)
    await expect(breaker.run(() => 1)).resolves.toBe(1)
  })
})
