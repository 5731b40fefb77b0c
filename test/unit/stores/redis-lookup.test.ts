import { expect, it } from 'vitest'
import { storeKeys } from '../../../src/redis/store-keys.js'
import { createLookups } from '../../../src/stores/redis-lookup.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

/** Looks at a server whose time is `aheadMs` ahead of this process's. */
function looking(aheadMs: number) {
  const clock = createFakeClock()
  const lookups = createLookups(storeKeys('p'), clock)
  /** How far ahead a look that takes so long says the server is. */
  return async (thereMs: number, backMs: number): Promise<number> => {
    const sentAt = clock.now()
    const commands = lookups.commands([])
    await clock.advance(thereMs)
    const serverMs = clock.now() + aheadMs
    const time = [String(Math.floor(serverMs / 1000)), String((serverMs % 1000) * 1000)]
    await clock.advance(backMs)
    const replies = [[], ['i'.repeat(16), '0', '1'], time].slice(0, commands.length)
    return (lookups.read([], replies, sentAt)?.nowMs ?? 0) - (sentAt + clock.now()) / 2
  }
}

it('the time that came while this process was held up is not counted on', async () => {
  const look = looking(5000)
  expect(await look(1, 1)).toBe(5000)
  await look(500, 501)
  // Asks for the time again, and is held up when it comes.
  expect(await look(0, 1000)).toBe(4500)
  expect(await look(1, 1)).toBe(5000)
})
