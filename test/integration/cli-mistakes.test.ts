import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { createServer, type Server } from 'node:tls'
import { createStash, namespace } from 'hopstash'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { selfSigned } from '../support/certificate.js'
import { startSentinels } from '../support/redis-sentinels.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { type CliWorld, cli as cliHere, steady } from './cli-world.js'

const things = namespace<{ readonly v: number }, string>({ ttl: '1h', jitter: 0, tags: () => ['all'] })

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
  await using stash = createStash({
    store: server.url as `redis://${string}`,
    mode: 'record',
    namespaces: { job: things, resume: things },
  })
  await stash.ready()
  await stash.job.set('j1', { v: 1 })
  await stash.resume.set('r1', { v: 1 })
})
afterAll(() => server.stop())

const cli = (line: string | readonly string[], world: CliWorld = {}) =>
  cliHere(line, { ...world, env: { CACHE_URL: server.url, ...world.env } })

describe('a store that cannot be used', () => {
  let cluster: RedisServer
  let sentinels: Awaited<ReturnType<typeof startSentinels>>
  let secured: { readonly port: number; readonly close: () => void }
  beforeAll(async () => {
    cluster = await startRedis({ args: ['--cluster-enabled', 'yes'] })
    sentinels = await startSentinels()
    secured = await startTls(server.port)
  }, 120_000)
  afterAll(async () => {
    secured.close()
    await cluster.stop()
    await sentinels.stop()
  })

  const sentinelPort = () => sentinels.options.sentinelRootNodes[0]?.port
  const NO_DATABASE =
    'Correct the number at the end of the URL: there are 0 to 15, unless `databases` of the server says more.'
  test.each([
    [() => `redis://127.0.0.1:${server.port}/99`, '', '<at> cannot be used: it has no database 99', NO_DATABASE],
    [
      () => `rediss://127.0.0.1:${server.port}`,
      '',
      '<at> cannot be used: it does not speak TLS (<word>)',
      'Use redis:// instead of rediss://, or the port on which it does.',
    ],
    [
      () => `redis://127.0.0.1:${secured.port}`,
      '',
      '<at> cannot be used: it speaks TLS (<word>)',
      'Use rediss:// instead of redis://.',
    ],
    [
      () => `rediss://127.0.0.1:${secured.port}`,
      '',
      '<at> cannot be used: DEPTH_ZERO_SELF_SIGNED_CERT',
      'The certificate is not trusted: NODE_EXTRA_CA_CERTS names a file with the authority.',
    ],
    [
      () => `redis://127.0.0.1:${server.port}`,
      'mine',
      'mine at <at> cannot be used: it is a Redis, and no Sentinel',
      'Leave out --sentinel, or give the URL of a Sentinel.',
    ],
    [
      () => `redis://127.0.0.1:${sentinelPort()}`,
      'nobody',
      "nobody at <at> cannot be used: the Sentinel knows no primary called 'nobody'",
      'Correct --sentinel. It knows hopstash-primary.',
    ],
    [
      () => `redis://127.0.0.1:${sentinelPort()}/99`,
      'hopstash-primary',
      'hopstash-primary at <at> cannot be used: the primary has no database 99',
      NO_DATABASE,
    ],
    [
      () => `redis://127.0.0.1:${cluster.port}`,
      '',
      '<at> cannot be used: the Cluster is down (CLUSTERDOWN)',
      'Slots of the Cluster have no primary: start those that are down, or assign the slots; redis-cli --cluster check names them.',
    ],
    [
      () => `redis://127.0.0.1:${cluster.port}/3`,
      '',
      '<at> cannot be used: it is a Cluster, and has no database 3',
      'Leave the number out of the URL.',
    ],
  ])('is told with what is wrong and what to do, by every command (%#)', async (urlOf, sentinel, found, change) => {
    const url = urlOf()
    const words = ['--store', url, ...(sentinel === '' ? [] : ['--sentinel', sentinel])]
    const plain = (text: string) =>
      text.replace(/127\.0\.0\.1:\d+/g, '<at>').replace(/\((?!CLUSTERDOWN)\w+\)/g, '(<word>)')
    const examined = await cli(['doctor', ...words, '--json'])
    const { findings } = JSON.parse(plain(examined.out))
    expect([examined.code, findings]).toEqual([1, [{ check: 'connection', level: 'trouble', found, change }]])
    const { code, out, err } = await cli(['stats', ...words])
    expect([code, out, plain(err)]).toEqual([1, '', `hopstash stats: The store at ${found}. ${change}\n`])
  })

  test('is looked at again without a credential', async () => {
    const heard: string[] = []
    const proxy = await startTls(server.port, (text) => void heard.push(text))
    const { code, err } = await cli(`stats --store redis://user:hunter2@127.0.0.1:${proxy.port}`)
    expect([code, err.includes('speaks TLS')]).toEqual([1, true])
    expect(heard.join('')).toContain('PING')
    expect(heard.join('')).not.toContain('hunter2')
    proxy.close()
  })
})

