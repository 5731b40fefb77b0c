import { describe, expect, it } from 'vitest'
import { createLimiter } from '../../../src/resilience/index.js'

function gate() {
  let open: () => void = () => {}
  const closed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { closed, open: () => open() }
}

describe('a limiter', () => {
  it('runs so many at once, first come first served', async () => {
    const limiter = createLimiter(2)
    const gates = [gate(), gate(), gate(), gate()]
    const begun: number[] = []
    const all = gates.map((g, i) =>
      limiter.run(() => {
        begun.push(i)
        return g.closed
      }),
    )
    await Promise.resolve()
    expect([begun, limiter.active, limiter.queued]).toEqual([[0, 1], 2, 2])
    gates[1]?.open()
    await all[1]
    expect(begun).toEqual([0, 1, 2])
    for (const g of gates) g.open()
    await Promise.all(all)
    expect([limiter.active, limiter.queued]).toEqual([0, 0])
  })

  it('gives the permit back when the work throws', async () => {
    const limiter = createLimiter(1)
    await expect(limiter.run(() => Promise.reject(new Error('x')))).rejects.toThrow('x')
    expect(limiter.active).toBe(0)
  })

  it('goes on after one who waited throws when its turn comes', async () => {
    const limiter = createLimiter(1)
    limiter.tryAcquire()
    limiter.enqueue(() => {
      throw new Error('x')
    })
    const later = limiter.run(() => 'later')
    expect(() => limiter.release()).toThrow('x')
    limiter.release()
    expect(await later).toBe('later')
  })

  it('refuses what can neither run nor wait', async () => {
    const limiter = createLimiter({ limit: 1, queue: 0 })
    const held = gate()
    const first = limiter.run(() => held.closed)
    await expect(limiter.run(() => 1)).rejects.toMatchObject({ code: 'ERR_QUEUE_FULL' })
    held.open()
    await first
  })

  it('lets a waiter leave at once and frees its place', async () => {
    const limiter = createLimiter({ limit: 1, queue: 1 })
    const held = gate()
    const first = limiter.run(() => held.closed)
    const leaver = new AbortController()
    const left = limiter.run(() => 1, { signal: leaver.signal })
    leaver.abort('gone')
    await expect(left).rejects.toBe('gone')
    const next = limiter.run(() => 2)
    held.open()
    await first
    expect(await next).toBe(2)
    expect(limiter.active).toBe(0)
    await expect(limiter.run(() => 1, { signal: AbortSignal.abort('before') })).rejects.toBe('before')
  })

  it('gives places to equal callbacks each', () => {
    const limiter = createLimiter(1)
    let granted = 0
    const grant = (): number => granted++
    limiter.tryAcquire()
    limiter.enqueue(grant)
    limiter.enqueue(grant)
    expect(limiter.queued).toBe(2)
    limiter.release()
    limiter.release()
    expect(granted).toBe(2)
  })

  it('does not let a newcomer overtake those who wait', () => {
    const limiter = createLimiter(1)
    limiter.tryAcquire()
    let took: boolean | undefined
    limiter.enqueue(() => {
      took = limiter.tryAcquire()
    })
    limiter.release()
    expect(took).toBe(false)
  })

  it('lets those of a higher priority go first, and the others in their order', async () => {
    const limiter = createLimiter(1)
    const first = gate()
    const begun: string[] = []
    const all = [limiter.run(() => first.closed)]
    const order = ['low', 'normal', 'high', 'low', undefined, 'high'] as const
    for (const [index, priority] of order.entries()) {
      const work = () => begun.push(`${priority ?? 'unsaid'} ${index}`)
      all.push(limiter.run(work, { priority }) as unknown as Promise<void>)
    }
    first.open()
    await Promise.all(all)
    expect(begun).toEqual(['high 2', 'high 5', 'normal 1', 'unsaid 4', 'low 0', 'low 3'])
  })

  it('lets anybody leave its queue, in any order, once', () => {
    const limiter = createLimiter(1)
    limiter.tryAcquire()
    const granted: number[] = []
    const places = Array.from({ length: 6 }, (_, index) => limiter.enqueue(() => granted.push(index)))
    expect([5, 0, 3].map((index) => places[index]?.cancel())).toEqual([true, true, true])
    expect([5, 0, 3].map((index) => places[index]?.cancel())).toEqual([false, false, false])
    expect(limiter.queued).toBe(3)
    for (let release = 0; release < 3; release++) limiter.release()
    expect([granted, limiter.queued]).toEqual([[1, 2, 4], 0])
    expect(places[1]?.cancel()).toBe(false)
    limiter.enqueue(() => granted.push(6))
    limiter.release()
    expect(granted).toEqual([1, 2, 4, 6])
  })

  it('hands permits on without filling the stack', () => {
    const limiter = createLimiter({ limit: 1, queue: 100_000 })
    let granted = 0
    limiter.tryAcquire()
    for (let i = 0; i < 50_000; i++) {
      limiter.enqueue(() => {
        granted++
        limiter.release()
      })
    }
    limiter.release()
    expect([granted, limiter.active]).toEqual([50_000, 0])
  })
})
