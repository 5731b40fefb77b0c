import { describe, expect, it } from 'vitest'
import type { SharedStore } from '../../../src/stores/shared-store.js'
import { subjectIn } from '../../../src/stores/subject.js'
import type { SimulatedConnection } from '../../../src/testing/simulated-store.js'
import { createLoads, never } from './fixture.js'
import { heldCalls, openShared } from './shared-fixture.js'

const ofUser = { subject: (key: unknown) => String(key).split('/')[0], tags: ['t'] }

/** A connection that notes what it is asked, in its order; `without` takes methods away. */
const noting =
  (asked: unknown[][], without: readonly (keyof SharedStore)[] = []) =>
  (connection: SimulatedConnection): SharedStore =>
    new Proxy(connection as SharedStore, {
      get(target, name: keyof SharedStore) {
        if (without.includes(name)) return undefined
        const value: unknown = target[name]
        if (typeof value !== 'function') return value
        return (...args: unknown[]) => {
          asked.push([name, ...args])
          return value.apply(target, args)
        }
      },
    })

describe('forget, with a shared store', () => {
  it('removes the bytes of every entry of the subject, announces it, and leaves those of others', async () => {
    const { world, things, others } = openShared(ofUser)
    await world.settle()
    for (const key of ['ann/a', 'ann/b', 'ben/a']) await world.run(things.set(key, key))
    await world.run(others.get('ann/a'))
    const [{ stash }] = world.processes
    expect(await world.run(stash.forget('ann'))).toEqual({
      memory: 2,
      store: 2,
      peers: 'announced',
      notCovered: ['replicas', 'backups'],
    })
    expect(world.store.entryKeys()).toHaveLength(1)
    await world.settle()
    // In the other process, too, the value is gone before anybody looks.
    expect(others.stats().size).toBe(0)
    expect(others.peek('ann/a')).toBeUndefined()
    expect(await world.run(others.get('ann/a'))).toBeUndefined()
    expect(await world.run(others.get('ben/a'))).toBe('ben/a')
    expect(await world.run(stash.forget('ann'))).toMatchObject({ memory: 0, store: 0 })
  })

  it('fences first and removes second, by a digest that is no text of the subject', async () => {
    const asked: unknown[][] = []
    const { world, things } = openShared(ofUser, noting(asked))
    await world.settle()
    await world.run(things.set('ann/a', 1))
    const [, request] = asked.find(([name]) => name === 'set') as [string, { entry: { tags: string[] } }]
    asked.length = 0
    await world.run(world.processes[0].stash.forget('ann'))
    expect(asked.map(([name]) => name)).toEqual(['bump', 'forget'])
    const [, digest] = asked[1] as [string, string]
    expect(digest).toMatch(/^[\w-]{43}$/)
    expect(subjectIn(request.entry.tags)).toBe(digest)
    expect(JSON.stringify([asked, request])).not.toMatch(/"ann"|subject":/)
  })

  it('keeps out what was being loaded, here and elsewhere; those who wait for it get it', async () => {
    const { world, things, others } = openShared(ofUser)
    await world.settle()
    const loads = createLoads()
    const here = things.getOrSet('ann/a', loads.loader)
    await world.settle()
    const there = others.getOrSet('ann/b', loads.loader)
    await world.settle()
    await world.run(world.processes[0].stash.forget('ann'))
    loads.call(0).resolve('here')
    loads.call(1).resolve('there')
    expect(await world.run(Promise.all([here, there]))).toEqual(['here', 'there'])
    await world.settle()
    expect(world.store.entryKeys()).toEqual([])
    for (const process of [things, others]) {
      expect([process.peek('ann/a'), process.peek('ann/b'), process.stats().size]).toEqual([undefined, undefined, 0])
    }
  })

  it('lets a set that came after it stay', async () => {
    const { world, things, others } = openShared(ofUser)
    await world.settle()
    await world.run(world.processes[0].stash.forget('ann'))
    await world.run(others.set('ann/a', 'new'))
    expect(await world.run(things.getOrSet('ann/a', never))).toBe('new')
  })

  it('rejects where the store does not confirm, though this process obeys, and may be tried again', async () => {
    const { world, things } = openShared(ofUser)
    await world.settle()
    await world.run(things.set('ann/a', 1))
    const [{ stash, connection }] = world.processes
    connection.cut()
    const error = await world.run(stash.forget('ann').catch((reason) => reason))
    expect(error).toMatchObject({ code: 'ERR_STORE_UNCONFIRMED', retryable: true, context: { became: 'queued' } })
    expect(error.message).not.toContain('ann')
    expect(things.peek('ann/a')).toBeUndefined()
    connection.heal()
    await world.clock.advance(2000)
    expect(await world.run(stash.forget('ann'))).toMatchObject({ memory: 0, store: 1 })
    expect(world.store.entryKeys()).toEqual([])
  })

  it('rejects where the store fences and then does not remove; what was read meanwhile does not stay here', async () => {
    const held = heldCalls('bump', 'before')
    const broken = (connection: SimulatedConnection): SharedStore => {
      connection.forget = () => Promise.reject(new Error('script failed'))
      return held.adapt(connection)
    }
    const { world, things, others } = openShared(ofUser, broken)
    await world.settle()
    await world.run(others.set('ann/a', 1))
    held.hold()
    const forgotten = world.processes[0].stash.forget('ann').catch((reason) => reason)
    expect(await world.run(things.get('ann/a'))).toBe(1)
    held.releaseAll()
    expect(await world.run(forgotten)).toMatchObject({ code: 'ERR_STORE_UNCONFIRMED', context: { became: 'failed' } })
    expect(things.stats().size).toBe(0)
  })

  it('says that bytes stay in a store that cannot tell entries by subject; nobody reads them any more', async () => {
    const { world, things, others } = openShared(ofUser, noting([], ['forget']))
    await world.settle()
    await world.run(things.set('ann/a', 1))
    expect(await world.run(world.processes[0].stash.forget('ann'))).toEqual({
      memory: 1,
      store: 'none',
      peers: 'announced',
      notCovered: ['store', 'replicas', 'backups'],
    })
    expect(world.store.entryKeys()).toHaveLength(1)
    expect(await world.run(others.get('ann/a'))).toBeUndefined()
  })
})
