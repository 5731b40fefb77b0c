import { describe, expect, it } from 'vitest'
import { createDeadline, retry, withTimeout } from '../../../src/resilience/index.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

const deaf = () => new Promise<never>(() => {})
const late = expect.objectContaining({ code: 'ERR_TIMEOUT', retryable: true })
const over = expect.objectContaining({ code: 'ERR_TIMEOUT', retryable: false })

describe('withTimeout', () => {
  it('gives what the call came to, and leaves no timer behind', async () => {
    const clock = createFakeClock()
    const { signal } = new AbortController()
    expect(await withTimeout(() => 'at once', '1s', { clock, signal })).toBe('at once')
    const thrower = () => {
      throw new Error('broken')
    }
    await expect(withTimeout(thrower, '1s', { clock })).rejects.toThrow('broken')
    await expect(withTimeout(async () => thrower(), '1s', { clock })).rejects.toThrow('broken')
    expect(await withTimeout(() => clock.pendingTimers(), Infinity, { clock })).toBe(0)
    expect(await withTimeout(() => clock.pendingTimers(), '30d', { clock })).toBe(0)
    expect(clock.pendingTimers()).toBe(0)
  })

  it('gives up on a call that does not heed its signal, and drops what that still comes to', async () => {
    const clock = createFakeClock()
    let fail: ((error: Error) => void) | undefined
    const call = withTimeout(() => new Promise((_, reject) => (fail = reject)), '1s', { clock })
    const result = expect(call).rejects.toEqual(late)
    await clock.advance(1000)
    await result
    fail?.(new Error('nobody asks'))
    expect(clock.pendingTimers()).toBe(0)
  })

  it('tells a call that asks for its signal, even when it is too late', async () => {
    const clock = createFakeClock()
    const reasons: unknown[] = []
    const heard = withTimeout(
      (context) =>
        new Promise((resolve) => {
          clock.setTimer(() => resolve(reasons.push(context.signal.reason)), 2000, true)
        }),
      '1s',
      { clock },
    )
    const result = expect(heard).rejects.toEqual(late)
    await clock.advance(2000)
    await result
    expect(reasons).toEqual([late])
  })

  it('lets its caller leave, before the call and during it', async () => {
    const clock = createFakeClock()
    let calls = 0
    const work = ({ signal }: { readonly signal: AbortSignal }) => {
      calls++
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('too late'))))
    }
    const gone = withTimeout(work, '1s', { clock, signal: AbortSignal.abort('gone') })
    await expect(gone).rejects.toBe('gone')
    expect(calls).toBe(0)
    const caller = new AbortController()
    const left = withTimeout(work, '1s', { clock, signal: caller.signal })
    caller.abort('left')
    await expect(left).rejects.toBe('left')
    expect([calls, clock.pendingTimers()]).toEqual([1, 0])
  })
})

describe('a deadline', () => {
  it('is one for all that runs within it', async () => {
    const clock = createFakeClock()
    const deadline = createDeadline('1s', { clock })
    await clock.advance(400)
    expect([deadline.remainingMs, deadline.headers()]).toEqual([600, { 'x-deadline-ms': '600' }])
    expect(deadline.headers('grpc-timeout')).toEqual({ 'grpc-timeout': '600m' })
    const call = expect(deadline.run(deaf)).rejects.toEqual(over)
    await clock.advance(600)
    await call
    let calls = 0
    await expect(deadline.run(() => calls++)).rejects.toEqual(over)
    expect([calls, deadline.remainingMs, clock.pendingTimers()]).toEqual([0, 0, 0])
  })

  it('bounds an attempt, which is worth another one while something is left', async () => {
    const clock = createFakeClock()
    const deadline = createDeadline('1s', { clock })
    let calls = 0
    const attempts = retry(
      () =>
        deadline.run(() => {
          calls++
          return deaf()
        }, 400),
      { attempts: 9, backoff: 0, clock },
    )
    const result = expect(attempts).rejects.toEqual(over)
    await clock.advance(1000)
    await result
    expect(calls).toBe(3)
  })

  it('around all attempts ends the waiting between them', async () => {
    const clock = createFakeClock()
    const deadline = createDeadline('1s', { clock })
    let calls = 0
    const attempt = () => {
      calls++
      throw new Error('down')
    }
    const call = deadline.run(({ signal }) => retry(attempt, { backoff: '10s', jitter: 'none', clock, signal }))
    const result = expect(call).rejects.toEqual(over)
    await clock.advance(1000)
    await result
    expect([calls, clock.pendingTimers()]).toEqual([1, 0])
  })

  it('keeps the process alive while something runs within it, and neither before nor after', async () => {
    const clock = createFakeClock()
    const deadline = createDeadline('1s', { clock })
    expect(clock.pendingTimers()).toBe(0)
    let end = (_: number): void => {}
    const call = deadline.run(() => new Promise<number>((resolve) => (end = resolve)))
    const late = expect(deadline.run(deaf, 400)).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
    expect(clock.pendingTimers(true)).toBe(2)
    await clock.advance(400)
    await late
    expect(clock.pendingTimers(true)).toBe(1)
    end(7)
    expect(await call).toBe(7)
    expect(clock.pendingTimers()).toBe(0)
  })

  it('of nothing lets nothing run, and one without end bounds nothing', async () => {
    const clock = createFakeClock()
    await expect(createDeadline(0, { clock }).run(() => 1)).rejects.toEqual(over)
    const endless = createDeadline(Infinity, { clock })
    expect(await endless.run(() => 1)).toBe(1)
    expect([endless.remainingMs, endless.headers()]).toEqual([Infinity, {}])
  })

  it('ends with its caller', async () => {
    const caller = new AbortController()
    const deadline = createDeadline('1s', { signal: caller.signal, clock: createFakeClock() })
    const call = deadline.run(deaf)
    caller.abort('left')
    await expect(call).rejects.toBe('left')
  })
})
