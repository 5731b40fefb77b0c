import { expect, it } from 'vitest'
import { Link } from '../../../src/cache/link.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

const events = { frame() {}, newIncarnation() {}, left() {} }

/** A link, and a reply of a store whose clock shows so much more than this process's. */
function linked() {
  const clock = createFakeClock()
  const link = new Link(clock, { generation: 0 } as never, events)
  const reply = async (aheadMs: number, thereMs: number, backMs: number) => {
    const sentAtMs = clock.now()
    await clock.advance(thereMs)
    const nowMs = Math.floor(clock.now() + aheadMs)
    await clock.advance(backMs)
    link.saw({ inc: 'life', nowMs }, sentAtMs)
  }
  return { link, reply, aheadMs: () => link.storeNowMs() - clock.now() }
}

it('knows the time of the store by the reply with the shortest round trip', async () => {
  const { reply, aheadMs } = linked()
  await reply(1000, 40, 0)
  expect(aheadMs()).toBe(1020)
  await reply(1000, 2, 2)
  expect(aheadMs()).toBe(1000)
  // All of these may be true as well.
  await reply(1000, 100, 0)
  await reply(1000, 0, 100)
  await reply(1000.9, 2, 2)
  expect(aheadMs()).toBe(1000)
})

it.each([60_000, 10, -10, -60_000])(
  'finds out that a clock was set, by %s ms, at the next reply, slow as it may be',
  async (byMs) => {
    const { link, reply, aheadMs } = linked()
    await reply(1000, 1, 1)
    await reply(1000 + byMs, 2, 2)
    expect(aheadMs()).toBe(1000 + byMs)
    expect(link.storeNowAtMostMs() - link.storeNowMs()).toBe(2)
  },
)
