import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, it } from 'vitest'
import type { SharedStore } from '../../../src/stores/shared-store.js'
import type { SimulatedConnection } from '../../../src/testing/simulated-store.js'
import { openShared } from './shared-fixture.js'

const request = new AsyncLocalStorage<string>()

/** A store that answers reads all together, as a connection does that many share: whoever asked first is told first, and goes on. */
function answersTogether(connection: SimulatedConnection): SharedStore {
  let waiting: (() => Promise<() => void>)[] = []
  return Object.assign(connection, {
    readTo: (asked: Parameters<SharedStore['read']>[0], done: (reply: unknown) => void) => {
      waiting.push(async () => {
        const reply = await connection.read(asked)
        return () => done(reply)
      })
      if (waiting.length > 1) return
      queueMicrotask(async () => {
        const asking = waiting.map((ask) => ask())
        waiting = []
        for (const tell of await Promise.all(asking)) tell()
      })
    },
  })
}

describe('the asynchronous context of a caller, over a store whose replies come together', () => {
  it('is what each loader is called in', async () => {
    const { world, things } = openShared({}, answersTogether)
    await world.settle()
    const seen: [unknown, unknown][] = []
    const ask = (user: string) =>
      request.run(user, () =>
        things.getOrSet(user, async ({ key }) => {
          seen.push([key, request.getStore()])
          return user
        }),
      )
    await world.run(Promise.all(['ann', 'ben', 'eve'].map(ask)))
    expect(seen).toEqual([
      ['ann', 'ann'],
      ['ben', 'ben'],
      ['eve', 'eve'],
    ])
  })

  it('is what each batch loader is called in', async () => {
    const { world, things } = openShared({}, answersTogether)
    await world.settle()
    const seen: [readonly unknown[], unknown][] = []
    const load = (missing: readonly unknown[]) => {
      seen.push([missing, request.getStore()])
      return missing.map(String)
    }
    const ask = (user: string) =>
      request.run(user, () => things.getOrSetMany([`${user} 1`, `${user} 2`], load, { aligned: true }))
    await world.run(Promise.all(['ann', 'ben'].map(ask)))
    expect(seen).toEqual([
      [['ann 1', 'ann 2'], 'ann'],
      [['ben 1', 'ben 2'], 'ben'],
    ])
  })

  it('is what a refresh behind is called in, where the store had a stale value', async () => {
    const { world, things, others } = openShared({ ttl: '1m', staleWhileRevalidate: '1h' }, answersTogether)
    await world.settle()
    await world.run(Promise.all([others.set('ann', 'old'), others.set('ben', 'old')]))
    await world.clock.advance(120_000)
    await world.settle()
    const seen: [unknown, unknown][] = []
    const ask = (user: string) =>
      request.run(user, () =>
        things.getOrSet(user, ({ key }) => {
          seen.push([key, request.getStore()])
          return 'new'
        }),
      )
    expect(await world.run(Promise.all(['ann', 'ben'].map(ask)))).toEqual(['old', 'old'])
    await world.settle()
    expect(seen).toEqual([
      ['ann', 'ann'],
      ['ben', 'ben'],
    ])
  })
})
