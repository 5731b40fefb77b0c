import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { resolveCall } from '../../../src/http/call-options.js'
import { createPool, POOL_SIZES } from '../../../src/http/index.js'
import { resolveModule } from '../../../src/http/module-options.js'
import { resolvePool } from '../../../src/http/pool-options.js'
import { loadUndici } from '../../../src/http/undici.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

const invalid = expect.objectContaining({ code: 'ERR_OPTION_INVALID' })

describe('a pool', () => {
  it('has the sizes that are documented, or a number', () => {
    expect(POOL_SIZES).toEqual({ low: 10, medium: 50, high: 100 })
    expect(resolvePool({}).connections).toBe(50)
    for (const size of ['low', 'high'] as const) expect(resolvePool({ size }).connections).toBe(POOL_SIZES[size])
    expect(resolvePool({ size: 7 }).connections).toBe(7)
  })

  it.each([
    { size: 'huge' },
    { size: 0 },
    { size: 1.5 },
    { keepAlive: 0 },
    { timeouts: { connect: -1 } },
    { timeouts: { header: 1 } },
    { deadlineHeader: 'Not A Header' },
    { maxAnswerBytes: 0 },
    { sizes: 'low' },
  ])('is refused with %o', (options) => {
    expect(() => createPool(options as object)).toThrowError(invalid)
  })

  it('that lacks undici says how to install it, where it is made', () => {
    const missing = (name: string): never => {
      throw Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' })
    }
    expect(() => loadUndici(missing)).toThrowError(
      expect.objectContaining({ code: 'ERR_PEER_MISSING', message: expect.stringContaining('npm install undici@7') }),
    )
    expect(() => loadUndici(() => ({}))).toThrowError(invalid)
  })

  it('knows its modules, and each by one name', async () => {
    await using pool = createPool()
    pool.module({ baseUrl: 'https://scores.internal:8443/v1' })
    expect(pool.providers()).toMatchObject({ 'scores.internal': { origin: 'https://scores.internal:8443' } })
    expect(() => pool.module({ baseUrl: 'https://scores.internal' })).toThrowError(
      expect.objectContaining({ code: 'ERR_NAME_TAKEN' }),
    )
  })

  it('asks for all credentials at once, and says who has them', async () => {
    await using pool = createPool()
    pool.module({ name: 'a', baseUrl: 'https://a', auth: async () => 'x' })
    pool.module({ name: 'b', baseUrl: 'https://b', auth: () => undefined })
    pool.module({ name: 'c', baseUrl: 'https://c' })
    expect(pool.providers()).toMatchObject({ b: { configured: true, state: 'unknown' } })
    expect(await pool.prepare()).toMatchObject({
      a: { configured: true, state: 'unknown' },
      b: { configured: false, state: 'unconfigured' },
      c: { configured: true, state: 'unknown' },
    })
  })
})

describe('credentials that never come', () => {
  it('do not hold the start for ever', async () => {
    const clock = createFakeClock()
    await using pool = createPool({ clock })
    pool.module({ name: 'a', baseUrl: 'https://a', auth: () => new Promise(() => {}) })
    const prepared = pool.prepare()
    await clock.advance(30_000)
    expect(await prepared).toMatchObject({ a: { state: 'unknown' } })
    expect(clock.pendingTimers()).toBe(0)
  })
})

describe('a module', () => {
  it.each([
    { baseUrl: 'nonsense' },
    { baseUrl: 'ftp://a' },
    { baseUrl: 'https://user:secret@a' },
    { baseUrl: 'https://a', headers: { x: 'secret\r\ny: z' } },
    { baseUrl: 'https://a', auth: 7 },
    { baseUrl: 'https://a', output: {} },
    { baseUrl: 'https://a', timeouts: { connect: 1 } },
    { baseUrl: 'https://a', base: 'x' },
  ])('is refused with %o, without a secret', (options) => {
    const pool = createPool()
    expect(() => pool.module(options as never)).toThrowError(invalid)
    expect(() => pool.module(options as never)).not.toThrowError(/secret/)
  })
})

