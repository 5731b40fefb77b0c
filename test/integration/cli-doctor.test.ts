import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createStash, namespace } from 'hopstash'
import { adminHandler, nodeHandler } from 'hopstash/admin'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { freePort, type RedisServer, startRedis } from '../support/redis-server.js'
import { cli, steady } from './cli-world.js'

const things = namespace<{ readonly v: number }, string>({
  ttl: '1h',
  jitter: 0,
  tags: (_value, key) => [`thing:${key}`],
})

interface Finding {
  readonly check: string
  readonly level: string
  readonly found: string
  readonly change?: string
}

async function examined(line: string, env: Record<string, string> = {}) {
  const { code, out } = await cli(`doctor --json ${line}`, { env })
  const { healthy, findings } = JSON.parse(out) as { healthy: boolean; findings: Finding[] }
  const levelOf = (check: string) => findings.find((finding) => finding.check === check)?.level
  const troubles = findings.filter(({ level }) => level === 'trouble').map(({ check }) => check)
  return { code, healthy, findings, levelOf, troubles }
}

describe('the doctor of a Redis', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis({ args: ['--maxmemory', '64mb', '--maxmemory-policy', 'allkeys-lru'] })
    await using stash = createStash({ store: server.url as 'redis://x', mode: 'record', namespaces: { things } })
    await stash.ready()
    await stash.things.set('a', { v: 1 })
  })
  afterAll(() => server.stop())

  test('finds nothing to change in a healthy one, and leaves it as it was', async () => {
    const before = await server.command('KEYS', '*')
    const { code, out } = await cli(`doctor --store ${server.url}`)
    expect(code).toBe(0)
    const steadied = steady(out, { [`127.0.0.1:${server.port}`]: '<store>' })
      .replace(/(Redis|Valkey) [\d.]+/, '<version>')
      .replace(/[\d.]+ MiB used/, '<used> used')
      .replace(/advice( +latency.*)\n.*->.*/, 'ok    $1')
      .replace(/no trouble, 1 piece of advice/, 'no trouble, no advice')
    expect(steadied).toBe(`ok       connection   <store> answers
ok       transport    local, or encrypted and with a password
ok       version      <version>
ok       role         primary
ok       eviction     maxmemory-policy allkeys-lru, maxmemory 64.0 MiB
ok       memory       <used> used of 64.0 MiB, 0 keys evicted since the start
ok       persistence  no append-only file: after a restart the cache is cold, or as old as its last snapshot, which onStoreRestart makes good
ok       scripts      work
ok       rights       everything a stash needs is allowed
ok       messages     arrive; 0 other processes listen
ok       latency      100 pings: p50 <ms>, p99 <ms>
ok       clock        the same as here
ok       stash        the prefix 'hopstash' is in use

no trouble, no advice
`)
    expect((await server.command('KEYS', '*')) as string[]).toEqual(before)
  })

  test('advises against noeviction, and tells of a prefix nobody uses', async () => {
    await server.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
    try {
      const { code, levelOf, findings } = await examined(`--store ${server.url} --prefix other`)
      expect([code, levelOf('eviction'), levelOf('stash')]).toEqual([0, 'advice', 'advice'])
      expect(findings.find(({ check }) => check === 'eviction')?.change).toContain('allkeys-lru')
    } finally {
      await server.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
    }
  })

  test('names the commands, keys and channels a user lacks', async () => {
    const url = server.url.replace('//', '//app:app-password@')
    const rights = async (...rules: string[]) => {
      await server.command('ACL', 'SETUSER', 'app', 'reset', 'on', '>app-password', ...rules)
      return examined(`--store ${url}`)
    }
    const documented = [
      '~{hopstash}*',
      '~{hopstash:*',
      '&{hopstash}:bus',
      '+@read',
      '+@write',
      '+@scripting',
      '+@pubsub',
      '+@connection',
      '+info',
      '+time',
    ]
    expect((await rights(...documented)).troubles).toEqual([])
    const less = await rights(...documented, '-setrange', '-zadd')
    expect(less.code).toBe(1)
    expect(less.findings).toContainEqual(
      expect.objectContaining({ check: 'rights', found: 'not allowed: setrange, zadd' }),
    )
    expect((await rights(...documented, '-eval', '-evalsha')).troubles).toContain('scripts')
    expect((await rights(...documented.filter((rule) => !rule.startsWith('&')), 'resetchannels')).troubles).toEqual([
      'messages',
    ])
    const blind = await rights(...documented, '-info')
    expect([blind.troubles, blind.levelOf('INFO')]).toEqual([[], 'advice'])
    const foreign = await rights(...documented.filter((rule) => !rule.startsWith('~')), '~other*')
    expect(foreign.troubles).toContain('scripts')
  })

  test('tells a replica, a wrong password, and nobody at all', async () => {
    await server.command('REPLICAOF', '127.0.0.1', '1')
    try {
      const { troubles, findings } = await examined(`--store ${server.url}`)
      expect(troubles).toContain('role')
      expect(findings.find(({ check }) => check === 'role')?.change).toContain('127.0.0.1:1')
    } finally {
      await server.command('REPLICAOF', 'NO', 'ONE')
    }
    const wrong = await examined(`--store ${server.url.replace('//', '//app:wrong@')}`)
    expect(wrong.findings).toEqual([
      expect.objectContaining({ check: 'connection', change: expect.stringContaining('password') }),
    ])
    const nobody = await examined('--store redis://127.0.0.1:1')
    expect([nobody.code, nobody.findings[0]?.change]).toEqual([1, expect.stringContaining('Nothing listens')])
  })
})

