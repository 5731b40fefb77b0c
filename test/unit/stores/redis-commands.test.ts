import { describe, expect, it } from 'vitest'
import type { Connection } from '../../../src/redis/connection.js'
import { createCommands, type Sending } from '../../../src/stores/redis-commands.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

const BUDGET_MS = 250

/** Commands over a connection whose server answers after so many ms. */
function openWorld(answersAfterMs: number) {
  const clock = createFakeClock()
  const sent: string[] = []
  const connection = {
    state: 'ready',
    send: (args: readonly string[]) => {
      sent.push(String(args[1]))
      return new Promise((resolve) => void clock.setTimer(() => resolve('OK'), answersAfterMs))
    },
  } as unknown as Connection
  const commands = createCommands({ connection, clock, timeoutMs: BUDGET_MS })
  return { clock, sent, commands }
}

/** Sends one command after the other. Resolves to how many were answered. */
async function inTurn(way: Sending, names: readonly string[]): Promise<number> {
  for (const [index, name] of names.entries()) {
    const answered = await way.pipe([['GET', name]]).then(
      () => true,
      () => false,
    )
    if (!answered) return index
  }
  return names.length
}

describe('the budget', () => {
  it('is one for each command that is an operation by itself', async () => {
    const { clock, commands } = openWorld(200)
    const answered = inTurn(commands, ['a', 'b', 'c'])
    await clock.advance(700)
    expect(await answered).toBe(3)
    expect(commands.counters.timedOut).toBe(0)
  })

  it('is one for all the commands of an operation', async () => {
    const { clock, sent, commands } = openWorld(100)
    const answered = inTurn(commands.asOne(), ['a', 'b', 'c', 'd'])
    let tookMs = 0
    void answered.then(() => {
      tookMs = clock.now()
    })
    const startedAt = clock.now()
    await clock.advance(700)
    expect(await answered).toBe(2)
    expect(sent).toEqual(['a', 'b', 'c'])
    expect(tookMs - startedAt).toBeGreaterThanOrEqual(BUDGET_MS)
    expect(tookMs - startedAt).toBeLessThan(BUDGET_MS + 50)
  })

  it('is the same one for a part of the operation that takes several commands itself', async () => {
    const { clock, commands } = openWorld(100)
    const one = commands.asOne()
    const answered = inTurn(one, ['a']).then(() => inTurn(one.asOne(), ['b', 'c']))
    await clock.advance(700)
    expect(await answered).toBe(1)
  })

  it('that is used up says nothing against the store: its breaker stays closed', async () => {
    const { clock, commands } = openWorld(100)
    for (let round = 0; round < 30; round++) {
      const answered = inTurn(commands.asOne(), ['a', 'b', 'c'])
      await clock.advance(700)
      expect(await answered).toBe(2)
    }
    expect(commands.breakerState()).toBe('closed')
    expect(commands.counters.timedOut).toBe(30)
  })
})
