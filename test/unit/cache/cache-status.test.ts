import { describe, expect, it } from 'vitest'
import { cacheStatus } from '../../../src/cache/cache-status.js'

describe('cacheStatus', () => {
  it('says of a hit how long it is fresh', () => {
    expect(cacheStatus({ status: 'hit', ttlMs: 59_900 })).toBe('hopstash; hit; ttl=59')
  })

  it('leaves the ttl out where there is no end', () => {
    expect(cacheStatus({ status: 'hit', ttlMs: Infinity })).toBe('hopstash; hit')
  })

  it('shows a stale answer as a hit past its ttl', () => {
    expect(cacheStatus({ status: 'stale', ttlMs: -3_500 })).toBe('hopstash; hit; ttl=-4')
    expect(cacheStatus({ status: 'stale' })).toBe('hopstash; hit; ttl=0')
  })

  it('tells a miss, an expired one, a shared load, a bypass and a revalidation apart', () => {
    expect(cacheStatus({ status: 'miss', cause: 'never' })).toBe('hopstash; fwd=uri-miss')
    expect(cacheStatus({ status: 'miss', cause: 'expired' })).toBe('hopstash; fwd=stale')
    expect(cacheStatus({ status: 'coalesced' })).toBe('hopstash; fwd=uri-miss; collapsed')
    expect(cacheStatus({ status: 'bypass' })).toBe('hopstash; fwd=bypass')
    expect(cacheStatus({ status: 'revalidated' })).toBe('hopstash; fwd=stale; stored')
  })

  it('names the cache, the digest on request, and what was degraded', () => {
    const outcome = { status: 'hit' as const, ttlMs: 1000, key: 'abc"d', degraded: ['store:timeout'] }
    expect(cacheStatus(outcome, { name: 'my api', showKey: true })).toBe(
      '"my api"; hit; ttl=1; key="abc\\"d"; detail="store:timeout"',
    )
  })
})
