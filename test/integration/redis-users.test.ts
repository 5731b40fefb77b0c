import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect as connectTcp, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createStash, namespace } from '../../src/index.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { eventually, PATIENT_MS } from './redis-world.js'

// As docs/choosing-a-store.md gives them.
const COMMANDS =
  'get mget set del unlink exists getrange setrange rename scan hget hmget hset hincrby zadd zscore zcard zpopmin zrem zrange ' +
  'zremrangebyscore pttl pexpire time eval evalsha publish subscribe unsubscribe ping info'
const LEAST_RIGHTS = [
  'resetkeys',
  '~{jobs}*',
  '~{jobs:*',
  'resetchannels',
  '&{jobs}:bus',
  '-@all',
  ...COMMANDS.split(' ').map((name) => `+${name}`),
]

let server: RedisServer
const ends: (() => Promise<unknown>)[] = []

beforeEach(async () => {
  server = await startRedis()
  ends.push(() => server.stop())
})

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const things = () =>
  namespace<{ n: number }, string>({
    ttl: '1h',
    tags: () => ['t'],
    coalesce: 'cluster',
    subject: (key) => (key === 'about' ? 'user:1' : undefined),
  })

async function stashOf(store: object | string) {
  const stash = createStash({
    store: store as 'redis://',
    storeTimeout: PATIENT_MS,
    prefix: 'jobs',
    namespaces: { things: things() },
  })
  ends.push(() => stash.close())
  return stash
}

async function everyVerb(store: object | string): Promise<void> {
  const [a, b] = [await stashOf(store), await stashOf(store)]
  expect(await Promise.all([a.ready(PATIENT_MS), b.ready(PATIENT_MS)])).toEqual([true, true])
  const done = { memory: 'done', store: 'done' }
  expect(await a.things.getOrSet('loaded', () => ({ n: 1 }))).toEqual({ n: 1 })
  await eventually(async () => (await b.things.get('loaded'))?.n === 1)
  expect(await a.things.set('set', { n: 2 })).toEqual(done)
  expect(await a.things.set('large', { n: 3, text: 'x'.repeat(50_000) } as never)).toEqual(done)
  expect(await b.things.getMany(['set', 'large', 'none'])).toMatchObject([{ n: 2 }, { n: 3 }, undefined])
  expect(await a.things.expire('set')).toEqual(done)
  expect(await a.things.delete('set')).toEqual(done)
  expect(await a.invalidateTags(['t'])).toEqual(done)
  expect(await a.things.clear()).toEqual(done)
  await a.things.set('about', { n: 4 })
  expect(await a.forget('user:1')).toMatchObject({ store: 1 })
  await eventually(async () => (await b.things.get('loaded')) === undefined)
  await eventually(() => [a, b].every((stash) => stash.health().store?.bus === 'confirmed'))
  expect(a.health().store).toMatchObject({ breaker: 'closed', away: false, pending: 0 })
  expect(a.health().store?.lastError).toBeUndefined()
}

describe('a user with the least rights', () => {
  it('can do everything a stash does, and nothing is refused to it', async () => {
    await server.command('ACL', 'SETUSER', 'app', 'on', '>pw', ...LEAST_RIGHTS)
    await server.command('ACL', 'LOG', 'RESET')
    await everyVerb(`redis://app:pw@127.0.0.1:${server.port}`)
    // The sweep after the clear, too.
    await eventually(async () => ((await server.command('KEYS', '{jobs}:w:*')) as string[]).length === 0)
    const log = (await server.command('ACL', 'LOG')) as unknown[]
    expect(log.map((line) => JSON.stringify(line))).toEqual([])
  })

  it.each([
    ['to run scripts', ['-evalsha', '-eval']],
    ['to what a script runs', ['-time']],
    ['to the keys', ['resetkeys', '~{other}*']],
  ])('who lacks one, %s, is named by what it waits for, without the command', async (_what, taken) => {
    await server.command('ACL', 'SETUSER', 'app', 'on', '>pw', ...LEAST_RIGHTS, ...taken)
    const stash = await stashOf(`redis://app:pw@127.0.0.1:${server.port}`)
    expect(await stash.things.getOrSet('k', () => ({ n: 1 }))).toEqual({ n: 1 })
    await eventually(() => stash.health().store?.waitsFor === 'rights of the user (NOPERM)')
    expect(await stash.ready(0)).toBe(false)
  })
})

describe('the protocol', () => {
  it.each([2, 3] as const)('version %i does', async (RESP) => {
    await everyVerb({ url: server.url, RESP })
  })
})

describe('TLS', () => {
  it('with a certificate of a known authority; one that nobody vouches for is refused', async () => {
    const { key, cert } = certificate()
    const tls = createTlsServer({ key, cert }, (near) => {
      const far = connectTcp(server.port, '127.0.0.1')
      for (const socket of [near, far]) socket.on('error', () => {}).on('close', () => end(near, far))
      near.pipe(far).pipe(near)
    })
    tls.on('tlsClientError', () => {})
    tls.listen(0, '127.0.0.1')
    await once(tls, 'listening')
    ends.push(async () => void tls.close())
    const { port } = tls.address() as { port: number }
    await everyVerb({ url: `rediss://localhost:${port}`, socket: { tls: true, host: '127.0.0.1', ca: cert } })
    const stash = await stashOf(`rediss://127.0.0.1:${port}`)
    void stash.ready()
    await eventually(() => /CERT|SELF_SIGNED/.test(String(stash.health().store?.lastError)))
    expect(await stash.ready(0)).toBe(false)
  })
})

function end(...sockets: readonly Socket[]): void {
  for (const socket of sockets) socket.destroy()
}

/** A self-signed certificate for localhost, by the system's openssl. */
function certificate(): { key: string; cert: string } {
  const folder = mkdtempSync(join(tmpdir(), 'hopstash-tls-'))
  const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  execFileSync('openssl', [...request, ...names, '-keyout', keyFile, '-out', certFile], { stdio: 'ignore' })
  const made = { key: readFileSync(keyFile, 'utf8'), cert: readFileSync(certFile, 'utf8') }
  rmSync(folder, { recursive: true })
  return made
}
