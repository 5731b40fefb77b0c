import { describe, expect, it } from 'vitest'
import { putScript } from '../../../src/redis/cluster-scripts.js'
import type { Connection } from '../../../src/redis/connection.js'
import { storeKeys } from '../../../src/redis/store-keys.js'
import { listScript, markScript } from '../../../src/redis/subject-scripts.js'
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
/** A server where the last erasure of every subject has this number. */
const erasedAt =
  (hard: number): Reply =>
  (_verb, [sha]) =>
    sha === markScript.sha ? Buffer.from(`${INC}:${hard}:0`) : DONE

/** A store whose server answers every command after so many ms. */
function openSite(answersAfterMs: number, reply: Reply = erasedAt(1)) {
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
    ['kill on a Cluster', 2, 3, (site: ClusterSite) => redisClusterVerbs(site).kill(REF)],
    ['expire on a Cluster', 3, 3, (site: ClusterSite) => redisClusterVerbs(site).expire(REF)],
    [
      'set with a subject',
      3,
      3,
      (site: ClusterSite) =>
        withSubjects(redisVerbs, site).set({ ...REF, entry: entryAbout('ann'), lifeMs: 1000, notAfterMs: 9e9 }),
    ],
  ])('%s', async (_what, trips, commands, operation) => {
    expect(await outcome(240 / trips, operation)).toEqual(['done', commands])
    expect(await outcome(280 / trips, operation)).toEqual(['ERR_STORE_UNCONFIRMED', commands])
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

it('a set that an erasure overtook on a Cluster takes its bytes along, and no other does', async () => {
  const set = (site: ClusterSite) =>
    withSubjects(redisClusterVerbs, site).set({ ...REF, entry: entryAbout('ann'), lifeMs: 1000, notAfterMs: 9e9 })
  // Only what is written counts, and PUT says so with its number.
  const on =
    (hard: number): Reply =>
    (verb, args) =>
      args[0] === putScript.sha ? 0 : erasedAt(hard)(verb, args)
  for (const [hard, last] of [
    [1, 'EVALSHA'],
    [2, 'UNLINK'],
  ] as const) {
    const { clock, sent, site } = openSite(1, on(hard))
    const result = set(site)
    await clock.advance(100)
    expect(await result).toMatchObject({ outcome: 'written', seq: 1 })
    expect(sent.at(-1)).toBe(last)
  }
})

it('an erasure takes tokens before entries: no load writes between the two', async () => {
  const unlinked: string[] = []
  let listed = 0
  const reply: Reply = (verb, args) => {
    if (verb === 'UNLINK') unlinked.push(args[0] as string)
    if (verb === 'UNLINK') return 1
    return args[0] === listScript.sha && listed++ === 0 ? [1, Buffer.from('k'), Buffer.from('9')] : DONE
  }
  const { clock, site } = openSite(1, reply)
  const result = withSubjects(redisClusterVerbs, site).forget('ann')
  await clock.advance(100)
  expect(await result).toMatchObject({ removed: 1 })
  expect(unlinked).toEqual(['{k}:t', '{k}:e'])
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
