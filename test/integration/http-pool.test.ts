import { spawn } from 'node:child_process'
import { getEventListeners, once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { createPool, type ModuleOptions, type Pool, type PoolOptions } from '../../src/http/index.js'
import { ODD_RESULTS, oddSchema } from '../support/odd-schemas.js'
import { type Cue, FLOOD_BYTES, type Seen, startUpstream, timeoutsFor, until } from './http-world.js'

const ends: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function setUp(
  cue: Cue | ((request: number, seen: Seen) => Cue),
  module: Partial<ModuleOptions> = {},
  options: PoolOptions = {},
) {
  const upstream = await startUpstream(typeof cue === 'function' ? cue : () => cue)
  const pool: Pool = createPool(options)
  ends.push(
    () => upstream.close(),
    () => pool.close({ grace: 0 }),
  )
  const client = pool.module({ name: 'm', baseUrl: `${upstream.origin}/v1`, ...module })
  return { upstream, pool, client, origin: () => Object.values(pool.stats().origins)[0] }
}

const failing = (promise: Promise<unknown>): Promise<Record<string, unknown>> =>
  promise.then(
    () => Promise.reject(new Error('It did not fail')),
    (error) => error,
  )

describe('a client of a module', () => {
  it('sends JSON with credentials and headers, and gives the answer parsed', async () => {
    const { client, upstream } = await setUp(
      { json: { score: 7 } },
      { auth: () => 't0k', headers: { 'X-Team': 'jobs' } },
    )
    expect(await client.post('/score', { text: 'é' }, { headers: { 'x-call': '1' } })).toEqual({ score: 7 })
    expect(upstream.seen[0]).toMatchObject({ method: 'POST', url: '/v1/score', body: '{"text":"é"}' })
    expect(upstream.seen[0]?.headers).toMatchObject({
      authorization: 'Bearer t0k',
      'content-type': 'application/json',
      'x-team': 'jobs',
      'x-call': '1',
    })
  })

  it('takes no connection out of its pool with a call that cannot be sent', async () => {
    let token = 'Jürgen\u2019s'
    const { client, pool, upstream } = await setUp({ json: 1 }, { auth: () => token }, { size: 1 })
    for (let round = 0; round < 2; round++) {
      expect(await failing(client.get('/a'))).toMatchObject({ code: 'ERR_HTTP_CREDENTIALS', retryable: false })
    }
    token = 't0k'
    for (const options of [
      { headers: { 'x-user': 'Zoë €' } },
      { headers: { 'x user': 'Zoe' } },
      { headers: { expect: '100-continue' } },
      { headers: { 'Content-Length': '1' } },
      { idempotencyKey: 'run\u20091' },
    ]) {
      expect((await failing(client.post('/a', {}, options))).code).toBe('ERR_OPTION_INVALID')
    }
    const baseUrl = upstream.origin
    for (const auth of ['Jürgen\u2019s', { header: 'Upgrade', value: 'x' }]) {
      expect(() => pool.module({ name: 'n', baseUrl, auth })).toThrow('`auth')
    }
    expect(await client.get('/a', { headers: { 'x-user': 'Zoë' } })).toBe(1)
  })

  it('has a method for each verb, and bytes go as they are', async () => {
    const { client, upstream } = await setUp({ status: 204 })
    for (const call of [client.get('/a'), client.delete('/a'), client.put('/a', 1), client.patch('/a', [])]) {
      expect(await call).toBeUndefined()
    }
    await client.json('/a', { method: 'HEAD' })
    await client.post('/a', Buffer.from('raw'))
    expect(upstream.seen.map(({ method, body }) => [method, body])).toEqual([
      ['GET', ''],
      ['DELETE', ''],
      ['PUT', '1'],
      ['PATCH', '[]'],
      ['HEAD', ''],
      ['POST', 'raw'],
    ])
    expect(upstream.seen.at(-1)?.headers['content-type']).toBe('application/octet-stream')
  })

  it('checks what goes out and what comes back, and names places, not values', async () => {
    const input = z.object({ text: z.string() })
    const { client, upstream } = await setUp(
      { json: { score: 'secret' } },
      { input, output: z.object({ score: z.number() }) },
    )
    expect(await failing(client.post('/s', { text: 7 } as never))).toMatchObject({
      code: 'ERR_CONTRACT',
      retryable: false,
      message: expect.stringContaining('$.text'),
    })
    expect(upstream.seen).toHaveLength(0)
    const error = await failing(client.post('/s', { text: 'x' }))
    expect(error).toMatchObject({ code: 'ERR_CONTRACT', retryable: true, context: { paths: ['$.score'] } })
    expect(String(error.message)).not.toContain('secret')
    const doubled = z.object({ score: z.string() }).transform(({ score }) => score + score)
    expect(await client.post('/s', { text: 'x' }, { output: doubled })).toBe('secretsecret')
  })

  it.each(ODD_RESULTS)(
    'refuses a schema that gives %s, and does not hold it against the upstream',
    async (_, result) => {
      const { client, upstream, pool } = await setUp({ json: 'secret' })
      const output = oddSchema(() => result)
      const error = await failing(client.get('/s', { output }))
      expect(error).toMatchObject({ code: 'ERR_OPTION_INVALID', context: { option: 'schema' } })
      expect(String(error.message)).not.toContain('secret')
      expect(upstream.seen).toHaveLength(1)
      expect(pool.providers()).toMatchObject({ m: { state: 'unknown' } })
    },
  )

  it.each(['input', 'output'] as const)('rejects with what a schema of its %s throws', async (side) => {
    const broken = new Error('broken')
    const { client, upstream } = await setUp({ json: 1 }, { [side]: oddSchema(() => Promise.reject(broken)) })
    expect(await failing(client.post('/s', 1))).toBe(broken)
    expect(upstream.seen).toHaveLength(side === 'input' ? 0 : 1)
  })

  it('streams an answer, and gives its connection up when nobody reads on', async () => {
    const { client, origin } = await setUp('slow body')
    const whole: string[] = []
    const { status, headers, body } = await client.stream('/events')
    for await (const part of body) whole.push(Buffer.from(part).toString())
    expect([status, headers['content-type'], whole.join('')]).toEqual([200, 'application/json', '{"ok":true}'])
    for await (const _ of (await client.stream('/events')).body) break
    expect(origin()).toMatchObject({ inFlight: 0 })
    expect(await failing(client.stream('/x', { method: 'TRACE' as 'GET' }))).toMatchObject({
      code: 'ERR_OPTION_INVALID',
    })
  })

  it('keeps a large answer that is not read from filling memory', async () => {
    const { client } = await setUp({ json: 'x'.repeat(3_000_000) }, {}, { maxAnswerBytes: 1_000_000 })
    expect(await failing(client.get('/big'))).toMatchObject({
      code: 'ERR_HTTP_ANSWER',
      message: expect.stringContaining('maxAnswerBytes'),
    })
    const { body } = await client.stream('/big')
    let bytes = 0
    for await (const part of body) {
      bytes += part.byteLength
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(bytes).toBe(3_000_002)
  })
})

describe('a stream', () => {
  it('comes no faster than it is read', async () => {
    const { client, upstream } = await setUp('a flood')
    const { body } = await client.stream('/x')
    const flow = body[Symbol.asyncIterator]()
    await flow.next()
    let before = -1
    // What the system buffers on its way is all that comes.
    while (upstream.floodBytes() !== before) {
      before = upstream.floodBytes()
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    expect(before).toBeGreaterThan(0)
    expect(before).toBeLessThan(FLOOD_BYTES / 2)
    await flow.return?.()
  })

  it('that is cut off while nobody reads tells whoever reads it then, and nobody else', async () => {
    const { client, origin, pool } = await setUp('cut off')
    const { body } = await client.stream('/x')
    await new Promise((resolve) => setTimeout(resolve, 60))
    const read = async () => {
      for await (const _ of body);
    }
    expect(await failing(read())).toMatchObject({ code: 'ERR_HTTP_CONNECTION', retryable: true })
    expect(origin()).toMatchObject({ inFlight: 0 })
    expect(pool.providers().m).toMatchObject({ failures: 1, state: 'degraded' })
  })
})

describe('a caller who leaves', () => {
  it('before a connection is free has nothing sent', async () => {
    let open = (): void => {}
    const after = new Promise<void>((resolve) => {
      open = resolve
    })
    const { client, upstream, origin } = await setUp({ after }, {}, { size: 1 })
    const first = client.get('/a')
    const controller = new AbortController()
    const second = failing(client.get('/b', { signal: controller.signal }))
    await until(() => origin()?.queued === 1 && upstream.seen.length === 1)
    controller.abort()
    await second
    open()
    await first
    expect(await client.get('/c')).toEqual({ ok: true })
    expect(upstream.seen.map(({ url }) => url)).toEqual(['/v1/a', '/v1/c'])
  })

  it('may have a signal that outlives many calls', async () => {
    const { client } = await setUp({})
    const { signal } = new AbortController()
    for (let call = 0; call < 20; call++) await client.get('/x', { signal })
    const { body } = await client.stream('/x', { signal })
    for await (const _ of body);
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })
})

describe('what a module answers', () => {
  it.each([
    [
      { status: 429, headers: { 'retry-after': '2' } },
      { status: 429, retryable: true, retryAfterMs: 2000 },
    ],
    [
      { status: 503, headers: { 'retry-after-ms': '150' } },
      { status: 503, retryable: true, retryAfterMs: 150 },
    ],
    [
      { status: 500, json: 'secret' },
      { status: 500, retryable: true, retryAfterMs: undefined },
    ],
    [
      { status: 404, json: 'secret' },
      { status: 404, retryable: false },
    ],
    [
      { status: 302, headers: { location: 'http://127.0.0.1:1/' } },
      { status: 302, retryable: false },
    ],
  ])('is an error where it is %o, without its body', async (cue, expected) => {
    const { client } = await setUp(cue as Cue)
    const error = await failing(client.get('/x'))
    expect(error).toMatchObject({ code: 'ERR_HTTP_STATUS', name: 'HttpError', ...expected })
    expect(JSON.stringify(error) + String(error.stack)).not.toContain('secret')
  })

  it('may ask to wait until a date', async () => {
    const { client } = await setUp({
      status: 503,
      headers: { 'retry-after': new Date(Date.now() + 600_000).toUTCString() },
    })
    const { retryAfterMs } = await failing(client.get('/x'))
    expect(retryAfterMs).toBeGreaterThan(300_000)
    expect(retryAfterMs).toBeLessThanOrEqual(600_000)
  })

  it.each([
    ['reset', { code: 'ERR_HTTP_CONNECTION', cause: { code: 'ECONNRESET' } }],
    ['cut off', { code: 'ERR_HTTP_CONNECTION' }],
    ['no headers', { code: 'ERR_HTTP_TIMEOUT', context: { phase: 'headers' } }],
    ['half a body', { code: 'ERR_HTTP_TIMEOUT', context: { phase: 'body' } }],
    ['broken JSON', { code: 'ERR_HTTP_ANSWER', status: 200 }],
    ['a web page', { code: 'ERR_HTTP_ANSWER', message: expect.stringContaining('text/html') }],
  ])('is an error of its own kind where it is %o', async (cue, expected) => {
    const { client, origin } = await setUp(cue as Cue, { timeouts: timeoutsFor(cue as Cue) })
    const error = await failing(client.post('/x', { secret: 'secret' }))
    expect(error).toMatchObject({ retryable: true, ...expected })
    expect(String(error.stack)).not.toContain('secret')
    expect(origin()).toMatchObject({ inFlight: 0, queued: 0 })
  })

  it('may be that nobody listens', async () => {
    const { client, upstream } = await setUp({})
    await upstream.close()
    expect(await failing(client.get('/x'))).toMatchObject({
      code: 'ERR_HTTP_CONNECTION',
      cause: { code: 'ECONNREFUSED' },
    })
  })

  it('is not waited for when the caller leaves, in the queue and under way', async () => {
    const { client, origin } = await setUp('no headers', {}, { size: 1 })
    const controller = new AbortController()
    const calls = ['/a', '/b'].map((path) => failing(client.get(path, { signal: controller.signal })))
    await until(() => origin()?.inFlight === 1)
    expect(origin()).toMatchObject({ queued: 1 })
    controller.abort(new Error('left'))
    expect((await Promise.all(calls)).map(({ message }) => message)).toEqual(['left', 'left'])
    expect(origin()).toMatchObject({ queued: 0, inFlight: 0 })
  })

  it('is not asked for when nothing is left of the budget', async () => {
    const { client, upstream, pool } = await setUp({})
    const error = await failing(client.get('/x', { remainingMs: 0 }))
    expect(error).toMatchObject({ code: 'ERR_HTTP_TIMEOUT', retryable: false, context: { phase: 'deadline' } })
    expect(upstream.seen).toHaveLength(0)
    expect(pool.providers()).toMatchObject({ m: { state: 'unknown', failures: 0 } })
  })
})

describe('credentials', () => {
  it('are renewed once for all calls that are refused together, each of which is sent again', async () => {
    let asked = 0
    const { client, upstream } = await setUp(
      (_, { headers }) => ({ status: headers.authorization === 'Bearer t2' ? 200 : 401 }),
      { auth: async () => `t${++asked}` },
    )
    await Promise.all(Array.from({ length: 8 }, () => client.get('/x')))
    expect(asked).toBe(2)
    expect(upstream.seen.length).toBeLessThanOrEqual(16)
    await client.get('/x')
    expect(upstream.seen.at(-1)?.headers.authorization).toBe('Bearer t2')
  })

  it('that are refused for good are an error, and no storm', async () => {
    let asked = 0
    const { client, upstream, pool } = await setUp({ status: 401 }, { auth: () => `t${++asked}` })
    for (let call = 0; call < 5; call++) expect(await failing(client.get('/x'))).toMatchObject({ status: 401 })
    expect(asked).toBe(2)
    expect(upstream.seen).toHaveLength(6)
    expect(pool.providers()).toMatchObject({ m: { state: 'down', lastFailure: { status: 401 } } })
  })

  it('that are missing send nothing', async () => {
    const { client, upstream } = await setUp({}, { auth: () => undefined })
    expect(await failing(client.get('/x'))).toMatchObject({ code: 'ERR_HTTP_CREDENTIALS' })
    expect(upstream.seen).toHaveLength(0)
  })

  it('that hang hold no caller who leaves', async () => {
    const { client } = await setUp({}, { auth: () => new Promise(() => {}) })
    expect(await failing(client.get('/x', { signal: AbortSignal.timeout(20) }))).toMatchObject({ name: 'TimeoutError' })
  })
})

describe('connections', () => {
  it('are kept and shared by all modules of an origin, at most as many as the pool has', async () => {
    const { client, pool, upstream, origin } = await setUp({ afterMs: 5 }, {}, { size: 3 })
    const other = pool.module({ name: 'n', baseUrl: upstream.origin })
    for (let round = 0; round < 5; round++) {
      await Promise.all(Array.from({ length: 10 }, (_, index) => (index % 2 ? client : other).get('/x')))
    }
    expect(upstream.connections()).toBe(3)
    expect(upstream.mostInFlight()).toBe(3)
    expect(origin()).toMatchObject({ calls: 50, reused: 47, inFlight: 0, sockets: { opened: 3, open: 3 } })
    expect(origin()?.durationMs.p95).toBeGreaterThanOrEqual(4)
    expect(origin()?.queueMs.p95).toBeGreaterThan(0)
  })

  it('that are closed under us cost a call that may be repeated nothing', async () => {
    const { client, upstream, origin } = await setUp('closed when used', {}, { size: 1 })
    for (let call = 0; call < 4; call++) expect(await client.get('/x')).toEqual({ ok: true })
    expect(await client.post('/x', {}, { idempotencyKey: 'k' })).toEqual({ ok: true })
    expect(origin()?.resent).toBe(4)
    expect(upstream.seen).toHaveLength(9)
  })

  it('that are closed under us are an error for a call that may not', async () => {
    const { client, upstream } = await setUp('closed when used', {}, { size: 1 })
    await client.get('/x')
    expect(await failing(client.post('/x', {}))).toMatchObject({ code: 'ERR_HTTP_CONNECTION', retryable: true })
    expect(upstream.seen).toHaveLength(2)
  })

  it('that are new and reset are not tried again', async () => {
    const { client, upstream, origin } = await setUp('reset')
    await failing(client.get('/x'))
    expect(upstream.seen).toHaveLength(1)
    expect(origin()?.resent).toBe(0)
  })

  it('idle no longer than the upstream keeps them, less a second', async () => {
    const openedFor = async (seconds: number) => {
      const { client, origin } = await setUp({ headers: { 'keep-alive': `timeout=${seconds}` } }, {}, { size: 1 })
      await client.get('/x')
      await client.get('/x')
      return origin()?.sockets.opened
    }
    expect([await openedFor(1), await openedFor(30)]).toEqual([2, 1])
  })
})

describe('the end of a pool', () => {
  it('waits for what is under way, and takes nothing new', async () => {
    const { client, pool, upstream } = await setUp({ afterMs: 80 })
    const call = client.get('/x')
    const drained = pool.drain()
    expect(await failing(client.get('/y'))).toMatchObject({ code: 'ERR_CLOSED' })
    await drained
    expect(await call).toEqual({ ok: true })
    await pool.close()
    await pool.close()
    expect(upstream.seen).toHaveLength(1)
  })

  it('waits for a stream until its last part', async () => {
    const { client, pool } = await setUp('slow body')
    const { body } = await client.stream('/x')
    let drained = false
    const end = pool.drain().then(() => {
      drained = true
    })
    let last = false
    for await (const _ of body) last = drained
    await end
    expect(last).toBe(false)
  })

  it('lets what is under way end', async () => {
    const { client, pool } = await setUp({ afterMs: 60 })
    const call = client.get('/x')
    await pool.close()
    expect(await call).toEqual({ ok: true })
  })

  it('comes after the grace for what does not end', async () => {
    const { client, pool, origin } = await setUp('no headers')
    const call = failing(client.get('/x'))
    await pool.close({ grace: '50ms' })
    expect(await call).toMatchObject({ code: 'ERR_CLOSED' })
    expect(origin()).toMatchObject({ inFlight: 0 })
  })
})

describe('how modules do', () => {
  it('is told from their calls alone', async () => {
    let status = 200
    const { client, pool } = await setUp(() => ({ status }))
    const state = () => pool.providers().m?.state
    expect(state()).toBe('unknown')
    await client.get('/x')
    expect(state()).toBe('ready')
    status = 503
    await failing(client.get('/x'))
    expect(state()).toBe('degraded')
    for (let call = 0; call < 2; call++) await failing(client.get('/x'))
    expect(pool.providers().m).toMatchObject({ state: 'down', calls: 4, failures: 3 })
    status = 404
    await failing(client.get('/x'))
    expect(state()).toBe('degraded')
  })
})

describe('a caller', () => {
  it('whose patience ends says something of the module, and one who leaves does not', async () => {
    const { client, pool } = await setUp('no headers')
    const controller = new AbortController()
    const left = failing(client.get('/x', { signal: controller.signal }))
    controller.abort()
    await left
    expect(pool.providers().m).toMatchObject({ state: 'unknown', calls: 0 })
    // On a slow machine the patience of some may end before they have asked.
    const failures = () => pool.providers().m?.failures ?? 0
    while (failures() < 3) await failing(client.get('/x', { signal: AbortSignal.timeout(20) }))
    expect(pool.providers().m).toMatchObject({ state: 'down', failures: 3 })
  })
})

describe('a process', () => {
  it('is not kept alive by a pool that is idle', async () => {
    const { upstream } = await setUp({})
    const script = `
      import { createPool } from '${new URL('../../src/http/index.ts', import.meta.url)}'
      const pool = createPool({ keepAlive: '60s' })
      const client = pool.module({ baseUrl: '${upstream.origin}', auth: async () => 'x' })
      console.log(JSON.stringify(await client.get('/x')), pool.stats().origins['${upstream.origin}'].sockets.open)`
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { stdio: 'pipe' })
    const stop = setTimeout(() => child.kill(), 50_000)
    let printed = ''
    child.stdout.on('data', (part) => {
      printed += part
    })
    const [code] = await once(child, 'close')
    clearTimeout(stop)
    expect([printed.trim(), code]).toEqual(['{"ok":true} 1', 0])
  })
})
