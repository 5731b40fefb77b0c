import { describe, expect, it } from 'vitest'
import { type Profile, runSchedule } from './cache-history.js'
import { type Race, runRace } from './shared-play.js'

const { SCALE, SEED } = process.env
const schedules = SCALE === 'full' ? 10_000 : Number(SCALE ?? 100)
const firstSeed = Number(SEED ?? Date.now() % 2 ** 31)
/** Few, so that what races is most of what happens. */
const STEPS = 12
const MINUTES = 60_000

const plain = { servesStale: false, mutableValues: false, options: {}, keys: 1 }
const stale = {
  ...plain,
  servesStale: true,
  options: { ttl: '15ms', staleWhileRevalidate: 30, staleIfError: 60 } as Profile['options'],
}
/** The races of one process, by their number in the protocol's table. */
const IN_ONE_PROCESS: readonly Profile[] = [
  { ...plain, name: '1 a load and a delete', operations: ['read', 'look', 'change'], ways: ['delete', 'delete many'] },
  {
    ...plain,
    name: '2 a load, tags and a clear',
    operations: ['read', 'look', 'change'],
    ways: ['tag of the namespace', 'tag of the stash', 'clear', 'clear of the stash'],
  },
  { ...stale, name: '4 a refresh and a set', operations: ['read', 'read', 'look', 'set'] },
  { ...stale, name: '4 a refresh and a write-through', operations: ['read', 'read', 'look', 'writeThrough'] },
  { ...plain, name: '11 the last waiter leaves', operations: ['shortVisit', 'shortVisit', 'read', 'look', 'change'] },
  {
    ...plain,
    name: '13 a loader of its own key',
    options: { hardTimeout: 50, detectReentrancy: true },
    operations: ['ownKey', 'read', 'look', 'change'],
  },
  { ...stale, name: '14 close()', operations: ['read', 'readMany', 'look', 'set', 'writeThrough', 'change', 'close'] },
  { ...plain, name: '19 a crowd and a failing loader', operations: ['failingCrowd', 'failingCrowd', 'look', 'change'] },
  { ...plain, name: '20 a value that nothing can keep', operations: ['unstorable', 'look', 'change', 'set'] },
  { ...plain, name: '23 rows in any order', keys: 4, operations: ['readMany', 'readMany', 'look', 'change'] },
]

/** Those between processes and their store. */
const BETWEEN_PROCESSES: readonly Race[] = [
  { name: '3 a load here, an invalidation there', reads: ['getOrSet'], changes: ['delete', 'tag', 'clear'] },
  { name: '5 a read of the store here, a delete there', reads: ['get', 'getOrSet', 'peek'], changes: ['delete'] },
  {
    name: '6 the bus is cut',
    reads: ['get', 'getOrSet', 'peek'],
    changes: ['delete', 'tag'],
    faults: ['bus cut', 'bus back'],
  },
  {
    name: '7 the store is away',
    reads: ['get', 'getOrSet'],
    changes: ['delete', 'set', 'tag', 'clear'],
    faults: ['link cut', 'link back'],
  },
  {
    name: '8 the store comes back empty, or loses a part',
    reads: ['get', 'getOrSet', 'peek'],
    changes: ['delete', 'tag', 'set'],
    faults: ['restarted empty', 'marker evicted', 'control evicted', 'log evicted', 'token evicted'],
  },
  {
    name: '9, 10 leases',
    reads: ['getOrSet', 'getOrSet', 'get'],
    changes: ['delete', 'set', 'tag'],
    coalesce: 'cluster',
  },
  { name: '18 a clear and its neighbours', reads: ['get', 'getOrSet', 'peek'], changes: ['clear', 'clear', 'set'] },
  { name: '22 late replies', reads: ['get', 'get', 'peek'], changes: ['set', 'save', 'delete'] },
]

describe('random schedules of one race', () => {
  it.each(IN_ONE_PROCESS)(
    'in one process: $name',
    async (profile) => {
      for (let seed = firstSeed; seed < firstSeed + schedules; seed++) {
        const wrong = await runSchedule(profile, seed, STEPS)
        expect(wrong, `SEED=${seed} SCALE=1\n${wrong.join('\n')}`).toEqual([])
      }
    },
    30 * MINUTES,
  )

  it.each(BETWEEN_PROCESSES)(
    'between processes: $name',
    async (race) => {
      for (let seed = firstSeed; seed < firstSeed + schedules; seed++) {
        const wrong = await runRace(race, seed, STEPS)
        expect(wrong, `SEED=${seed} SCALE=1\n${wrong.join('\n')}`).toEqual([])
      }
    },
    30 * MINUTES,
  )
})
