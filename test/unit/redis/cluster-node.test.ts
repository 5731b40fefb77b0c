import { describe, expect, it } from 'vitest'
import { createClusterNode } from '../../../src/redis/cluster-node.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

const AHEAD_MS = 5000

/** A node whose time is known, and whose n-th TIME takes so long there and back. */
async function nodeWith(trips: readonly (readonly [thereMs: number, backMs: number])[]) {
  const clock = createFakeClock()
  let asked = 0
  const client = {
    isOpen: true,
    isReady: true,
    async connect() {},
    destroy() {},
    async sendCommand([name]: readonly unknown[]) {
      if (name !== 'TIME') return ''
      const [thereMs, backMs] = trips[Math.min(asked++, trips.length - 1)] ?? [0, 0]
      await clock.advance(thereMs)
      const time = clock.now() + AHEAD_MS
      await clock.advance(backMs)
      return [String(Math.floor(time / 1000)), String(Math.round((time % 1000) * 1000))]
    },
    on() {},
    unref() {},
  }
  const node = createClusterNode({
    address: { host: 'a', port: 1 },
    places: { seeds: [], addresses: [], createAt: async () => client as never, translate: (address) => address },
    clock,
    onReady() {},
    onLost() {},
  })
  node.connection.start()
  await node.connection.firstAttempt()
  return { clock, node, asked: () => asked }
}

/** Three questions behind what a caller asked. */
async function answered({ clock }: Awaited<ReturnType<typeof nodeWith>>): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await clock.advance(0)
}

describe('the clock of a node of a Cluster', () => {
  it('is between its bounds however lopsided the ways there and back were', async () => {
    for (const trip of [
      [0, 40],
      [40, 0],
      [20, 20],
    ] as const) {
      const { node } = await nodeWith([trip])
      const { least, most } = node.offset()
      expect([least <= AHEAD_MS, most >= AHEAD_MS, Math.round(most - least)], String(trip)).toEqual([true, true, 40])
    }
  })

  it('is known as well as the quickest of some answers tells', async () => {
    const { node } = await nodeWith([
      [300, 0],
      [0, 2],
      [300, 0],
    ])
    const { least, most } = node.offset()
    expect(least).toBeCloseTo(AHEAD_MS - 2, 3)
    expect(most).toBeCloseTo(AHEAD_MS, 3)
  })

  it('is soon asked for again where the answers were slow, else once a minute', async () => {
    const slow = await nodeWith([
      [100, 0],
      [100, 0],
      [100, 0],
      [0, 0],
    ])
    await slow.clock.advance(1001)
    slow.node.offset()
    await answered(slow)
    expect(slow.node.offset()).toEqual({ least: AHEAD_MS, most: AHEAD_MS })
    expect(slow.asked()).toBe(6)

    const quick = await nodeWith([[0, 1]])
    await quick.clock.advance(59_000)
    quick.node.offset()
    expect(quick.asked()).toBe(3)
    await quick.clock.advance(2000)
    quick.node.offset()
    await answered(quick)
    expect(quick.asked()).toBe(6)
  })
})
