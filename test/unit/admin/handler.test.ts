import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { adminHandler } from '../../../src/admin/handler.js'
import type { AdminOptions, AuditEvent } from '../../../src/admin/options.js'
import { adminSchemas } from '../../../src/admin/schemas.js'
import { createStash } from '../../../src/cache/stash.js'
import { pipeline } from '../../../src/pipeline/pipeline.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

const TOKEN = 'correct-horse-battery'
const AUTH = { authorization: `Bearer ${TOKEN}` }
const BASE = 'http://localhost/api/v1/cache'

function setUp(options: Partial<AdminOptions> = {}) {
  const stash = createStash({ store: 'memory' })
  const audit: AuditEvent[] = []
  const handler = adminHandler(stash, { token: TOKEN, onAudit: (event) => audit.push(event), ...options })
  const ask = (method: string, path: string, headers: Record<string, string> = AUTH, body?: string | Uint8Array) =>
    handler(new Request(`${BASE}${path}`, { method, headers, ...(body !== undefined && { body }) }))
  return { stash, audit, handler, ask }
}

async function fill({ stash }: ReturnType<typeof setUp>) {
  const key = { templateId: 't1', resume: { name: 'Ada' }, resumeId: '42' }
  await stash.template.getOrSet(key, () => 'page')
  await stash.template.getOrSet(key, () => 'page')
  await stash.job.set('j1', { title: 'x' })
  return key
}

describe('statistics', () => {
  it('keeps the documented names and adds the rest beside them', async () => {
    const site = setUp()
    await fill(site)
    const document = (await (await site.ask('GET', '/stats')).json()) as {
      status: string
      caches: Record<string, Record<string, unknown>>
    }
    expect(document.status).toBe('success')
    expect(document.caches.template_cache).toMatchObject({
      size: 1,
      max_size: 50,
      hits: 1,
      misses: 1,
      hit_rate: '50.00%',
      ttl: 3600,
    })
    expect(document.caches.ai_response_cache).toMatchObject({ hit_rate: '0.00%', ttl: 900 })
    expect(document.caches.evaluation_cache).toMatchObject({ ttl: null })
  })

  it('tells pipelines apart by their names, so it takes no two of one', () => {
    const named = () =>
      pipeline<number>('twin')
        .hop('one', { run: () => 1 })
        .assemble(({ one }) => one)
    expect(() => setUp({ pipelines: [named(), named()] })).toThrowError(
      expect.objectContaining({ code: 'ERR_NAME_TAKEN', message: expect.stringContaining("'twin'") }),
    )
  })

  it('answers what its schemas describe', async () => {
    const twice = pipeline<number>('twice')
      .hop('two', { run: ({ input }) => input * 2 })
      .assemble(({ two }) => two)
    const site = setUp({ pipelines: [twice], providers: { openai: 'sk-canary', anthropic: undefined } })
    await twice.run(1)
    await fill(site)
    const ajv = new Ajv2020({ strict: false, validateFormats: false })
    const answers: [keyof typeof adminSchemas, string][] = [
      ['stats', '/stats'],
      ['health', '/health'],
      ['keys', '/keys'],
      ['keys', '/health/keys'],
      ['runs', '/runs'],
      ['registry', '/registry'],
      ['error', '/nowhere'],
    ]
    for (const [name, path] of answers) {
      const document = await (await site.ask('GET', path)).json()
      const validate = ajv.compile(adminSchemas[name])
      expect([path, validate(document), validate.errors]).toEqual([path, true, null])
      expect(JSON.stringify(document)).not.toContain('sk-canary')
    }
  })
})