describe('a folder', () => {
  let folder: string
  let url: `file:${string}`
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'hopstash-cli-'))
    url = `file:${folder}`
    await using stash = createStash({ store: url, mode: 'record', namespaces: { things } })
    for (const key of ['a', 'b']) await stash.things.set(key, { v: 1 })
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const golden = (text: string): string => steady(text, { [folder]: '<folder>' })
  const entries = (): string[] =>
    readdirSync(join(folder, 'hopstash-v1', 'entries'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.entry'))
      .map((name) => join(folder, 'hopstash-v1', 'entries', name))

  test('stats, keys, inspect and explain read it, and write nothing', async () => {
    const before = readdirSync(folder, { recursive: true }).length
    const stats = await cli(`stats --store ${url}`)
    expect(golden(stats.out)).toMatch(/^<folder>, prefix hopstash\nnamespace +entries +bytes\nthings +2 +\d+ B\nall +2/)
    expect((await cli(`keys --store ${url}`)).out.trim().split('\n').sort()).toEqual([
      'hopstash:things:v1:a',
      'hopstash:things:v1:b',
    ])
    expect((await cli(`keys other --store ${url}`)).out).toBe('')
    const { out } = await cli(`inspect hopstash:things:v1:a --value --store ${url}`)
    expect(golden(out)).toMatch(/stored at +<folder>\/hopstash-v1\/entries\/things\/[0-9a-f]{2}\/[0-9a-f]{32}\.entry\n/)
    expect(out).toMatch(/tags +1: thing:a\n[\s\S]*\{ v: 1 \}\n$/)
    expect((await cli(`explain hopstash:things:v1:a --store ${url}`)).out).toBe(
      'Valid: the next read is a hit. No lifetime ends it in this folder.\n',
    )
    expect(readdirSync(folder, { recursive: true }).length).toBe(before)
  })

  test('invalidate, clear and forget go through the log', async () => {
    expect((await cli(`invalidate thing:a --yes --store ${url}`)).out).toBe(
      '1 tag invalidated: confirmed by the store\n',
    )
    expect((await cli(`explain hopstash:things:v1:a --store ${url}`)).out).toContain("tag 'thing:a' was invalidated")
    expect((await cli(`explain hopstash:things:v1:b --store ${url}`)).out).toContain('Valid')
    expect(await cli(`clear things --yes --store ${url}`)).toMatchObject({
      code: 0,
      out: 'Namespace things cleared: confirmed by the store\n',
    })
    expect((await cli(`explain hopstash:things:v1:b --store ${url}`)).out).toContain("namespace 'things' was cleared")
    expect((await cli(`forget somebody --yes --store ${url}`)).out).toContain('0 entries removed')
  })

  test('an expired and a deleted key are explained', async () => {
    await using stash = createStash({ store: url, mode: 'record', namespaces: { things } })
    await stash.things.expire('a')
    expect((await cli(`explain hopstash:things:v1:a --store ${url}`)).out).toContain('its freshness ended')
    await stash.things.delete('b')
    expect((await cli(`explain hopstash:things:v1:b --store ${url}`)).out).toContain('Nothing is stored')
  })

  test('the doctor finds a healthy folder healthy', async () => {
    const { code, out } = await cli(`doctor --store ${url}`)
    expect(code).toBe(0)
    expect(
      golden(out)
        .replace(/[\d.]+ [GM]iB free/, '<free>')
        .replace(/entries, .*/, 'entries, <size>')
        .replace(/advice( +disk.*)\n.*->.*/, 'ok    $1'),
    ).toMatch(`ok       folder       <folder>/hopstash-v1
ok       access       can be read and written
ok       disk         <free>
ok       log          can be read; 2 names in it
ok       size         2 entries, <size>
ok       permissions  for the owner alone
ok       links        none
ok       files        all whole
`)
  })

  test('the doctor finds what others may read, links, torn files, and a folder over its cap', async () => {
    const [first = '', second = ''] = entries()
    chmodSync(first, 0o644)
    truncateSync(second, statSync(second).size - 1)
    symlinkSync('/etc', join(folder, 'hopstash-v1', 'entries', 'planted'))
    writeFileSync(join(folder, 'hopstash-v1', 'entries', 'big'), 'x'.repeat(70_000), { mode: 0o600 })
    const { code, levelOf, findings } = await examined(`--store ${url} --max-bytes 65536`)
    expect(code).toBe(1)
    expect(['permissions', 'links', 'files', 'size'].map(levelOf)).toEqual(['trouble', 'trouble', 'advice', 'advice'])
    expect(findings.every(({ level, change }) => level === 'ok' || change !== undefined)).toBe(true)
    expect((await cli(`keys --store ${url}`)).out.trim().split('\n')).toHaveLength(2)
  })

  test('a folder that is not there, or is a link, is told and not made', async () => {
    const absent = await examined(`--store ${url}/none`)
    expect([absent.code, absent.levelOf('folder')]).toEqual([0, 'advice'])
    expect(await cli(`stats --store ${url}/none`)).toMatchObject({ code: 1, err: expect.stringContaining('no store') })
    mkdirSync(join(folder, 'away'))
    symlinkSync(join(folder, 'hopstash-v1'), join(folder, 'away', 'hopstash-v1'))
    expect((await examined(`--store ${url}/away`)).troubles).toEqual(['folder'])
    expect(readdirSync(folder)).not.toContain('none')
  })

  test('the doctor finds trouble where no folder can be', async () => {
    writeFileSync(join(folder, 'file'), 'x')
    symlinkSync(join(folder, 'nowhere'), join(folder, 'dangling'))
    for (const path of ['file', 'file/below', 'dangling']) {
      const { code, findings, troubles } = await examined(`--store ${url}/${path}`)
      expect([path, code, troubles, findings.length]).toEqual([path, 1, ['folder'], 1])
    }
    symlinkSync(folder, join(folder, 'self'))
    expect((await examined(`--store ${url}/self`)).levelOf('folder')).toBe('ok')
  })

  test('warm loads what a module tells, and ends with it written', async () => {
    const file = join(folder, 'warm.mjs')
    const root = new URL('../../src/index.ts', import.meta.url).href
    writeFileSync(
      file,
      `import { createStash, namespace } from ${JSON.stringify(root)}
       export const stash = createStash({ store: ${JSON.stringify(url)}, mode: 'record', namespaces: { things: namespace({ ttl: '1h' }) } })
       export const items = { things: async () => ['a', 'c', 'd'].map((key) => ({ key, load: () => { if (key === 'd') throw new Error('no d'); return { v: 2 } } })) }`,
    )
    const { code, out, err } = await cli(`warm --module ${file}`, { showsProgress: true })
    expect(code).toBe(1)
    expect(out.replace(/in .*$/, 'in <time>')).toMatch('things: 1 entry loaded, 1 there already, 1 failed, of 3')
    expect(err).toContain('no d')
    expect((await cli(`keys things --store ${url}`)).out).toContain('hopstash:things:v1:c')
  })

  test('warm refuses a module that is none, or has nothing to share', async () => {
    const file = join(folder, 'none.mjs')
    expect(await cli(`warm --module ${file}`)).toMatchObject({
      code: 1,
      err: expect.stringContaining('cannot be loaded'),
    })
    writeFileSync(file, 'export const items = {}')
    expect(await cli(`warm --module ${file}`)).toMatchObject({ code: 1, err: expect.stringContaining('`stash`') })
  })
})

