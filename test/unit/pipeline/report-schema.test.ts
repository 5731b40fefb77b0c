import { describe, expect, it } from 'vitest'
import { defineHop, pipeline, provider, runReportSchema } from '../../../src/pipeline/index.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'
import { deaf, httpError, script, slow } from './support.js'
import { isReport } from './valid-reports.js'

async function reportOf(more: object = {}) {
  const clock = createFakeClock()
  const { call } = script([httpError(503), httpError(503)])
  const retry = { attempts: 2, backoff: 0 } as const
  const p = pipeline<unknown>('p', { clock, deadline: '1s' })
    .hop('a', defineHop({ name: 'a', call, retry, fallback: [provider('other', () => 1)], ...more }), {})
    .hop('b', { run: () => 1, when: () => false })
    .hop('c', slow(clock, 'c', 2000, 1), { optional: true })
    .assemble(() => 1)
  const run = p.run(1)
  await clock.advance(1000)
  return JSON.parse(JSON.stringify((await run).report))
}

describe('the schema of a report', () => {
  it('fits what a run with retries, fallbacks, skipped and late hops reports', async () => {
    const report = await reportOf()
    expect(report).toMatchObject({ status: 'degraded', hops: { a: { source: 'provider:other' } } })
    expect(isReport(report)).toBe(true)
  })

  it('fits a run that was cancelled, and one that failed', async () => {
    const p = pipeline<boolean>('p')
      .hop('a', { run: ({ input }) => (input ? deaf() : Promise.reject(httpError(404))) })
      .assemble(() => 1)
    const cancelled = await p.run(true, { signal: AbortSignal.abort() })
    const failed = await p.run(false)
    expect([cancelled.status, failed.status]).toEqual(['cancelled', 'failed'])
    for (const { report } of [cancelled, failed]) expect(isReport(JSON.parse(JSON.stringify(report)))).toBe(true)
  })

  it('refuses what is missing, what is too much, and words nobody knows', async () => {
    const report = await reportOf()
    const { totals: _, ...without } = report
    expect(isReport(without)).toBe(false)
    expect(isReport({ ...report, payload: 'secret' })).toBe(false)
    expect(isReport({ ...report, schema: 'hop-run/2' })).toBe(false)
    expect(isReport({ ...report, status: 'fine' })).toBe(false)
    expect(isReport({ ...report, hops: { a: { ...report.hops.a, reason: 'weather' } } })).toBe(false)
    expect(isReport({ ...report, hops: { a: { ...report.hops.a, durationMs: -1 } } })).toBe(false)
  })

  it('is JSON, and nobody can change it', () => {
    expect(JSON.parse(JSON.stringify(runReportSchema))).toEqual(runReportSchema)
    expect(Object.isFrozen((runReportSchema.properties as { hops: object }).hops)).toBe(true)
  })
})
