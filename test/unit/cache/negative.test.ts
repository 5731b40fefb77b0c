import { describe, expect, it } from 'vitest'
import { createLoads, never, open } from './fixture.js'

const down = (): Promise<never> => Promise.reject(new Error('down'))

describe('negative caching', () => {
  const options = {
    negative: { when: (error: unknown) => (error as Error).message === 'not found', ttl: '10s' },
  } as const
  const missing = (): Promise<never> => Promise.reject(new Error('not found'))

  it('remembers chosen errors for their lifetime, the same error for everybody', async () => {
    const { things, clock } = open(options)
    const first = await things.getOrSet('k', missing).catch((error) => error)
    expect(await things.getOrSet('k', never).catch((error) => error)).toBe(first)
    await clock.advance(10_000)
    expect(await things.getOrSet('k', () => 'found')).toBe('found')
  })

  it('does not remember others', async () => {
    const { things } = open(options)
    await expect(things.getOrSet('k', down)).rejects.toThrow('down')
    expect(await things.getOrSet('k', () => 'found')).toBe('found')
  })

  it.each([
    ['set', async ({ things }: ReturnType<typeof open>) => void (await things.set('k', 'found'))],
    ['delete', async ({ things }: ReturnType<typeof open>) => void (await things.delete('k'))],
    ['clear', async ({ things }: ReturnType<typeof open>) => void (await things.clear())],
    ['invalidateTags', async ({ things }: ReturnType<typeof open>) => void (await things.invalidateTags(['t']))],
  ])('forgets them with %s', async (_name, forget) => {
    const fixture = open(options)
    await expect(fixture.things.getOrSet('k', missing)).rejects.toThrow('not found')
    await forget(fixture)
    expect(await fixture.things.getOrSet('k', () => 'found')).toBe('found')
  })

  it('does not remember an error whose load was overtaken by an invalidation', async () => {
    const { things } = open(options)
    const loads = createLoads()
    const waiting = things.getOrSet('k', loads.loader)
    await things.invalidateTags(['t'])
    loads.call(0).reject(new Error('not found'))
    await expect(waiting).rejects.toThrow('not found')
    expect(await things.getOrSet('k', () => 'found')).toBe('found')
  })

  it('forceFresh asks again', async () => {
    const { things } = open(options)
    await expect(things.getOrSet('k', missing)).rejects.toThrow('not found')
    expect(await things.getOrSet('k', () => 'found', { forceFresh: true })).toBe('found')
    expect(await things.getOrSet('k', never)).toBe('found')
  })

  it('remembers no more errors than the namespace has entries', async () => {
    const { things } = open({ ...options, max: 3 })
    for (let index = 0; index < 10; index++) await things.getOrSet(index, missing).catch(() => undefined)
    let calls = 0
    for (let index = 0; index < 10; index++) {
      await things
        .getOrSet(index, () => {
          calls++
          return missing()
        })
        .catch(() => undefined)
    }
    expect(calls).toBeGreaterThanOrEqual(7)
  })

  it('lets a `when` that throws reach nobody: the loader error is what the caller gets', async () => {
    const { things } = open({
      negative: {
        when: () => {
          throw new Error('broken')
        },
        ttl: '1m',
      },
    })
    await expect(things.getOrSet('k', down)).rejects.toThrow('down')
    expect(things.stats().inFlight).toBe(0)
  })

  it.each([
    ['resolves', () => Promise.resolve(true)],
    ['rejects', () => Promise.reject(new Error('broken'))],
  ])('takes a promise of `when` for no, and one that %s ends no process', async (_what, when) => {
    const { things } = open({ negative: { when: when as never, ttl: '1m' } })
    await expect(things.getOrSet('k', down)).rejects.toThrow('down')
    expect(await things.getOrSet('k', () => 1)).toBe(1)
  })
})