it.each([
  ['localhost:80/v1', 'received another text'],
  ['', 'received an empty text'],
  [undefined, 'received undefined'],
  ['http://u:secret@h', 'received one that has some'],
])('a module at %j is refused for what it is', (baseUrl, received) => {
  expect(() => createPool().module({ baseUrl: baseUrl as string })).toThrowError(received)
})

describe('a call', () => {
  const pool = resolvePool({})
  const module = resolveModule({ baseUrl: 'https://a.internal/v1?version=2' }, pool)
  const pathOf = (path: string, options = {}) => resolveCall(module, path, options).path

  it('goes below the address of its module', () => {
    expect(pathOf('/score')).toBe('/v1/score?version=2')
    expect(pathOf('')).toBe('/v1?version=2')
    expect(pathOf('/score?a=1#x')).toBe('/v1/score?version=2&a=1')
    expect(pathOf('/a/../b')).toBe('/v1/b?version=2')
    expect(pathOf('/a%2Fb/..%2Fc/')).toBe('/v1/a%2Fb/..%2Fc/?version=2')
    expect(pathOf('/é ß')).toBe('/v1/%C3%A9%20%C3%9F?version=2')
    expect(pathOf('/s', { query: { q: 'a&b', n: [1, 2], none: undefined, yes: true } })).toBe(
      '/v1/s?version=2&q=a%26b&n=1&n=2&yes=true',
    )
  })

  it.each([
    '//evil',
    'http://evil',
    '/../admin',
    '/%2e%2e/admin',
    '/a/../../admin',
    'score',
    '\\evil',
    '/..\\admin',
    '/..%2Fadmin',
    '/%2e%2e%5cadmin',
    `/items/${encodeURIComponent('../../admin')}`,
    7,
  ])('cannot leave it by %o', (path) => {
    expect(() => pathOf(path as string)).toThrowError(invalid)
  })

  it('says what is left of its budget, and keeps its idempotency key', () => {
    const context = { remainingMs: 1234.5, idempotencyKey: 'run-1-hop' }
    const { headers, repeatable, late } = resolveCall(module, '/x', { body: {}, context })
    expect(headers).toEqual({
      accept: 'application/json',
      'content-type': 'application/json',
      'idempotency-key': 'run-1-hop',
      'x-deadline-ms': '1234',
    })
    expect([repeatable, late]).toEqual([true, false])
    expect(resolveCall(module, '/x', { body: {} }).repeatable).toBe(false)
    expect(resolveCall(module, '/x', { context: { remainingMs: 0 } }).late).toBe(true)
    const own = resolveCall(module, '/x', { context, remainingMs: 5, idempotencyKey: 'own' }).headers
    expect(own).toMatchObject({ 'x-deadline-ms': '5', 'idempotency-key': 'own' })
  })

  it('takes the name of the deadline header from its module, or has none', () => {
    const named = (deadlineHeader: string | false) =>
      resolveCall(resolveModule({ baseUrl: 'https://a', deadlineHeader }, pool), '/', { remainingMs: 5 }).headers
    expect(named('grpc-timeout')).toMatchObject({ 'grpc-timeout': '5m' })
    expect(named(false)).toEqual({ accept: 'application/json' })
  })

  it.each([
    { method: 'TRACE' },
    { signal: {} },
    { retries: 3 },
    { headers: { x: 'a\nb' } },
    { idempotencyKey: 'a\r\nb' },
    { output: 7 },
    { timeouts: { body: 'soon' } },
  ])('is refused with %o', (options) => {
    expect(() => resolveCall(module, '/x', options as never)).toThrowError(invalid)
  })

  it('rejects, and does not throw, for impossible options', async () => {
    const client = createPool().module({ baseUrl: 'https://a', input: z.object({ a: z.number() }) })
    await expect(client.get('nowhere')).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' })
    await expect(client.post('/x', { a: 1 }, { output: 7 as never })).rejects.toMatchObject({
      code: 'ERR_OPTION_INVALID',
    })
  })
})
