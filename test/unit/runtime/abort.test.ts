import { describe, expect, it } from 'vitest'
import { linkedController, onceAborted, sleep, unlessAborted } from '../../../src/runtime/abort.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'
import { abortListeners, unhandledDuring } from '../cache/fixture.js'

describe('onceAborted', () => {
  it('calls once with the reason, now or later', () => {
    const reasons: unknown[] = []
    onceAborted(AbortSignal.abort('before'), (reason) => reasons.push(reason))
    const controller = new AbortController()
    onceAborted(controller.signal, (reason) => reasons.push(reason))
    controller.abort('later')
    controller.abort('again')
    expect(reasons).toEqual(['before', 'later'])
  })

  it('takes its listener off, and copes with no signal', () => {
    const { signal } = new AbortController()
    const off = onceAborted(signal, () => undefined)
    expect(abortListeners(signal)).toBe(1)
    off()
    off()
    expect(abortListeners(signal)).toBe(0)
    expect(() => onceAborted(undefined, () => undefined)()).not.toThrow()
  })
})

describe('a signal that many wait for', () => {
  it('has one listener, tells them all in their order, and has none when the last one leaves', () => {
    const controller = new AbortController()
    const { signal } = controller
    const told: string[] = []
    const same = (reason: unknown): void => void told.push(`same ${reason}`)
    const offs = [onceAborted(signal, same), onceAborted(signal, same)]
    for (let n = 0; n < 20; n++) offs.push(onceAborted(signal, () => told.push(`${n}`)))
    expect(abortListeners(signal)).toBe(1)
    offs[0]?.()
    for (const off of offs.slice(3)) off()
    expect(abortListeners(signal)).toBe(1)
    controller.abort('now')
    expect(told).toEqual(['same now', '0'])
    expect(abortListeners(signal)).toBe(0)
    for (const off of offs) off()
  })

  // Node 24 and later keep listeners on the signal itself, so that a frozen one takes none, ours as little as anybody's.
  it.skipIf(Number(process.versions.node.split('.')[0]) >= 24)('may be frozen', () => {
    const frozen = Object.freeze(new AbortController().signal)
    const off = onceAborted(frozen, () => {})
    expect(abortListeners(frozen)).toBe(1)
    off()
    expect(abortListeners(frozen)).toBe(0)
  })

  it('may be left, and waited for anew, while it is told', () => {
    const controller = new AbortController()
    const told: number[] = []
    let off = (): void => {}
    onceAborted(controller.signal, () => {
      told.push(1)
      off()
      onceAborted(controller.signal, () => told.push(3))
    })
    off = onceAborted(controller.signal, () => told.push(2))
    controller.abort()
    expect(told).toEqual([1, 3])
  })
})

describe('unlessAborted', () => {
  it('settles as what it waits for, and leaves no listener', async () => {
    const { signal } = new AbortController()
    expect(await unlessAborted(Promise.resolve(1), signal)).toBe(1)
    await expect(unlessAborted(Promise.reject(new Error('broken')), signal)).rejects.toThrow('broken')
    expect(abortListeners(signal)).toBe(0)
    const shared = Promise.resolve(2)
    expect(unlessAborted(shared, undefined)).toBe(shared)
  })

  it('is left once, with the reason, and hears no more of what others wait for', async () => {
    const left: unknown[] = []
    const rejections = await unhandledDuring(async () => {
      let fail = (_: unknown): void => {}
      const shared = new Promise<never>((_, reject) => {
        fail = reject
      })
      const controller = new AbortController()
      const waits = unlessAborted(shared, controller.signal, (reason) => left.push(reason))
      controller.abort('left')
      await expect(waits).rejects.toBe('left')
      await expect(unlessAborted(shared, controller.signal, (reason) => left.push(reason))).rejects.toBe('left')
      fail(new Error('broken'))
    })
    expect([left, rejections]).toEqual([['left', 'left'], []])
  })
})

describe('linkedController', () => {
  it('aborts with the first parent that does, with its reason, and alone', () => {
    const [a, b] = [new AbortController(), new AbortController()]
    const linked = linkedController(a.signal, undefined, b.signal)
    b.abort('b')
    a.abort('a')
    expect(linked.signal.reason).toBe('b')
    const other = linkedController(new AbortController().signal)
    other.abort('own')
    expect(other.signal.reason).toBe('own')
    expect(linkedController(AbortSignal.abort('before')).signal.reason).toBe('before')
  })

  it('leaves no listener on a long-lived parent once it is released', () => {
    const { signal } = new AbortController()
    for (let index = 0; index < 1000; index++) linkedController(signal, signal).release()
    expect(abortListeners(signal)).toBe(0)
  })

  it('no longer follows a parent it let go of', () => {
    const parent = new AbortController()
    const linked = linkedController(parent.signal)
    linked.release()
    parent.abort()
    expect(linked.signal.aborted).toBe(false)
  })
})

describe('sleep', () => {
  it('ends on time, keeps the process alive meanwhile, and leaves no listener', async () => {
    const clock = createFakeClock()
    const { signal } = new AbortController()
    let done = false
    const sleeping = sleep(clock, 100, signal).then(() => {
      done = true
    })
    expect(clock.pendingTimers(true)).toBe(1)
    await clock.advance(99)
    expect(done).toBe(false)
    await clock.advance(1)
    await sleeping
    expect(abortListeners(signal)).toBe(0)
  })

  it('rejects with the reason of its signal and leaves no timer', async () => {
    const clock = createFakeClock()
    const controller = new AbortController()
    const sleeping = sleep(clock, 100, controller.signal)
    controller.abort(new Error('woken'))
    await expect(sleeping).rejects.toThrow('woken')
    expect(clock.pendingTimers()).toBe(0)
    await expect(sleep(clock, 100, controller.signal)).rejects.toThrow('woken')
    expect(clock.pendingTimers()).toBe(0)
  })
})
