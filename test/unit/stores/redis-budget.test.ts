import { describe, expect, it } from 'vitest'
import type { Connection } from '../../../src/redis/connection.js'
import { storeKeys } from '../../../src/redis/store-keys.js'
import { type ClusterSite, redisClusterVerbs } from '../../../src/stores/redis-cluster-verbs.js'
import { createCommands } from '../../../src/stores/redis-commands.js'
import { createLookups } from '../../../src/stores/redis-lookup.js'
import { readMany } from '../../../src/stores/redis-read-many.js'
import { readByScript } from '../../../src/stores/redis-read-script.js'
import { withSubjects } from '../../../src/stores/redis-subjects.js'
import { redisVerbs } from '../../../src/stores/redis-verbs.js'
import { subjectTag } from '../../../src/stores/subject.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

const REF = { key: 'app:n:v1:k', namespace: 'n', digest: 'd' }

const INC = 'i'.repeat(16)
/** A stamp, and an outcome of 0. */
const DONE = [INC, '0', 1, 1, 0]
type Reply = (verb: string, args: readonly string[]) => unknown

/** A store whose server answers every command after so many ms. */
function openSite(answersAfterMs: number, reply: Reply = () => DONE) {
  const clock = createFakeClock()
  const sent: string[] = []
  const connection = {
    state: 'ready',
    send: (args: readonly string[]) => {
      const [verb, ...rest] = args.map(String) as [string, ...string[]]
      sent.push(verb)
      return new Promise((resolve) => void clock.setTimer(() => resolve(reply(verb, rest)), answersAfterMs))
    },
  } as unknown as Connection
  const { run, runBehind, pipe, asOne, split } = createCommands({ connection, clock, timeoutMs: 250 })
  const site = {
    ...{ run, runBehind, pipe, asOne, split, clock, keys: storeKeys('app'), sender: 'me', isOneNode: true },
    candidate: () => 'c'.repeat(16),
    remember: () => {},
    unreadable: () => {},
    leastSkewMs: () => 0,
  } as unknown as ClusterSite
  return { clock, sent, site }
}

/** What an operation came to, and how many commands it took. */
async function outcome(answersAfterMs: number, operation: (site: ClusterSite) => Promise<unknown>, reply?: Reply) {
  const { clock, sent, site } = openSite(answersAfterMs, reply)
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

  it('a read for which a script has to be run again', async () => {
    const read = (site: ClusterSite) => readByScript(site, REF)
    // The header is of another entry than the one that was read right before it.
    const found = [...DONE, '', 2, Buffer.from('another entry')]
    const reply: Reply = (verb) => (verb === 'GET' ? Buffer.from('an entry') : found)
    expect(await outcome(120, read, reply)).toEqual(['done', 3])
    expect(await outcome(140, read, reply)).toEqual(['ERR_STORE_UNCONFIRMED', 3])
  })

  it('a read that takes a token', async () => {
    expect(await outcome(120, readsOf(1), nothingStored)).toEqual(['done', 4])
    expect(await outcome(140, readsOf(1), nothingStored)).toEqual(['ERR_STORE_UNCONFIRMED', 4])
  })
})

it('a crowd of reads whose tokens wait for their turn is not too late for that', async () => {
  const COUNT = 3000
  expect(await outcome(60, readsOf(COUNT), nothingStored)).toEqual(['done', COUNT + 2 + Math.ceil(COUNT / 32)])
})

/** So many reads of one tick, each with a token if nothing is there. */
function readsOf(count: number) {
  const requests = Array.from({ length: count }, (_, index) => ({ ...REF, key: `k${index}`, token: 't' }))
  return async (site: ClusterSite) => {
    const answered = new Set<number>()
    await readMany(site, createLookups(site.keys, site.clock), requests, 1024, (index) => answered.add(index))
    expect(answered.size).toBe(count)
  }
}

/** Nothing is stored. */
function nothingStored(verb: string, args: readonly string[]): unknown {
  if (verb === 'MGET') return args.map(() => null)
  if (verb === 'HMGET') return [Buffer.from(INC), null, Buffer.from('1')]
  return verb === 'TIME' ? [Buffer.from('1'), Buffer.from('0')] : Buffer.from('token')
}
