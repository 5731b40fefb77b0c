import { afterEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { createPool, deadlineFrom, type PoolOptions } from '../../src/http/index.js'
import { defineHop, fromGraph, type HopPolicies, pipeline, resilient } from '../../src/pipeline/index.js'
import { isReport } from '../unit/pipeline/valid-reports.js'
import { type Cue, type Seen, startUpstream, timeoutsFor, until } from './http-world.js'

const ends: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const output = z.object({ ok: z.boolean() })
/** Quick to try again, and patient: who is late here is late on purpose. */
const quick: HopPolicies = { retry: { attempts: 3, backoff: 5 }, timeout: '50s' }

async function setUp(
  cue: (request: number, seen: Seen) => Cue,
  policies: HopPolicies = quick,
  pooled: PoolOptions = {},
) {
  const upstream = await startUpstream(cue)
  const pool = createPool({ timeouts: { headers: '20s', body: '20s' }, ...pooled })
  ends.push(
    () => upstream.close(),
    () => pool.close({ grace: 0 }),
  )
  const client = pool.module({ name: 'm', baseUrl: upstream.origin, auth: () => 'secret-token' })
  const hop = defineHop({
    name: 'a',
    client,
    output,
    ...policies,
    idempotent: true,
    call: (context) => context.client.post('/score', context.input, { context }),
  })
  const run = async (options = {}) => {
    const result = await fromGraph('p', { a: { hop } }).run({ text: 'secret-text' }, options)
    const { report } = result
    expect(isReport(JSON.parse(JSON.stringify(report)))).toBe(true)
    expect(JSON.stringify(report)).not.toContain('secret')
    return { result, hop: report.hops.a, attempts: report.hops.a?.attempts ?? [] }
  }
  return { upstream, pool, client, hop, run }
}

const first =
  (...cues: Cue[]) =>
  (request: number): Cue =>
    cues[request] ?? {}

describe('a hop over HTTP', () => {
  it('sends its idempotency key and what is left of the deadline with every attempt', async () => {
    const { run, upstream } = await setUp(first({ status: 503 }, 'reset'))
    expect((await run({ deadline: '20s' })).hop?.status).toBe('ok')
    const keys = new Set(upstream.seen.map(({ headers }) => headers['idempotency-key']))
    expect([upstream.seen.length, keys.size]).toEqual([3, 1])
    const left = upstream.seen.map(({ headers }) => deadlineFrom(headers) ?? -1)
    // 200 ms are kept for the fallback and assembly.
    for (const ms of left) expect(ms).toBeLessThanOrEqual(19_800)
    expect(left[2]).toBeLessThan(left[0] as number)
  })

  it('hands the deadline on from service to service, however many there are', async () => {
    const seen: (number | undefined)[] = []
    const inner = await setUp((_, { headers }) => {
      seen.push(deadlineFrom(headers))
      return {}
    })
    const inbound = { 'x-deadline-ms': '20000' }
    await inner.run({ deadline: deadlineFrom(inbound, { max: '30s' }) })
    expect(seen[0]).toBeLessThanOrEqual(19_800)
    expect(seen[0]).toBeGreaterThan(1000)
  })

  it.each<[string, Cue]>([
    ['in seconds', { status: 429, headers: { 'retry-after': '1' } }],
    ['as a date', { status: 503, headers: { 'retry-after': 'DATE' } }],
    ['in milliseconds', { status: 429, headers: { 'retry-after-ms': '300' } }],
  ])('waits for as long as it is asked to %s', async (_, cue) => {
    const wait = typeof cue === 'object' && cue.headers?.['retry-after'] === 'DATE' ? dated(1) : cue
    const { run, upstream } = await setUp(first(wait))
    const { hop, attempts } = await run()
    expect(hop?.status).toBe('ok')
    const [before, after] = upstream.seen.map(({ atMs }) => atMs)
    expect((after as number) - (before as number)).toBeGreaterThanOrEqual((attempts[1]?.waitMs ?? 0) - 2)
    expect(attempts[1]?.waitMs).toBeGreaterThanOrEqual(typeof cue === 'object' && cue.status === 503 ? 1 : 300)
  })

  it('does not wait for longer than its deadline, nor than it may', async () => {
    const { run, upstream } = await setUp(() => ({ status: 429, headers: { 'retry-after': '30' } }))
    const { hop, attempts } = await run({ deadline: '20s' })
    // Who had waited would have failed for its deadline.
    expect(hop).toMatchObject({ status: 'failed', reason: 'rate_limited' })
    expect(attempts).toHaveLength(1)
    expect(upstream.seen).toHaveLength(1)
  })

  it('gets through a burst of 503', async () => {
    const { run } = await setUp(first({ status: 503 }, { status: 503 }))
    const { attempts, hop } = await run()
    expect(hop?.status).toBe('ok')
    expect(attempts.map(({ outcome, status }) => [outcome, status])).toEqual([
      ['error', 503],
      ['error', 503],
      ['ok', null],
    ])
  })

  it.each<[Cue, string, string]>([
    ['reset', 'error', 'error'],
    ['cut off', 'error', 'error'],
    ['no headers', 'timeout', 'timeout'],
    ['half a body', 'timeout', 'timeout'],
    ['broken JSON', 'contract_output', 'error'],
    ['a web page', 'contract_output', 'error'],
    [{ json: { ok: 'secret' } }, 'contract_output', 'error'],
    [{ status: 401 }, 'auth', 'error'],
    [{ status: 403 }, 'auth', 'error'],
    [{ status: 500, json: 'secret' }, 'error', 'error'],
    [{ status: 429 }, 'rate_limited', 'error'],
  ])('recovers from one %o, and says so of what does not end', async (cue, reason, outcome) => {
    const pooled = { timeouts: timeoutsFor(cue) }
    // An answer that is well may take a slow machine more than one attempt.
    const patient = { ...quick, retry: { attempts: 20, backoff: 5 } }
    const recovering = await setUp(first(cue), patient, pooled)
    const permanent = typeof cue === 'object' && (cue.status === 403 || cue.status === 401)
    const once = await recovering.run()
    expect(once.hop?.status).toBe(permanent ? 'failed' : 'ok')
    const failing = await setUp(() => cue, quick, pooled)
    const { hop, attempts } = await failing.run()
    expect(hop).toMatchObject({ status: 'failed', reason })
    expect(attempts[0]?.outcome).toBe(outcome)
  })

  it('loses nothing when kept connections are closed under it', async () => {
    const { run, pool } = await setUp(() => 'closed when used')
    for (let call = 0; call < 10; call++) expect((await run()).attempts).toHaveLength(1)
    expect(Object.values(pool.stats().origins)[0]?.resent).toBeGreaterThan(0)
  })

  it('that is not idempotent is not sent again', async () => {
    const { upstream, client } = await setUp(() => 'closed when used', {}, { size: 1 })
    const hop = defineHop({
      name: 'b',
      client,
      idempotent: false,
      retry: { attempts: 3, backoff: 1 },
      call: (context) => context.client.post('/x', {}, { context }),
    })
    const p = fromGraph('p', { b: { hop } })
    expect((await p.run({})).status).toBe('ok')
    expect((await p.run({})).report.hops.b).toMatchObject({ status: 'failed', reason: 'error' })
    expect(upstream.seen).toHaveLength(2)
  })

  it('that its module keeps waiting tells so of the module', async () => {
    const { run, pool } = await setUp(
      () => 'no headers',
      { timeout: '200ms', retry: { attempts: 3, backoff: 1 } },
      { timeouts: {} },
    )
    expect((await run()).hop).toMatchObject({ status: 'failed', reason: 'timeout' })
    expect(pool.providers().m).toMatchObject({ state: 'down', lastFailure: { code: 'ERR_HOP_TIMEOUT' } })
  })

  it('answers from slow bodies as long as they come, and within its own timeout', async () => {
    const { run } = await setUp(() => 'slow body', { timeout: '20s' })
    expect((await run()).hop?.status).toBe('ok')
    const hurried = await setUp(() => 'slow body', { timeout: '30ms' })
    expect((await hurried.run()).hop).toMatchObject({ status: 'failed', reason: 'timeout' })
  })

  it('gives up its connection and its permit when its caller leaves', async () => {
    const { run, pool, upstream } = await setUp(
      () => 'no headers',
      { timeout: '60s', concurrency: 1 },
      { timeouts: {} },
    )
    const controller = new AbortController()
    const running = run({ signal: controller.signal })
    await until(() => upstream.seen.length === 1)
    controller.abort()
    expect((await running).result.status).toBe('cancelled')
    await until(() => Object.values(pool.stats().origins)[0]?.sockets.open === 0)
    expect(Object.values(pool.stats().origins)[0]).toMatchObject({ inFlight: 0, sockets: { open: 0 } })
    expect(upstream.seen).toHaveLength(1)
  })
})

describe('a storm', () => {
  it('of 1,000 runs against an upstream that fails sends at most 1.2 times the calls, and 3 every 10 s', async () => {
    const { hop, upstream } = await setUp(
      () => ({ status: 503 }),
      {
        ...resilient,
        timeout: '50s',
        retry: { attempts: 3, backoff: 1 },
        breaker: false,
        concurrency: { limit: 50, queue: 1000 },
      },
      { timeouts: { headers: '50s' } },
    )
    const p = fromGraph('storm', { a: { hop } })
    const startedAt = performance.now()
    const runs = await Promise.all(Array.from({ length: 1000 }, () => p.run({})))
    // The three are for ten seconds each, and a slow machine needs more of those.
    const tens = Math.ceil((performance.now() - startedAt) / 10_000)
    expect(runs.every(({ status }) => status === 'failed')).toBe(true)
    expect(upstream.seen.length).toBeGreaterThanOrEqual(1000)
    expect(upstream.seen.length).toBeLessThanOrEqual(1200 + 3 * tens)
    // Who was let in three times all the same has no attempt left that a budget could refuse.
    const refused = runs.filter(({ report }) => report.hops.a?.attempts.length !== 3)
    expect(new Set(refused.map(({ report }) => report.hops.a?.reason))).toEqual(new Set(['retry_budget_exhausted']))
  })

  it('with resilient defaults is over as soon as the breaker has seen it', async () => {
    const { hop, upstream } = await setUp(
      () => ({ status: 503 }),
      { ...resilient, timeout: '50s' },
      { timeouts: { headers: '50s' } },
    )
    const p = fromGraph('storm', { a: { hop } })
    const runs = await Promise.all(Array.from({ length: 1000 }, () => p.run({}, { deadline: '60s' })))
    expect(runs.every(({ status }) => status !== 'ok')).toBe(true)
    // Those that got the permits of the first four to fail, the 16 under way when the fifth failed, and nobody after them.
    expect(upstream.seen.length).toBeLessThanOrEqual(20)
    const reasons = runs.map(({ report }) => report.hops.a?.reason)
    expect(reasons.filter((reason) => reason === 'breaker_open').length).toBeGreaterThan(80)
    expect(reasons.filter((reason) => reason === 'queue_full').length).toBeGreaterThan(800)
  })

  it('carries every idempotency key at most as often as there are attempts, and counts no work twice', async () => {
    const done = new Map<unknown, number>()
    const { hop, upstream } = await setUp(
      (request, { headers }) => {
        const key = headers['idempotency-key']
        // Does the work once a key, and answers half of the time: what is lost is asked for again.
        if (!done.has(key)) done.set(key, request)
        return request % 2 === 0 ? 'reset' : {}
      },
      { ...quick, retry: { attempts: 6, backoff: 1 } },
    )
    const p = fromGraph('p', { a: { hop } })
    const runs = await Promise.all(Array.from({ length: 40 }, () => p.run({})))
    const ok = runs.filter(({ status }) => status === 'ok').length
    expect(ok).toBeGreaterThan(30)
    expect(done.size).toBe(40)
    expect(upstream.seen.length).toBeGreaterThan(40)
  })
})

describe('modules as clients of hops', () => {
  it('give their types to the hop, and are replaced for one run', async () => {
    const { pool, upstream } = await setUp(() => ({ json: { ok: true } }))
    const client = pool.module({ name: 'n', baseUrl: upstream.origin, input: z.object({ text: z.string() }), output })
    const hop = defineHop({
      name: 'a',
      client,
      input: z.object({ text: z.string() }),
      call: (context) => context.client.post('/x', context.input, { context }),
    })
    const p = pipeline<{ text: string }>('p')
      .hop('a', hop, {})
      .assemble(({ a }) => a.ok)
    expect((await p.run({ text: 'x' })).output).toBe(true)
    const fake = { ...client, post: (async () => ({ ok: false })) as typeof client.post }
    expect((await p.run({ text: 'x' }, { clients: { a: fake } })).output).toBe(false)
  })
})

function dated(seconds: number): Cue {
  return { status: 503, headers: { 'retry-after': new Date(Date.now() + seconds * 1000 + 500).toUTCString() } }
}
