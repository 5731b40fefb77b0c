import { expect, it } from 'vitest'
import { createRedisBus } from '../../../src/stores/redis-bus.js'
import { createFakeClock, type FakeClock } from '../../../src/testing/fake-clock.js'

const SECONDS = 1000

/** A channel, and processes that listen to it. */
function openChannel() {
  const ears = new Set<(text: string) => void>()
  const beats: string[] = []
  const join = (sender: string, clock: FakeClock) => {
    const client = {
      isOpen: true,
      isReady: true,
      connect: async () => {},
      destroy() {},
      on() {},
      unref() {},
      sendCommand: async () => 'PONG',
      subscribe: async (_channel: string, hear: (text: string) => void) => void ears.add(hear),
    }
    const bus = createRedisBus({
      source: { address: 'a:1', warnings: [], create: async () => client as never },
      clock,
      isShared: false,
      channel: 'c',
      sender,
      beat: async () => {
        beats.push(sender)
        for (const hear of ears) hear(`1|inc.0|0|0|${sender}|beat|`)
      },
    })
    bus.listen({ frame() {}, lost() {}, confirmed() {} })
    return bus
  }
  return { beats, join }
}

it('two processes send a heartbeat a second between them, not one each', async () => {
  const clock = createFakeClock()
  const { beats, join } = openChannel()
  const one = join('one', clock)
  await clock.advance(100)
  const two = join('two', clock)
  await clock.advance(20 * SECONDS)
  expect(beats.length).toBeGreaterThanOrEqual(15)
  expect(beats.length).toBeLessThanOrEqual(20)
  expect([one.isConfirmed, two.isConfirmed]).toEqual([true, true])
  expect([one.counters.gaps, two.counters.gaps]).toEqual([0, 0])
  await Promise.all([one.close(), two.close()])
})
