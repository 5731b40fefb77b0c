import { describe, expect, it } from 'vitest'
import { type Profile, runSchedule } from './cache-history.js'

const { SCALE, SEED } = process.env
const schedules = SCALE === 'full' ? 10_000 : Number(SCALE ?? 100)
const firstSeed = Number(SEED ?? Date.now() % 2 ** 31)
const STEPS = 60
const MINUTES = 60_000

const READS = ['read', 'read', 'read', 'look', 'freshRead'] as const
const plain = { servesStale: false, mutableValues: false, options: {} }
const PROFILES: readonly Profile[] = [
  { ...plain, name: 'invalidations against loads', operations: [...READS, 'change', 'change'] },
  { ...plain, name: 'writes against loads', operations: [...READS, 'set', 'writeThrough', 'writeThrough', 'change'] },
  {
    ...plain,
    name: 'batches',
    operations: ['readMany', 'readMany', 'readMany', 'read', 'look', 'change', 'set'],
  },
  {
    ...plain,
    name: 'values that cannot be frozen',
    mutableValues: true,
    operations: [...READS, 'readMany', 'change', 'set', 'writeThrough'],
  },
  {
    ...plain,
    name: 'stale windows',
    servesStale: true,
    options: { ttl: '15ms', staleWhileRevalidate: 20, staleIfError: 60, softTimeout: 10, hardTimeout: 30 },
    operations: [...READS, 'readMany', 'change', 'change', 'set', 'writeThrough'],
  },
  {
    ...plain,
    name: 'short lives, few entries and early refreshes',
    options: { ttl: '25ms', max: 2, refreshAhead: 0.4, negative: { when: () => true, ttl: 10 } },
    operations: [...READS, 'readMany', 'change', 'set', 'resize'],
  },
]

describe('a random history', () => {
  it.each(PROFILES)(
    'returns nothing older than what was acknowledged before the read began, and leaves nothing behind: $name',
    async (profile) => {
      for (let index = 0; index < schedules; index++) {
        const seed = firstSeed + index
        const wrong = await runSchedule(profile, seed, STEPS)
        expect(wrong, `SEED=${seed} SCALE=1, profile '${profile.name}'\n${wrong.join('\n')}`).toEqual([])
      }
    },
    30 * MINUTES,
  )
})
