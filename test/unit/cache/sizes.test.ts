import { afterEach, describe, expect, it, vi } from 'vitest'
import type { NamespaceOptions } from '../../../src/cache/namespace-options.js'
import { createLoads, open } from './fixture.js'
import { openShared } from './shared-fixture.js'

const small: NamespaceOptions<unknown, unknown> = { maxValueBytes: 1000 }
const large = () => ({ rows: Array.from({ length: 100 }, (_, index) => ({ index })) })

const listen = () => vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
const codes = (warnings: ReturnType<typeof listen>) =>
  warnings.mock.calls.map(([, options]) => (options as unknown as { code: string }).code)

afterEach(() => {
  vi.restoreAllMocks()
})

describe('a value larger than maxValueBytes', () => {
  it('is not kept in memory, counted each time, and warned about once a namespace, without value or key', async () => {
    const warnings = listen()
    const { things, others } = open(small)
    await things.getOrSet('my key', () => ({ secret: 'x'.repeat(1000) }))
    await things.getOrSet('my key', large)
    expect(await things.set('my key', large())).toEqual({ memory: 'failed', store: 'none' })
    await others.set('k', large())
    expect(things.stats()).toMatchObject({ size: 0, refused: { size: 3 } })
    expect(others.stats()).toMatchObject({ size: 1, refused: { size: 0 } })
    expect(codes(warnings)).toEqual(['HOPSTASH_VALUE_SIZE'])
    const [message] = warnings.mock.calls[0] ?? []
    expect(message).toMatch(/namespace 'things' is larger than 1000 bytes .* `maxValueBytes`/)
    expect(message).not.toMatch(/xxx|my key/)
  })

  it('is handed to its callers under the same ownership as any other: frozen, or a copy each', async () => {
    listen()
    const { things } = open(small)
    const loads = createLoads()
    const frozen = [things.getOrSet('a', loads.loader), things.getOrSet('a', loads.loader)]
    loads.call(0).resolve(large())
    const [first, second] = (await Promise.all(frozen)) as ReturnType<typeof large>[]
    expect(Object.isFrozen(first?.rows[0])).toBe(true)
    expect(second).toBe(first)
    const copies = [things.getOrSet('b', loads.loader), things.getOrSet('b', loads.loader)]
    loads.call(1).resolve(new Map([['rows', large().rows]]))
    const [one, other] = (await Promise.all(copies)) as Map<string, unknown[]>[]
    one?.clear()
    expect(other?.get('rows')).toHaveLength(100)
    expect(things.stats().refused.size).toBe(2)
  })

  it('still counts what its load cost', async () => {
    listen()
    const { things } = open({ ...small, cost: () => ({ tokens: 7 }) })
    const slow = async () => large()
    await Promise.all([things.getOrSet('a', slow), things.getOrSet('a', slow)])
    expect(things.stats().saved.tokens).toBe(7)
  })

  it('goes to the shared store all the same, and comes from there', async () => {
    listen()
    const { world, things, others } = openShared(small)
    expect(await world.run(things.getOrSet('k', large))).toEqual(large())
    await world.settle()
    expect(things.stats()).toMatchObject({ size: 0, refused: { size: 1 } })
    expect(world.store.entryKeys()).toHaveLength(1)
    expect(await world.run(others.get('k'))).toEqual(large())
    expect(await world.run(things.get('k'))).toEqual(large())
    expect(others.stats().size).toBe(0)
    expect(await world.run(things.set('l', large()))).toEqual({ memory: 'failed', store: 'done' })
    expect(await world.run(others.get('l'))).toEqual(large())
  })

  it('takes what memory held with it, so that nobody is served the older value', async () => {
    listen()
    const { world, things } = openShared(small)
    await world.settle()
    await world.run(things.set('k', 'small'))
    expect(things.peek('k')).toBe('small')
    await world.run(things.getOrSet('k', large, { forceFresh: true }))
    await world.settle()
    expect(things.peek('k')).toBeUndefined()
    expect(await world.run(things.get('k'))).toEqual(large())
  })
})

describe('what a set of a value that cannot be kept resolves to', () => {
  const refused: readonly (readonly [string, unknown])[] = [
    ['a function', () => 1],
    ['a class instance', new (class Thing {})()],
    ['undefined', undefined],
  ]

  it.each(refused)('%s: failed in memory, and in the shared store where there is one', async (_name, value) => {
    const alone = open()
    await alone.things.set('k', 'old')
    expect(await alone.things.set('k', value)).toEqual({ memory: 'failed', store: 'none' })
    expect(alone.things.peek('k')).toBeUndefined()
    const { world, things } = openShared()
    await world.run(things.set('k', 'old'))
    expect(await world.run(things.set('k', value))).toEqual({ memory: 'failed', store: 'failed' })
    expect(await world.run(things.get('k'))).toBeUndefined()
  })

  it('a ttl of 0: none, for nothing was to be kept', async () => {
    expect(await open().things.set('k', 1, { ttl: 0 })).toEqual({ memory: 'none', store: 'none' })
    const { world, things } = openShared()
    expect(await world.run(things.set('k', 1, { ttl: 0 }))).toEqual({ memory: 'none', store: 'none' })
  })

  it('a tags function that throws: failed', async () => {
    const tags = (): never => {
      throw new Error('no')
    }
    expect(await open({ tags }).things.set('k', 1)).toEqual({ memory: 'failed', store: 'none' })
    const { world, things } = openShared({ tags })
    expect(await world.run(things.set('k', 1))).toEqual({ memory: 'failed', store: 'failed' })
  })

  it('with `require` it rejects where the shared store has not kept it', async () => {
    const { world, things } = openShared()
    await expect(world.run(things.set('k', () => 1, { require: 'store' }))).rejects.toMatchObject({
      code: 'ERR_STORE_UNCONFIRMED',
    })
    expect(await world.run(things.set('k', 1, { require: 'store' }))).toEqual({ memory: 'done', store: 'done' })
  })
})
