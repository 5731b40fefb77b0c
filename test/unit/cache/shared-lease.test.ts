import { describe, expect, it } from 'vitest'
import { namespace } from '../../../src/cache/presets.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'
import { faultyStore } from '../../../src/testing/faulty-store.js'
import { createSimulatedStore } from '../../../src/testing/simulated-store.js'
import { createStoreFaults } from '../../../src/testing/store-faults.js'
import { createTestStash } from '../../../src/testing/test-stash.js'
import { heldCalls, openShared } from './shared-fixture.js'

const LEASE_MS = 5000

/** Processes over one simulated store, one way of a command or message is a ms. */
function openWorld(processes = 2) {
  const clock = createFakeClock()
  const store = createSimulatedStore({ clock, delay: () => 1 })
  const loads: {
    readonly by: number
    readonly at: number
    resolve(value: unknown): void
    reject(error: unknown): void
  }[] = []
  const each = Array.from({ length: processes }, (_, by) => {
    const connection = store.connect()
    const faults = createStoreFaults({ clock })
    const standing = { still: false }
    const { renew } = connection
    // A process that stands still sends no sign of life.
    connection.renew = async (...lease) => standing.still || (await renew?.(...lease)) === true
    const stash = createTestStash({
      clock,
      store: faultyStore(connection, faults),
      namespaces: {
        things: namespace<unknown, string>({ ttl: '1h', jitter: 0, coalesce: 'cluster', tags: () => ['all'] }),
      },
    })
    const read = (options = {}) =>
      stash.things.getOrSet(
        'k',
        () => new Promise((resolve, reject) => void loads.push({ by, at: clock.now(), resolve, reject })),
        options,
      )
    return { stash, things: stash.things, connection, faults, standing, read }
  })
  return { clock, store, loads, each, p: each[0] as (typeof each)[0], q: each[1] as (typeof each)[0] }
}