describe('access', () => {
  const everything: [string, string][] = [
    ['GET', '/stats'],
    ['GET', '/health'],
    ['GET', '/keys'],
    ['GET', '/health/keys'],
    ['GET', '/runs'],
    ['GET', '/metrics'],
    ['GET', '/registry'],
    ['GET', '/schemas'],
    ['GET', '/live'],
    ['POST', '/clear'],
    ['POST', '/invalidate'],
    ['POST', '/forget'],
    ['GET', '/nowhere'],
    ['DELETE', '/stats'],
  ]
  const wrong: Record<string, string>[] = [
    {},
    { authorization: '' },
    { authorization: `Bearer ${TOKEN}x` },
    { authorization: `Bearer ${TOKEN.slice(0, -1)}` },
    { authorization: `Basic ${TOKEN}` },
    { authorization: TOKEN },
    { authorization: `Bearer ${TOKEN} ${TOKEN}` },
    { cookie: `token=${TOKEN}` },
  ]

  it.each(everything)('answers %s %s with 401 for every wrong proof, and changes nothing', async (method, path) => {
    const site = setUp()
    const key = await fill(site)
    for (const headers of wrong) {
      const response = await site.ask(method, path, headers)
      expect([headers, response.status]).toEqual([headers, 401])
      expect(response.headers.get('www-authenticate')).toBe('Bearer')
    }
    expect(site.stash.template.peek(key)).toBe('page')
  })

  it('answers the wrong method with 405 and what is allowed', async () => {
    const { ask } = setUp()
    for (const [method, path] of everything.slice(0, 12)) {
      const other = method === 'GET' ? 'POST' : 'GET'
      const response = await ask(other, path)
      expect([path, response.status, response.headers.get('allow')]).toEqual([
        path,
        405,
        method === 'GET' ? 'GET, HEAD' : 'POST',
      ])
    }
  })

  it('limits failed proofs, and still lets the right one in', async () => {
    const { ask } = setUp({ clock: createFakeClock() })
    const statuses: number[] = []
    for (let n = 0; n < 40; n++) statuses.push((await ask('GET', '/stats', {})).status)
    expect(statuses.slice(0, 30)).toEqual(Array(30).fill(401))
    expect(statuses.slice(30)).toEqual(Array(10).fill(429))
    expect((await ask('GET', '/stats')).status).toBe(200)
  })

  it('asks the host where it decides, and takes an error for a no', async () => {
    const asked: string[] = []
    const stash = createStash({ store: 'memory' })
    const handler = adminHandler(stash, {
      authorize: (request, action) => {
        asked.push(action)
        return request.headers.get('x-user') === 'root'
      },
    })
    const as = (user: string, method: string, path: string) =>
      handler(new Request(`${BASE}${path}`, { method, headers: { 'x-user': user } }))
    expect((await as('root', 'GET', '/stats')).status).toBe(200)
    expect((await as('eve', 'POST', '/clear')).status).toBe(401)
    expect(asked).toEqual(['read', 'clear'])
    const broken = adminHandler(stash, { authorize: () => Promise.reject(new Error('session store at db-1 is down')) })
    const response = await broken(new Request(`${BASE}/stats`))
    expect(response.status).toBe(500)
    expect(await response.text()).not.toContain('db-1')
  })

  it('is an error at construction without a token or a decision, and with a short one', () => {
    const stash = createStash({ store: 'memory' })
    expect(() => adminHandler(stash, {})).toThrow(/`token`.*closed by default.*variable/)
    expect(() => adminHandler(stash, { token: undefined })).toThrow(/closed by default/)
    expect(() => adminHandler(stash, { token: 'short-secret' })).toThrow(/at least 16 characters.*12 of them/)
    expect(() => adminHandler(stash, { token: 'short-secret' })).not.toThrow(/short-secret/)
    expect(() => adminHandler(stash, { token: TOKEN, tokn: 1 } as never)).toThrow(/`tokn`.*`token`/)
  })

  it('answers the page to everybody, because it is empty', async () => {
    const { ask } = setUp()
    for (const method of ['GET', 'HEAD']) expect((await ask(method, '/', {})).status).toBe(200)
    expect((await ask('POST', '/')).status).toBe(405)
  })
})

