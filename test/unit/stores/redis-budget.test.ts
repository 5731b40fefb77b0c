import { describe, expect, it } from 'vitest'
import type { Connection } from '../../../src/redis/connection.js'
import { storeKeys } from '../../../src/redis/store-keys.js'
import { type ClusterSite, redisClusterVerbs } from '../../../src/stores/redis-cluster-verbs.js'
import { createCommands } from '../../../src/stores/redis-commands.js'
import { withSubjects } from '../../../src/stores/redis-subjects.js'
import { redisVerbs } from '../../../src/stores/redis-verbs.js'
import { subjectTag } from '../../../src/stores/subject.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

const REF = { key: 'app:n:v1:k', namespace: 'n', digest: 'd' }

/** A store whose server answers every command after so many ms, with a stamp and an outcome of 0. */
function openSite(answersAfterMs: number) {
  const clock = createFakeClock()
  const sent: string[] = []
  const connection = {
    state: 'ready',
    send: (args: readonly string[]) => {
      sent.push(String(args[0]))
      return new Promise(
        (resolve) => void clock.setTimer(() => resolve(['i'.repeat(16), '0', 1, 1, 0]), answersAfterMs),
      )
    },
  } as unknown as Connection
  const { run, runBehind, pipe, asOne } = createCommands({ connection, clock, timeoutMs: 250 })
  const site = {
    ...{ run, runBehind, pipe, asOne, clock, keys: storeKeys('app'), sender: 'me', isOneNode: true },
    candidate: () => 'c'.repeat(16),
    remember: () => {},
    unreadable: () => {},
    leastSkewMs: () => 0,
  } as unknown as ClusterSite
  return { clock, sent, site }
}

/** What an operation came to, and how many commands it took. */
async function outcome(answersAfterMs: number, operation: (site: ClusterSite) => Promise<unknown>) {
  const { clock, sent, site } = openSite(answersAfterMs)
  const result = operation(site).then(
    () => 'done',
    (error: Error & { code?: string }) => error.code,
  )
  await clock.advance(2000)
  return [await result, sent.length]
}

function entryAbout(subject: string) {
  return {
    ...{ id: 'nonce00000000000', inc: '', startSeq: 0, tags: [subjectTag(subject)], body: Buffer.from('x') },
    ...{ storedAt: 1, freshUntil: 2, staleUntil: 3, errorUntil: 3, isEncrypted: false },
  } as never
}

describe('one budget for all round trips of', () => {
  it.each([
    ['kill on a Cluster', 2, (site: ClusterSite) => redisClusterVerbs(site).kill(REF)],
    ['expire on a Cluster', 3, (site: ClusterSite) => redisClusterVerbs(site).expire(REF)],
    [
      'set with a subject',
      3,
      (site: ClusterSite) =>
        withSubjects(redisVerbs, site).set({ ...REF, entry: entryAbout('ann'), lifeMs: 1000, notAfterMs: 9e9 }),
    ],
  ])('%s', async (_what, trips, operation) => {
    expect(await outcome(240 / trips, operation)).toEqual(['done', trips])
    expect(await outcome(280 / trips, operation)).toEqual(['ERR_STORE_UNCONFIRMED', trips])
  })
})