describe('a namespace without entries', () => {
  test('is told by keys, with those that have some, and the one that may be meant', async () => {
    expect(await cli('keys jobb')).toMatchObject({
      code: 0,
      out: '',
      err: "No entries in namespace 'jobb'. There are some in job, resume. Did you mean 'job'?\n",
    })
    expect(JSON.parse((await cli('keys jobb --json')).out)).toEqual({
      keys: [],
      more: false,
      namespaces: ['job', 'resume'],
    })
    expect(JSON.parse((await cli('keys job --json')).out)).toEqual({ keys: ['hopstash:job:v1:j1'], more: false })
    expect((await cli('keys --prefix other')).err).toBe('No entries: is the prefix right?\n')
    expect((await cli('keys job --prefix other')).err).toContain('There are none at all')
  })

  test('is told by invalidate and clear, which do it all the same', async () => {
    expect(await cli('invalidate all --namespace nope --yes')).toMatchObject({
      code: 0,
      out: "1 tag invalidated in namespace 'nope': confirmed by the store, which has no entries in that namespace\n",
      err: "No entries in namespace 'nope'. There are some in job, resume.\n",
    })
    expect(JSON.parse((await cli('invalidate all --namespace nope --yes --json')).out)).toEqual({
      tags: ['all'],
      namespace: 'nope',
      mode: 'delete',
      result: { store: 'done' },
      namespaces: ['job', 'resume'],
    })
    expect(await cli('clear resum --yes')).toMatchObject({
      code: 0,
      out: 'Namespace resum cleared: confirmed by the store; 0 entries removed\n',
      err: "No entries in namespace 'resum'. There are some in job, resume. Did you mean 'resume'?\n",
    })
    expect((await cli('explain hopstash:job:v1:j1')).out).toContain('Valid')
    expect(await cli('invalidate none --namespace job --yes')).toMatchObject({
      code: 0,
      out: "1 tag invalidated in namespace 'job': confirmed by the store\n",
      err: '',
    })
  })
})

describe('a command line that cannot be meant', () => {
  test.each([
    [['invalidate', '', '--yes'], 'Expected <tag>..., and got an empty text.'],
    [['invalidate', 'all', '', '--yes'], 'Expected <tag>..., and got an empty text.'],
    [['forget', '', '--yes'], 'Expected <subject>, and got an empty text.'],
    [['clear', '', '--yes'], 'Expected [namespace], and got an empty text.'],
    [['keys', ''], 'Expected [namespace], and got an empty text.'],
    [['inspect', ''], 'Expected <key>, and got an empty text.'],
    [['invalidate', 'all', '--namespace', '', '--yes'], 'Expected something behind --namespace.'],
    [
      ['keys', '--limit', '-1'],
      'Expected something behind --limit; what begins with a dash goes behind an equals sign, --limit=-x.',
    ],
    [['keys', '--limit=-1'], 'Expected --limit to be a whole number from 0.'],
    [['keys', '--limit=1e3'], 'Expected --limit to be a whole number from 0.'],
    [['stats', '--store', 'redis://a', '--store', 'redis://b'], '--store is given twice.'],
    [['clear', '--prefix=a', '--yes', '--prefix=b'], '--prefix is given twice.'],
  ])('%j: exit code 2, and nothing is asked', async (words, says) => {
    const { code, out, err } = await cli(words)
    const help = `See hopstash ${words[0]} --help.\n`
    expect([code, out, err]).toEqual([2, '', `hopstash ${words[0]}: ${says}\n${help}`])
  })

  test('a switch may be said twice', async () => {
    expect((await cli('keys job --json --json')).code).toBe(0)
  })
})

describe('with --json an error is a document on standard error, and the exit code is the same', () => {
  const tokens = { signal: AbortSignal.abort() }
  test.each<[string, CliWorld, object]>([
    ['bogus --json', {}, { command: null, kind: 'usage', message: "Unknown command 'bogus'.", exit_code: 2 }],
    ['stats --jsom --json', {}, { command: 'stats', kind: 'usage', exit_code: 2 }],
    ['stats --json --store http://x', {}, { command: 'stats', kind: 'usage', exit_code: 2 }],
    ['clear --json', {}, { command: 'clear', kind: 'usage', exit_code: 2 }],
    [
      'clear --json',
      { answer: false },
      { command: 'clear', kind: 'declined', message: 'Nothing was changed.', exit_code: 1 },
    ],
    ['inspect hopstash:job:v1:no --json', {}, { command: 'inspect', kind: 'failed', exit_code: 1 }],
    ['stats --json --store redis://127.0.0.1:1', {}, { command: 'stats', kind: 'failed', exit_code: 1 }],
    ['stats --json', tokens, { command: 'stats', kind: 'interrupted', message: 'Interrupted.', exit_code: 130 }],
  ])('%s', async (line, world, error) => {
    const { code, out, err } = await cli(line, world)
    expect(out).toBe('')
    const lines = err.trimEnd().split('\n')
    expect(lines).toHaveLength(1)
    const document = JSON.parse(lines[0] as string)
    expect(document).toEqual({ error: { command: null, message: expect.any(String), ...error } })
    expect(code).toBe(document.error.exit_code)
    const plain = await cli(line.replace(/ --json/g, ''), world)
    expect([plain.code, steady(plain.err).startsWith('{')]).toEqual([code, false])
  })

  test('behind a double dash --json is a word', async () => {
    const { code, err } = await cli(['inspect', '--', '--json'])
    expect([code, err.startsWith('hopstash inspect:')]).toEqual([2, true])
  })

  test('docs/cli.md says so', () => {
    expect(readFileSync('docs/cli.md', 'utf8').includes('{"error":{"command":')).toBe(true)
  })
})

/** A port that speaks TLS, before a Redis that does not; tells what is said to it. */
async function startTls(port: number, onText: (text: string) => void = () => {}) {
  const proxy: Server = createServer(selfSigned(), (socket) => {
    const upstream = connect(port, '127.0.0.1')
    socket.on('data', (bytes) => onText(bytes.toString()))
    for (const each of [socket, upstream]) each.on('error', () => {})
    socket.pipe(upstream).pipe(socket)
  })
  proxy.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  return { port: (proxy.address() as { port: number }).port, close: () => void proxy.close() }
}