describe('an admin handler', () => {
  const token = 'a-token-of-many-characters'
  let admin: Server
  let url: string
  beforeAll(async () => {
    const small = namespace<number, number>({ max: 5, ttl: '1h' })
    const stash = createStash({ store: 'memory', mode: 'record', namespaces: { small, things, rare: small } })
    for (let round = 0; round < 20; round++)
      for (let key = 0; key < 10; key++) await stash.small.getOrSet(key, () => key)
    for (let read = 0; read < 150; read++) await stash.things.getOrSet(`${read}`, () => ({ v: read }))
    await stash.rare.getOrSet(1, () => 1)
    admin = createServer(nodeHandler(adminHandler(stash, { token })))
    await new Promise<void>((resolve) => admin.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(admin.address() as { port: number }).port}/api/cache`
  })
  afterAll(() => void admin.close())

  test('stats --url shows hit rates, with the token of the environment or the command line', async () => {
    const { code, out } = await cli(`stats --url ${url}`, { env: { HOPSTASH_TOKEN: token } })
    expect(code).toBe(0)
    expect(out).toMatch(/small_cache +5\/5 +0 +200 +0\.00% +3600s/)
    const { processes } = JSON.parse((await cli(`stats --url ${url}/ --token ${token} --json`)).out)
    expect(processes.caches.small_cache.misses).toBe(200)
  })

  test('a wrong token, a wrong place and nobody fail, and no token is shown', async () => {
    const wrong = await cli(`stats --url ${url} --token wrong-token-of-many`)
    expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining('another token') })
    expect(wrong.err).not.toContain('wrong-token')
    for (const bad of ['two-\nlines', 'not-latin-ключ']) {
      const refused = await cli(`stats --url ${url}`, { env: { HOPSTASH_TOKEN: bad } })
      expect(refused).toMatchObject({ code: 2, out: '', err: expect.stringContaining('Expected the token') })
      expect(refused.err).not.toMatch(/two-|not-latin/)
    }
    // As a file that holds a secret ends.
    expect(await cli(`stats --url ${url}`, { env: { HOPSTASH_TOKEN: `${token}\n` } })).toMatchObject({ code: 0 })
    const other = createServer((request, response) => {
      response.statusCode = request.url === '/none/stats' ? 404 : 200
      response.end('{"caches":{"x":{"hits":"many"}}}')
    })
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const place = `http://127.0.0.1:${(other.address() as { port: number }).port}`
    expect(await cli(`stats --url ${place}/none`)).toMatchObject({ code: 1, err: expect.stringContaining('mounted') })
    expect(await cli(`stats --url ${place}`)).toMatchObject({ code: 1, err: expect.stringContaining('something else') })
    other.close()
    expect(await cli(`stats --url http://127.0.0.1:${await freePort()}`)).toMatchObject({
      code: 1,
      err: expect.stringContaining('ECONNREFUSED'),
    })
  })

  test('the doctor tells why hit rates are low, of namespaces that were read enough', async () => {
    const { code, findings } = await examined(`--url ${url}`, { HOPSTASH_TOKEN: token })
    expect(code).toBe(1)
    expect(findings.map(({ check, level }) => [check, level])).toEqual([
      ['small_cache', 'trouble'],
      ['things_cache', 'trouble'],
    ])
    expect(findings[0]?.found).toContain('too small')
    expect(findings[1]?.found).toContain('unstable key')
    expect((await examined(`--url ${url}`)).troubles).toEqual(['admin handler'])
  })
})