describe("coalesce: 'cluster'", () => {
  it('has one process of four load, and the others get what it brought as soon as it is written', async () => {
    const { clock, loads, each } = openWorld(4)
    await clock.advance(10)
    const reads = each.map(({ read }) => read())
    await clock.advance(60_000)
    expect(loads.length).toBe(1)
    loads[0]?.resolve('value')
    await clock.advance(20)
    expect(await Promise.all(reads)).toEqual(Array(4).fill('value'))
    expect(loads.length).toBe(1)
  })

  it('needs no notification: followers look again when the lease they saw is over', async () => {
    const { clock, loads, p, q } = openWorld()
    q.faults.onMessage().drop()
    await clock.advance(10)
    const reads = [p.read(), clock.advance(5).then(() => q.read())]
    await clock.advance(3000)
    loads[0]?.resolve('value')
    await clock.advance(LEASE_MS + 100)
    expect(await Promise.all(reads)).toEqual(['value', 'value'])
    expect(loads.length).toBe(1)
  })

  it('has followers look again as soon as messages are heard again: the one they wait for may be lost', async () => {
    const { clock, loads, p, q } = openWorld()
    await clock.advance(10)
    const answers: unknown[] = []
    void p.read().then((answer) => answers.push(answer))
    await clock.advance(5)
    void q.read().then((answer) => answers.push(answer))
    await clock.advance(1600)
    q.connection.cutBus()
    await clock.advance(20)
    loads[0]?.resolve('value')
    await clock.advance(20)
    expect(answers).toEqual(['value'])
    q.connection.healBus()
    await clock.advance(20)
    expect(answers).toEqual(['value', 'value'])
    expect(loads.length).toBe(1)
  })

  it('has followers load for themselves as soon as the store is lost, though nobody asks it anything', async () => {
    const { clock, loads, p, q } = openWorld()
    await clock.advance(10)
    void p.read()
    await clock.advance(5)
    const second = q.read()
    await clock.advance(1600)
    expect(loads.map(({ by }) => by)).toEqual([0])
    q.connection.cut()
    await clock.advance(20)
    expect(loads.map(({ by }) => by)).toEqual([0, 1])
    loads[1]?.resolve('own')
    await clock.advance(20)
    expect(await second).toBe('own')
  })

  it('is taken over once when a leader dies: after the lapse, before two leases, by one of the followers', async () => {
    const { clock, loads, each, p } = openWorld(4)
    await clock.advance(10)
    void p.read()
    await clock.advance(5)
    const reads = each.slice(1).map(({ read }) => read())
    await clock.advance(7300)
    expect(loads.length).toBe(1)
    // As SIGKILL: nothing more is heard of it.
    const diedAt = clock.now()
    p.connection.cut()
    await clock.advance(2 * LEASE_MS)
    expect(loads.length).toBe(2)
    const takenAt = (loads[1]?.at ?? 0) - diedAt
    expect(takenAt).toBeGreaterThan(LEASE_MS - 1500)
    expect(takenAt).toBeLessThan(LEASE_MS + 100)
    loads[1]?.resolve('second')
    await clock.advance(20)
    expect(await Promise.all(reads)).toEqual(Array(3).fill('second'))
    expect(loads.length).toBe(2)
  })

  it('refuses the write of a leader that stood still past its lease; its callers get what it loaded', async () => {
    const { clock, loads, p, q } = openWorld()
    await clock.advance(10)
    const first = p.read()
    await clock.advance(5)
    p.standing.still = true
    const second = q.read()
    await clock.advance(LEASE_MS + 200)
    expect(loads.map(({ by }) => by)).toEqual([0, 1])
    loads[0]?.resolve('old')
    await clock.advance(20)
    expect(await first).toBe('old')
    const found = q.things.get('k')
    await clock.advance(20)
    expect(await found).toBeUndefined()
    loads[1]?.resolve('new')
    await clock.advance(20)
    expect(await second).toBe('new')
    const again = p.things.get('k')
    await clock.advance(20)
    expect(await again).toBe('new')
  })

  it('lets followers go when the leader has nothing to share: each loads, side by side', async () => {
    const { clock, loads, each } = openWorld(3)
    await clock.advance(10)
    const reads = each.map(({ read }) => read())
    await clock.advance(1000)
    loads[0]?.reject(new Error('down'))
    await clock.advance(20)
    expect(loads.length).toBe(3)
    loads[1]?.resolve('one')
    loads[2]?.resolve('two')
    await clock.advance(20)
    const results = await Promise.allSettled(reads)
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'fulfilled', 'rejected'])
  })

  it('hands the lead on when the last caller of the leader leaves', async () => {
    const { clock, loads, p, q } = openWorld()
    await clock.advance(10)
    const leaving = new AbortController()
    const left = p.read({ signal: leaving.signal })
    await clock.advance(5)
    const read = q.read()
    await clock.advance(1000)
    leaving.abort(new Error('left'))
    await expect(left).rejects.toThrow('left')
    await clock.advance(20)
    expect(loads.map(({ by }) => by)).toEqual([0, 1])
    loads[1]?.resolve('value')
    await clock.advance(20)
    expect(await read).toBe('value')
  })

  it('hands the lead on at close(), at once', async () => {
    const { clock, loads, p, q } = openWorld()
    await clock.advance(10)
    const first = p.read()
    await clock.advance(5)
    const second = q.read()
    await clock.advance(1000)
    const closed = p.stash.close()
    await clock.advance(20)
    await closed
    expect(loads.map(({ by }) => by)).toEqual([0, 1])
    loads[0]?.resolve('of the closed one')
    loads[1]?.resolve('value')
    await clock.advance(20)
    expect(await Promise.all([first, second])).toEqual(['of the closed one', 'value'])
    const kept = q.things.get('k')
    await clock.advance(20)
    expect(await kept).toBe('value')
  })

  it('ends the wait of a follower whose callers have left, and of one that is closed', async () => {
    const { clock, loads, p, q } = openWorld()
    await clock.advance(10)
    const first = p.read()
    await clock.advance(5)
    const leaving = new AbortController()
    const left = q.read({ signal: leaving.signal })
    await clock.advance(100)
    leaving.abort(new Error('left'))
    await expect(left).rejects.toThrow('left')
    await clock.advance(50)
    // The leader's heartbeat keeps nobody alive.
    expect(clock.pendingTimers(true)).toBe(1)
    const second = q.read()
    await clock.advance(100)
    const closed = q.stash.close()
    await clock.advance(20)
    await closed
    // Reads still reach their loaders.
    expect(loads.map(({ by }) => by)).toEqual([0, 1])
    for (const load of loads) load.resolve('value')
    await clock.advance(20)
    expect(await Promise.all([first, second])).toEqual(['value', 'value'])
  })

  it('leaves each process to itself while the store is away', async () => {
    const { clock, loads, p, q } = openWorld()
    await clock.advance(10)
    const reads = [p.read(), clock.advance(5).then(() => q.read())]
    await clock.advance(1000)
    expect(loads.length).toBe(1)
    q.connection.cut()
    await clock.advance(LEASE_MS + 500)
    expect(loads.map(({ by }) => by)).toEqual([0, 1])
    for (const load of loads) load.resolve('value')
    await clock.advance(20)
    expect(await Promise.all(reads)).toEqual(['value', 'value'])
  })

  it('ends with a delete: the next reader leads at once, and the value from before is not kept', async () => {
    const { clock, loads, p, q } = openWorld()
    await clock.advance(10)
    const first = p.read()
    await clock.advance(5)
    const follower = q.read()
    await clock.advance(100)
    const deleted = p.things.delete('k')
    await clock.advance(20)
    await deleted
    expect(loads.map(({ by }) => by)).toEqual([0, 1])
    loads[0]?.resolve('from before')
    await clock.advance(20)
    loads[1]?.resolve('from after')
    await clock.advance(20)
    expect(await Promise.all([first, follower])).toEqual(['from before', 'from after'])
    expect(p.things.peek('k')).toBeUndefined()
    const found = p.things.get('k')
    await clock.advance(20)
    expect(await found).toBe('from after')
  })

  it("is told a peer's set: followers get it without a load, and keep it", async () => {
    const { clock, loads, p, q } = openWorld()
    await clock.advance(10)
    const first = p.read()
    await clock.advance(5)
    const follower = q.read()
    await clock.advance(100)
    const set = p.things.set('k', 'set')
    await clock.advance(20)
    expect(await set).toEqual({ memory: 'done', store: 'done' })
    expect(await follower).toBe('set')
    expect(q.things.peek('k')).toBe('set')
    loads[0]?.resolve('loaded')
    await clock.advance(20)
    expect(await first).toBe('loaded')
    expect(p.things.peek('k')).toBe('set')
    expect(loads.length).toBe(1)
  })

  it('does not hold up forced loads, loads that leave no trace, and reads that must not load', async () => {
    const { clock, loads, p, q, each } = openWorld(3)
    await clock.advance(10)
    const first = p.read()
    await clock.advance(5)
    const others = [q.read({ forceFresh: true }), q.read({ noStore: true })]
    const refused = expect(each[2]?.read({ onlyIfCached: true })).rejects.toThrow(/onlyIfCached/)
    await clock.advance(20)
    expect(loads.length).toBe(3)
    for (const load of loads) load.resolve('value')
    await clock.advance(20)
    await refused
    expect(await Promise.all([first, ...others])).toEqual(['value', 'value', 'value'])
  })

  it('waits for no token that is no lease: of a process that was killed and does not lead', async () => {
    const { clock, loads, q, p } = openWorld()
    await clock.advance(10)
    void p.connection.token('hopstash:things:v1:k', 'of a loader', 600_000)
    await clock.advance(10)
    const read = q.read()
    await clock.advance(20)
    expect(loads.length).toBe(1)
    loads[0]?.resolve('value')
    await clock.advance(20)
    expect(await read).toBe('value')
  })

  it('renews while the loader lives, however long, and stops with it', async () => {
    const { clock, loads, p, q } = openWorld()
    await clock.advance(10)
    const first = p.read()
    await clock.advance(120_000)
    const second = q.read()
    await clock.advance(1000)
    expect(loads.length).toBe(1)
    loads[0]?.resolve('value')
    await clock.advance(20)
    expect(await Promise.all([first, second])).toEqual(['value', 'value'])
    const renewals = p.faults.calls('renew')
    expect(renewals).toBeGreaterThan(70)
    await clock.advance(10_000)
    expect(p.faults.calls('renew')).toBe(renewals)
  })

  it('keeps no list waiting for a key that another process loads, which may be waiting for one of this list', async () => {
    const held = heldCalls('lease', 'before')
    const { world, things, others } = openShared({ coalesce: 'cluster', hardTimeout: '1d' }, held.adapt)
    await world.settle()
    const asked: string[] = []
    const loadAs = (who: string) => (missing: readonly unknown[]) => {
      asked.push(`${who} ${missing.join(' ')}`)
      return missing.map((key) => `${key} of ${who}`)
    }
    held.hold()
    const first = things.getOrSetMany(['a', 'b'], loadAs('p'), { aligned: true })
    await world.settle()
    held.release(0)
    await world.settle()
    const second = others.getOrSetMany(['b', 'a'], loadAs('q'), { aligned: true })
    await world.settle()
    held.releaseAll()
    expect(await world.run(first)).toEqual(['a of p', 'b of q'])
    expect(await world.run(second)).toEqual(['b of q', 'a of p'])
    expect(asked).toEqual(['q b', 'p a'])
  })
})
