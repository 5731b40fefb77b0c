import { expect, it } from 'vitest'
import { createStash } from '../../../src/cache/stash.js'
import { examineHits } from '../../../src/cli/doctor-hits.js'
import { type CacheDocument, statsDocument } from '../../../src/observe/stats-json.js'

/** What the doctor says of one namespace whose statistics differ in some fields from those of a new one. */
function examined(differs: Partial<CacheDocument>, totals: object = {}) {
  const fresh = statsDocument(createStash({ store: 'memory' }))
  const cache = { ...(fresh.caches.job_cache as CacheDocument), ...differs }
  return examineHits({ caches: { job_cache: cache }, totals: { ...fresh.totals, ...totals } })
}

const NONE = { p50: null, p95: null, p99: null }

it('says that there is too little to judge', () => {
  expect(examined({ hits: 40, misses: 59 })).toEqual([
    { check: 'hit rates', level: 'ok', found: 'nothing was read 100 times yet: too few to judge' },
  ])
})

it.each([
  [{ expired: 60, never: 10 }, /lifetime too short: 86% of the misses.*\(ttl 3600 s\)/, /staleWhileRevalidate/],
  [{ evicted: 70 }, /too small: 100% of the misses/, /Raise max/],
  [{ invalidated: 70 }, /invalidated too often/, /narrower tags/],
  [{ bypass: 70 }, /forceFresh/, /Leave forceFresh out/],
  [{ never: 70 }, /unstable key/, /diffKeys/],
  [{ unknown: 70 }, /too many keys to tell/, /Raise max/],
])('tells the commonest cause of a low hit rate: %o', (causes, found, change) => {
  const [finding] = examined({ hits: 30, misses: 70, hit_rate: '30.00%', miss_causes: causes })
  expect(finding).toMatchObject({ check: 'job_cache', level: 'trouble' })
  expect(finding?.found).toMatch(found)
  expect(finding?.change).toMatch(change)
})

it('advises where loads fail or are slow, and where values are not kept', () => {
  const findings = examined({
    hits: 900,
    misses: 100,
    hit_rate: '90.00%',
    loads: 100,
    load_errors: 11,
    refused: { size: 3, type: 0 },
    latency_ms: { hit: NONE, miss: NONE, stale: NONE, load: { p50: 9000, p95: 31_000, p99: 60_000 } },
  })
  expect(findings.map(({ level, found }) => `${level}: ${found}`)).toEqual([
    'advice: loads are slow: one in twenty takes 31s or longer',
    'ok: 90.00% of 1000 reads were hits',
    'advice: 11 of 100 loads failed',
    'advice: values were loaded but not kept: size 3',
  ])
  expect(findings.every(({ level, change }) => level === 'ok' || change !== undefined)).toBe(true)
})

it.each([
  [{ bytes: 60, max_bytes: 64 }, 2, ['memory']],
  [{ bytes: 60, max_bytes: 64 }, 0, ['hit rates']],
  [{ bytes: 50, max_bytes: 64 }, 2, ['hit rates']],
])('advises where memory of %o is nearly full, and evicts (%d)', (totals, evictions, checks) => {
  expect(examined({ evictions }, totals).map(({ check }) => check)).toEqual(checks)
})

it('reads what an older handler tells, which has no totals', () => {
  const { caches } = statsDocument(createStash({ store: 'memory' }))
  expect(examineHits({ caches, totals: undefined }).map(({ level }) => level)).toEqual(['ok'])
})
