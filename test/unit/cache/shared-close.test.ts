import { describe, expect, it } from 'vitest'
import { createUnderWay } from '../../../src/cache/under-way.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'
import { createLoads } from './fixture.js'
import { heldCalls, openShared } from './shared-fixture.js'

describe('close, with a shared store,', () => {
  it('refuses writes and invalidations from then on, owes nothing, and keeps nothing', async () => {
    const { world, things } = openShared()
    const { stash } = world.processes[0]
    await world.settle()
    await world.run(stash.close())
    const commands = world.store.commands
    const code = { code: 'ERR_CLOSED' }
    const save = async (): Promise<void> => {}
    for (const refused of [
      () => things.set('k', 1),
      () => things.set('k', 1, { require: 'store' }),
      () => things.delete('k'),
      () => things.expire('k'),
      () => things.writeThrough('k', 1, save),
      () => things.clear(),
      () => things.invalidateTags(['t']),
      () => stash.clear(),
      () => stash.invalidateTags(['t']),
      () => stash.forget('ann'),
    ]) {
      await expect(world.run(refused())).rejects.toMatchObject(code)
    }
    expect(await world.run(things.getOrSet('k', () => 'loaded'))).toBe('loaded')
    expect(await world.run(things.getOrSet('k', () => 'again'))).toBe('again')
    expect(stash.health()).toMatchObject({ status: 'closed', memory: { entries: 0 }, store: { pending: 0 } })
    expect(world.store.commands).toBe(commands)
  })

  it('lets the store have what was written, deleted and invalidated before, although nobody awaited it', async () => {
    const { world, things, others } = openShared({ tags: (value) => [`tag:${value}`] })
    await world.settle()
    for (const key of ['deleted', 'tagged']) await world.run(things.set(key, key))
    const work = [
      things.set('set', 'new'),
      things.delete('deleted'),
      things.invalidateTags(['tag:tagged']),
      things.writeThrough('saved', 'row', async (row) => row),
    ]
    await world.run(world.processes[0].stash.close())
    const done = { memory: 'done', store: 'done' }
    expect(await world.run(Promise.all(work))).toEqual([done, done, done, 'row'])
    const read = await world.run(others.getMany(['set', 'deleted', 'tagged', 'saved']))
    expect(read).toEqual(['new', undefined, undefined, 'row'])
    await world.run(world.processes[1].stash.close())
    expect(world.clock.pendingTimers()).toBe(0)
  })

  it('lets the store have all of a long list', async () => {
    const { world, things, others } = openShared({ max: 5000 })
    await world.settle()
    const keys = Array.from({ length: 1200 }, (_, index) => `k${index}`)
    await world.run(others.setMany(keys.map((key) => [key, 'old'] as const)))
    const deleted = things.deleteMany(keys)
    await world.run(world.processes[0].stash.close())
    expect(new Set((await deleted).map(({ store }) => store))).toEqual(new Set(['done']))
    expect(await world.run(others.getMany(keys))).toEqual(keys.map(() => undefined))
  })

  it('tells what is still owed once more: a store that is back has it', async () => {
    const { world, things, others } = openShared()
    const { connection, stash } = world.processes[0]
    await world.settle()
    await world.run(others.set('k', 'old'))
    connection.cut()
    expect(await world.run(things.delete('k'))).toEqual({ memory: 'done', store: 'queued' })
    connection.heal()
    await world.run(stash.close())
    expect(await world.run(others.get('k'))).toBeUndefined()
  })

  it('waits a second at most, and says `failed` of what nobody will tell the store any more', async () => {
    const held = heldCalls('kill', 'before')
    const { world, things } = openShared({}, held.adapt)
    await world.settle()
    await world.run(things.set('k', 'old'))
    held.hold()
    // A budget after which nothing is known, and one more look at the store that nobody answers either.
    const deleted = things.delete('k')
    const insisted = things.delete('l', { require: 'store' })
    insisted.catch(() => {})
    const { clock, processes } = world
    const [startedAt, { stash }] = [clock.now(), processes[0]]
    await world.run(stash.close())
    expect(clock.now() - startedAt).toBeLessThanOrEqual(1100)
    held.releaseAll()
    expect(await world.run(deleted)).toEqual({ memory: 'done', store: 'failed' })
    await expect(world.run(insisted)).rejects.toMatchObject({ code: 'ERR_STORE_UNCONFIRMED' })
  })

  it('does not wait for a save, or a loader, that takes longer; who awaits it gets it', async () => {
    const { world, things } = openShared()
    await world.settle()
    const [saves, loads] = [createLoads(), createLoads()]
    const saved = things.writeThrough('k', 'row', () => saves.loader(undefined as never))
    const loaded = things.getOrSet('l', loads.loader)
    await world.settle()
    await world.run(world.processes[0].stash.close())
    saves.call(0).resolve('row')
    loads.call(0).resolve('value')
    expect(await world.run(Promise.all([saved, loaded]))).toEqual(['row', 'value'])
  })

  it('comes to its end where the clock of a test stands still', async () => {
    const [still, real] = [createFakeClock(), createFakeClock()]
    const underWay = createUnderWay(still, real)
    underWay.begins()
    const over = underWay.over(1000)
    await real.advance(1000)
    await over
    expect(still.pendingTimers()).toBe(0)
  })
})
