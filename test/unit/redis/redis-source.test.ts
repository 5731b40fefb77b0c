import { describe, expect, it } from 'vitest'
import { fortified } from '../../../src/redis/node-redis.js'
import { resolveSource } from '../../../src/redis/redis-source.js'

describe('where a Redis is', () => {
  it.each([
    ['redis://127.0.0.1', '127.0.0.1:6379', 0],
    ['valkey://localhost:7000/3', 'localhost:7000', 0],
    ['redis://[::1]:6400', '::1:6400', 0],
    ['rediss://user:p%40ss@cache.example:6390?db=2', 'cache.example:6390', 0],
    ['valkeys://:secret@cache.example', 'cache.example:6379', 0],
    ['redis://:secret@cache.example', 'cache.example:6379', 1],
    ['redis://cache.example', 'cache.example:6379', 2],
  ])('understands %s', (url, address, warnings) => {
    const source = resolveSource(url)
    expect(source.address).toBe(address)
    expect(source.warnings).toHaveLength(warnings)
    expect(JSON.stringify(source)).not.toMatch(/secret|p@ss/)
  })

  it.each([
    'htp://secret@x',
    'redis://',
    'not a url with secret',
    'redis://:secret@host/one',
    'redis://:%E0%A4%A@secret',
    '',
  ])('refuses %s without repeating it', (url) => {
    const message = refusal(() => resolveSource(url))
    expect(message).toMatch(/Expected `store` to be a URL/)
    expect(message).not.toContain('secret')
  })

  it('takes options of node-redis, a client, or what carries one', () => {
    expect(resolveSource({ socket: { host: 'a.example', port: 1 }, password: 'x' }).address).toBe('a.example:1')
    expect(resolveSource({ socket: { path: '/run/redis.sock' } })).toMatchObject({
      address: '/run/redis.sock',
      warnings: [],
    })
    expect(resolveSource({ url: 'rediss://:x@b.example', database: 1 }).warnings).toEqual([])
    const copies: unknown[] = []
    const client = {
      options: { socket: { host: 'c.example', port: 2, tls: true }, username: 'u' },
      sendCommand: () => {},
      duplicate: (overrides: unknown) => copies.push(overrides),
    }
    for (const given of [client, { client }]) {
      const source = resolveSource(given as never)
      expect(source.address).toBe('c.example:2')
      void source.create()
    }
    expect(copies).toHaveLength(2)
    expect(copies[0]).toMatchObject({
      username: 'u',
      disableOfflineQueue: true,
      socket: { host: 'c.example', tls: true },
    })
  })

  it('refuses a cluster and a sentinel, which it cannot keep its promises on', () => {
    for (const many of [{ slots: [], sendCommand() {}, duplicate() {} }, { client: { sentinelRootNodes: [] } }]) {
      expect(refusal(() => resolveSource(many as never))).toMatch(/Clusters and Sentinels are not supported/)
    }
  })

  it('overrules whatever lets a client hang, and keeps what it does not know', () => {
    const own = {
      socket: { host: 'h', socketTimeout: 0, reconnectStrategy: () => 1, keepAlive: false },
      name: 'app',
      pingInterval: 9,
    }
    expect(fortified(own)).toMatchObject({
      name: 'app',
      disableOfflineQueue: true,
      commandsQueueMaxLength: 10_000,
      socket: { host: 'h', keepAlive: false, connectTimeout: 1000, socketTimeout: 1500, reconnectStrategy: false },
    })
    expect(fortified(own)).toHaveProperty('pingInterval', undefined)
  })
})

function refusal(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_OPTION_INVALID' })
    return (error as Error).message
  }
  return expect.unreachable()
}