describe('changes', () => {
  it('clears one namespace without a body, as existing scripts do', async () => {
    const site = setUp()
    const key = await fill(site)
    const response = await site.ask('POST', '/clear?cache_type=template')
    expect([response.status, await response.json()]).toEqual([
      200,
      { status: 'success', cleared: ['template'], result: { memory: 'done', store: 'none' } },
    ])
    expect(site.stash.template.peek(key)).toBeUndefined()
    expect(site.stash.job.peek('j1')).toEqual({ title: 'x' })
    expect(site.audit).toMatchObject([{ action: 'clear', namespace: 'template', outcome: 'done' }])
  })

  it.each(['ai_response', 'ai_response_cache', 'aiResponse'])('knows a namespace as %s', async (name) => {
    const { stash, ask } = setUp()
    await stash.aiResponse.set('q', 1)
    expect((await ask('POST', `/clear?cache_type=${name}`)).status).toBe(200)
    expect(stash.aiResponse.peek('q')).toBeUndefined()
  })

  const json = { ...AUTH, 'content-type': 'application/json' }

  it('clears everything only where nothing is named', async () => {
    const site = setUp()
    await fill(site)
    for (const query of ['?cache_typ=template', '?cache_type=template&cache_type=job', '?cache_type=', '?all=1'])
      expect([query, (await site.ask('POST', `/clear${query}`)).status]).not.toEqual([query, 200])
    expect((await site.ask('POST', '/clear?cache_type=nope')).status).toBe(404)
    expect((await site.ask('POST', '/clear?cache_type=__proto__')).status).toBe(404)
    expect((await site.ask('POST', '/clear', json, '{"cache_type":null}')).status).toBe(400)
    expect(site.stash.job.peek('j1')).toEqual({ title: 'x' })
    expect((await site.ask('POST', '/clear')).status).toBe(200)
    expect(site.stash.job.peek('j1')).toBeUndefined()
  })

  it('invalidates by tags and by key, and says per tier what happened', async () => {
    const site = setUp()
    const key = await fill(site)
    const post = (body: object) =>
      site.ask('POST', '/invalidate', { ...AUTH, 'content-type': 'application/json' }, JSON.stringify(body))
    expect(await (await post({ tags: ['resume:42'] })).json()).toMatchObject({ result: { memory: 'done' } })
    expect(site.stash.template.peek(key)).toBeUndefined()
    expect((await post({ cache_type: 'job', key: 'j1' })).status).toBe(200)
    expect(site.stash.job.peek('j1')).toBeUndefined()
    expect(JSON.stringify(site.audit)).not.toMatch(/resume:42|j1/)
  })

  const bad: [string, Record<string, string>, string | Uint8Array, number][] = [
    ['no content type', AUTH, '{"tags":["a"]}', 415],
    ['a form', { ...AUTH, 'content-type': 'application/x-www-form-urlencoded' }, 'tags=a', 415],
    ['no JSON', json, '{"tags":', 400],
    ['no UTF-8', json, new Uint8Array([0x7b, 0xff, 0x7d]), 400],
    ['an array', json, '["a"]', 400],
    ['null', json, 'null', 400],
    ['no tags', json, '{}', 400],
    ['no tag', json, '{"tags":[]}', 400],
    ['a tag that is none', json, '{"tags":[1]}', 400],
    ['an empty tag', json, '{"tags":[""]}', 400],
    ['too many tags', json, JSON.stringify({ tags: Array(101).fill('a') }), 400],
    ['an unknown field', json, '{"tags":["a"],"cache_typ":"job"}', 400],
    ['a prototype', json, '{"__proto__":{"tags":["a"]}}', 400],
    ['an unknown mode', json, '{"tags":["a"],"mode":"soft"}', 400],
    ['a namespace that is none', json, '{"tags":["resume:42"],"cache_type":null}', 400],
    ['a scope of tags', json, '{"tags":["resume:42"],"scope":"s"}', 400],
    ['a key without its namespace', json, '{"key":"j1"}', 400],
    ['too much', json, JSON.stringify({ tags: ['a'.repeat(5000)] }), 413],
  ]
  it.each(bad)('refuses a body that is %s, and changes nothing', async (_name, headers, body, status) => {
    const site = setUp()
    const key = await fill(site)
    const response = await site.ask('POST', '/invalidate', headers, body)
    expect(response.status).toBe(status)
    expect(site.stash.template.peek(key)).toBe('page')
    const text = await response.text()
    expect(text).not.toMatch(/at .*:\d+:\d+|node_modules|resume:42/)
  })

  it('gives up on a body that does not come', async () => {
    const clock = createFakeClock()
    const { handler } = setUp({ clock })
    const body = new ReadableStream<Uint8Array>({ pull: () => new Promise(() => {}) })
    const pending = handler(
      new Request(`${BASE}/invalidate`, { method: 'POST', headers: json, body, duplex: 'half' } as RequestInit),
    )
    for (let n = 0; n < 10; n++) await Promise.resolve()
    await clock.advance(5000)
    expect((await pending).status).toBe(408)
  })

  it.each([
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ])('refuses a change from another page: %o', async (headers) => {
    const site = setUp({ authorize: () => true })
    const key = await fill(site)
    expect((await site.ask('POST', '/clear', headers)).status).toBe(403)
    expect(site.stash.template.peek(key)).toBe('page')
  })

  it('limits changes', async () => {
    const clock = createFakeClock()
    const { ask } = setUp({ clock, maxChangesPerMinute: 4 })
    expect((await ask('POST', '/clear')).status).toBe(200)
    const second = await ask('POST', '/clear')
    expect([second.status, second.headers.get('retry-after')]).toEqual([429, '15'])
    await clock.advance(15_000)
    expect((await ask('POST', '/clear')).status).toBe(200)
  })
})

