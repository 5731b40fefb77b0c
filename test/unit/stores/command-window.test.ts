import { expect, it } from 'vitest'
import { createCommands } from '../../../src/stores/redis-commands.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

const ANSWERS_A_MS = 20
const BUDGET_MS = 250

/** A server that answers so many commands a millisecond, one after the other. */
function openServer() {
  const clock = createFakeClock()
  const underWay: (() => void)[] = []
  let [most, isSilent] = [0, false]
  const answer = (): void => {
    for (const resolve of isSilent ? [] : underWay.splice(0, ANSWERS_A_MS)) resolve()
    clock.setTimer(answer, 1)
  }
  answer()
  const send = (): Promise<unknown> =>
    new Promise<void>((resolve) => {
      most = Math.max(most, underWay.push(resolve))
    })
  const connection = {
    state: 'ready' as const,
    reconnects: 0,
    lastError: undefined,
    start() {},
    firstAttempt: async () => {},
    send,
    restart() {},
    close: async () => {},
  }
  return {
    clock,
    commands: createCommands({ connection, clock, timeoutMs: BUDGET_MS }),
    most: () => most,
    silence: () => {
      isSilent = true
    },
  }
}

it('the budget of a command is not used up by the crowd it waits in', async () => {
  const { clock, commands, most } = openServer()
  let answered = 0
  const crowd = Array.from({ length: 10_000 }, () => commands.pipe([['GET', 'k']]).then(() => answered++))
  // Twice as long as the budget of each of them.
  await clock.advance(10_000 / ANSWERS_A_MS + 100)
  expect(answered).toBe(10_000)
  expect(commands.counters).toEqual({ sent: 10_000, failed: 0, timedOut: 0, withheld: 0 })
  expect(most()).toBe(500)
  await Promise.all(crowd)
})

it('the budget of a command that is sent is used up by a server that is silent', async () => {
  const { clock, commands, silence } = openServer()
  silence()
  const outcome = commands.pipe([['GET', 'k']]).then(
    () => 'answered',
    (error: Error & { code: string }) => error.code,
  )
  await clock.advance(BUDGET_MS + 50)
  expect(commands.counters).toMatchObject({ sent: 1, timedOut: 1 })
  expect(await outcome).toBe('ERR_STORE_UNCONFIRMED')
})
