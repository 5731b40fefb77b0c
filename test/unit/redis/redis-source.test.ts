import KeyvRedis, { createKeyv } from '@keyv/redis'
import { Keyv } from 'keyv'
import { describe, expect, it } from 'vitest'
import { createStash } from '../../../src/cache/stash.js'
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

  it.each([
    'redis://u:p@secret#w@host',
    'redis://u:secret@host#w',
    'redis://secret#w@host',
    'redis://u:100%secret@host',
    'redis://u:6380#secret@host',
    'redis://u:p@secret@host',
    ' rediss://u:p@secret#w@host',
    'valkey://u:6380?secret@host',
    'valkeys://u:6380/1?secret@host&db=1',
    'redis://u:6380/secret@host?db=1',
  ])('refuses %s, for what looks like the host may be a piece of the password', (url) => {
    for (const source of [url, { url }, { rootNodes: [{ url }] }]) {
      const message = refusal(() => resolveSource(source))
      expect(message).toContain('percent-encoded')
      expect(message).toMatch(/received '(redis|rediss|valkey|valkeys):\/\/…'|received 'a text without a scheme'/)
      expect(message).not.toMatch(/secret|6380|host|u:/)
    }
  })

  it('takes options of node-redis, a client, or what carries one', () => {
    expect(resolveSource({ socket: { host: 'a.example', port: 1 }, password: 'x' }).address).toBe('a.example:1')
    expect(resolveSource({ socket: { path: '/run/redis.sock' } })).toMatchObject({
      address: '/run/redis.sock',
      warnings: [],
    })
    expect(resolveSource({ url: 'rediss://:x@b.example', database: 1 }).warnings).toEqual([])
  })

  it('is one place for one user with the same certificates, as texts or as they were read from a file', () => {
    const identityOf = (ca: unknown, password = 'x'): string | undefined =>
      resolveSource({ url: `rediss://:${password}@h`, socket: { tls: true, ca } }).identity
    expect(identityOf(Buffer.from('one'))).toBe(identityOf(Buffer.from('one')))
    expect(identityOf([Buffer.from('one')])).toBe(identityOf([Buffer.from('one')]))
    const all = [
      identityOf('one'),
      identityOf(Buffer.from('one')),
      identityOf(Buffer.from('two')),
      identityOf('one', 'y'),
    ]
    expect(new Set(all).size).toBe(4)
    expect(all).not.toContain(undefined)
    expect(identityOf({ some: () => 'object' })).toBeUndefined()
  })

  it("makes a client of its own of another's options: of whatever major that one is, it answers in its own way", async () => {
    const client = {
      isOpen: true,
      options: {
        socket: { host: 'c.example', port: 2, tls: true },
        username: 'u',
        password: 'secret',
        modules: { json: { get: { transformArguments: () => ['JSON.GET'] } } },
        scripts: { add: {} },
        functions: { lib: {} },
        legacyMode: true,
      },
      sendCommand: () => expect.unreachable(),
      duplicate: () => expect.unreachable(),
    }
    for (const given of [client, { client }, { get() {}, set() {}, delete() {}, store: { client } }]) {
      const source = resolveSource(given as never)
      expect(source).toMatchObject({ address: 'c.example:2', warnings: [] })
      const made = await source.create()
      expect(made).not.toBe(client)
      expect(made.options).toMatchObject({
        username: 'u',
        password: 'secret',
        disableOfflineQueue: true,
        socket: { host: 'c.example', tls: true, socketTimeout: 1500 },
      })
      for (const name of ['modules', 'scripts', 'functions', 'legacyMode'])
        expect(made.options).not.toHaveProperty(name)
    }
  })

  it.each([
    ['a KeyvRedis', () => new KeyvRedis('redis://kept.example:7')],
    ['a Keyv with one in it', () => new Keyv({ store: new KeyvRedis('redis://kept.example:7'), namespace: 'own' })],
    ['what `createKeyv` returns', () => createKeyv('redis://kept.example:7')],
  ])('takes the client of %s: all that holds with Redis holds with it', async (_what, make) => {
    const stash = createStash({ store: make() })
    expect(stash.health().store).toMatchObject({ kind: 'redis', address: 'kept.example:7' })
    await stash.close()
  })

  it('takes a Cluster: options, with what holds for all nodes, or its client', async () => {
    const rootNodes = [{ url: 'rediss://u:secret@a.example:1' }, { socket: { host: 'b.example', port: 2, tls: true } }]
    const nodeAddressMap = { 'inner:6379': { host: 'outer', port: 7 } }
    for (const given of [
      { rootNodes, nodeAddressMap },
      { slots: [], _options: { rootNodes, nodeAddressMap } },
      { client: { slots: [], _options: { rootNodes, nodeAddressMap } } },
    ]) {
      const source = resolveSource(given as never)
      expect(source).toMatchObject({ address: 'a.example:1,b.example:2', warnings: [], moves: true })
      expect(source.cluster?.translate({ host: 'inner', port: 6379 })).toEqual({ host: 'outer', port: 7 })
      expect(source.cluster?.translate({ host: 'other', port: 1 })).toEqual({ host: 'other', port: 1 })
      expect(JSON.stringify(source)).not.toContain('secret')
      const client = await source.cluster?.createAt({ host: 'c.example', port: 3 })
      expect(client?.options).toMatchObject({
        username: 'u',
        password: 'secret',
        socket: { host: 'c.example', port: 3, tls: true, socketTimeout: 1500 },
      })
    }
  })

  it('takes options of a Sentinel', () => {
    const options = { name: 'mine', sentinelRootNodes: [{ host: 's', port: 1 }], nodeClientOptions: { password: 'x' } }
    expect(resolveSource(options)).toMatchObject({ address: 'mine at s:1', moves: true })
  })

  it('judges how safe a Sentinel is by where the sentinels are, and by what the servers are reached with', () => {
    const here = [{ host: '127.0.0.1', port: 1 }]
    const there = [...here, { host: 's', port: 1 }]
    const warningsOf = (sentinelRootNodes: typeof here, nodeClientOptions = {}) =>
      resolveSource({ name: 'mine', sentinelRootNodes, nodeClientOptions }).warnings.length
    expect(warningsOf(here)).toBe(0)
    expect(warningsOf(there)).toBe(2)
    expect(warningsOf(there, { password: 'x', socket: { tls: true } })).toBe(0)
  })

  it.each([
    ['a cluster client that does not tell its options', { slots: [] }, /pass them instead/],
    ['a sentinel client, which keeps its own', { client: { getMasterNode() {} } }, /pass them instead/],
    ['a Cluster without nodes', { rootNodes: [] }, /rootNodes/],
    [
      'a Sentinel of which one is a URL, and would be looked for here',
      { name: 'mine', sentinelRootNodes: [{ host: 's', port: 1 }, { url: 'redis://t:2' }] },
      /sentinelRootNodes/,
    ],
    ['Sentinels of which there is none', { name: 'mine', sentinelRootNodes: [] }, /sentinelRootNodes/],
    ['a Sentinel without a name', { sentinelRootNodes: [{ host: 's', port: 1 }] }, /sentinelRootNodes/],
    ['a node that is none', { rootNodes: [null] }, /rootNodes.* received an array of 1/],
    ['a node that is a text', { rootNodes: ['redis://h'] }, /rootNodes.* received an array of 1/],
    ['nodes that are none', { rootNodes: 'redis://h' }, /rootNodes/],
    ['a URL that is a number', { url: 6379 }, /a URL such as .* received 6379/],
    ['a URL that is null', { url: null }, /a URL such as .* received null/],
    ['a URL that is an object', { url: new URL('redis://h') }, /a URL such as .* received an object \(URL\)/],
    ['a URL of a node that is none', { rootNodes: [{ url: 1 }] }, /a URL such as .* received 1/],
    ['a socket that is a text', { socket: 'h:6379' }, /socket.*host, port/],
    ['a socket that is null', { socket: null }, /socket.*host, port/],
    ['a socket of a node that is a text', { rootNodes: [{ socket: 'h:6379' }] }, /socket.*host, port/],
  ])('refuses %s', (_what, source, message) => {
    const said = refusal(() => resolveSource(source as never))
    expect(said).toMatch(message)
    expect(said).not.toContain('a symbol')
  })

  it('names what to give instead of the client of another package, and of a place without a URL', () => {
    const foreign = { sendCommand() {}, duplicate() {}, client() {}, del() {} }
    const pool = { sendCommand() {}, isOpen: false, execute() {} }
    for (const store of [foreign, pool])
      expect(refusal(() => createStash({ store }))).toMatch(/clients of other packages.*URL/)
    expect(refusal(() => createStash({ store: { host: 'h', port: 6379 } }))).toContain('`{ socket: { host, port } }`')
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