describe('hostile paths', () => {
  it.each([
    '/stats/../clear',
    '/..%2fclear',
    '/stats%0d%0aset-cookie:a',
    '/__proto__',
    '/constructor',
    '/xstats',
    '/stats;a=b',
    '/STATS',
    '/stats.json',
  ])('answers %s with nothing but an error', async (path) => {
    const site = setUp()
    const key = await fill(site)
    const response = await site.ask('GET', path)
    expect(response.status).toBeGreaterThanOrEqual(400)
    expect(site.stash.template.peek(key)).toBe('page')
  })

  it('answers below its base path alone, where it has one', async () => {
    const { handler } = setUp({ basePath: '/api/v1/cache/' })
    const status = async (url: string) => (await handler(new Request(url, { headers: AUTH }))).status
    expect(await status(`${BASE}/stats`)).toBe(200)
    expect(await status(BASE)).toBe(200)
    expect(await status('http://localhost/other/stats')).toBe(404)
    expect(await status('http://localhost/api/v1/cachestats')).toBe(404)
  })
})

it('marks no answer as cacheable', async () => {
  const { ask } = setUp()
  for (const path of ['/', '/stats', '/metrics', '/nowhere'])
    expect((await ask('GET', path)).headers.get('cache-control')).toBe('no-store')
})

it.each([
  ['with a space', 'correct horse battery'],
  ['with a newline', `${TOKEN}\n`],
  ['beyond ASCII', 'очень-длинный-секрет'],
])('refuses a token %s, which no header could carry', (_what, token) => {
  expect(() => adminHandler(createStash({ store: 'memory' }), { token })).toThrow(/without spaces/)
})

it('ignores what an audit throws, also later', async () => {
  const { ask } = setUp({ onAudit: (async () => Promise.reject(new Error('down'))) as () => void })
  expect((await ask('POST', '/clear')).status).toBe(200)
  // An unhandled rejection would fail the run.
  await new Promise((resolve) => setImmediate(resolve))
})

it('lets who decides read the body, and reads it once more', async () => {
  const site = setUp({
    token: undefined,
    authorize: async (request) => ((await request.json()) as { cache_type: string }).cache_type === 'template',
  })
  await site.stash.job.set('j1', 1)
  const type = { 'content-type': 'application/json' }
  expect((await site.ask('POST', '/clear', type, '{"cache_type":"template"}')).status).toBe(200)
  expect((await site.ask('POST', '/clear', type, '{"cache_type":"job"}')).status).toBe(401)
  expect(site.stash.job.peek('j1')).toBe(1)
})

it('clears nothing where somebody has read the body before', async () => {
  const stash = createStash({ store: 'memory' })
  await stash.job.set('j1', 1)
  const handler = adminHandler(stash, { authorize: () => true })
  const headers = { 'content-type': 'application/json' }
  const request = new Request('http://localhost/clear', { method: 'POST', headers, body: '{"cache_type":"template"}' })
  await request.text()
  expect((await handler(request)).status).toBe(400)
  expect(stash.job.peek('j1')).toBe(1)
})
