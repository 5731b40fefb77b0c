import { execFile, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createStash, namespace } from 'hopstash'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { COMMANDS } from '../../src/cli/run.js'
import { keyDigestHex } from '../../src/codec/entry-header.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { type CliWorld, cli as cliHere, steady } from './cli-world.js'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis({ args: ['--maxmemory', '64mb', '--maxmemory-policy', 'allkeys-lru'] })
})
afterAll(() => server.stop())
beforeEach(() => server.command('FLUSHALL'))

const cli = (line: string | readonly string[], world: CliWorld = {}) =>
  cliHere(line, { ...world, env: { CACHE_URL: server.url, ...world.env } })
const golden = (text: string): string => steady(text, { [`127.0.0.1:${server.port}`]: '<store>' })

const things = namespace<{ readonly v: number }, string>({
  ttl: '1h',
  jitter: 0,
  tags: (_value, key) => [`thing:${key}`, 'all'],
})
const people = namespace<string, string>({ ttl: '1h', jitter: 0, subject: (name) => name })

function open(options: object = {}) {
  return createStash({
    store: server.url as `redis://${string}`,
    mode: 'record',
    namespaces: { things, people },
    ...options,
  })
}

async function filled(): Promise<void> {
  await using stash = open()
  await stash.ready()
  for (const key of ['a', 'b', 'c']) await stash.things.set(key, { v: 1 })
  await stash.people.set('ann', 'Ann')
}

describe('looking', () => {
  beforeEach(filled)

  test('stats counts entries and bytes of each namespace', async () => {
    const { code, out } = await cli('stats')
    expect(code).toBe(0)
    expect(
      golden(out)
        .replace(/\d+(\.\d+)? (B|KiB)/g, '<bytes>')
        .replace(/ +/g, ' '),
    ).toBe('<store>, prefix hopstash\nnamespace entries bytes\npeople 1 <bytes>\nthings 3 <bytes>\nall 4 <bytes>\n')
  })

  test('stats samples large namespaces, and says so', async () => {
    await using stash = open({ maxBytes: 1024 * 1024 })
    await stash.ready()
    await stash.things.setMany(Array.from({ length: 300 }, (_, index) => [`k${index}`, { v: index }] as const))
    const { out } = await cli('stats')
    expect(out).toMatch(/things +303 +~\d/)
    const { store } = JSON.parse((await cli('stats --json')).out)
    expect(store.namespaces.things).toMatchObject({ entries: 303, sampled: 200 })
    expect(store.namespaces.things.bytes).toBeGreaterThan(303 * 100)
  })

  test('stats of another prefix shows nothing of this one', async () => {
    expect((await cli('stats --prefix hop')).out).toContain('No entries.')
  })

  test('keys lists the keys of a namespace, and says when it stops before the end', async () => {
    const all = await cli('keys things')
    expect(all.out.trim().split('\n').sort()).toEqual(['a', 'b', 'c'].map((key) => `hopstash:things:v1:${key}`))
    const some = await cli('keys things --limit 2')
    expect(some.out.trim().split('\n')).toHaveLength(2)
    expect(some.err).toContain('--limit 0')
    expect(JSON.parse((await cli('keys --json --limit 4')).out)).toMatchObject({
      more: false,
      keys: expect.arrayContaining(['hopstash:people:v1:ann']),
    })
  })

  test('inspect tells what is stored, and not the value', async () => {
    const { code, out } = await cli('inspect hopstash:things:v1:a')
    expect(code).toBe(0)
    expect(golden(out).replace(/(removed in +).*/, '$1<life>')).toBe(
      `key                          hopstash:things:v1:a
namespace                    things
stored at                    {hopstash:things:v1:a}:e
size                         152 B
stored                       <instant>
fresh until                  <instant>
then served while refreshed  0ms
then served if a load fails  0ms
removed in                   <life>
took to load                 0ms
tags                         2: thing:a, all
about a subject              no
form                         msgpack
bytes                        header 148, body 4, content 4
order                        incarnation <inc>, number 1, id <id>
`,
    )
  })

  test('inspect --value tells the value, too; of a subject it tells that there is one', async () => {
    expect((await cli('inspect {hopstash:things:v1:a}:e --value')).out).toMatch(/\n\{ v: 1 \}\n$/)
    const person = JSON.parse((await cli('inspect hopstash:people:v1:ann --json --value')).out)
    expect(person).toMatchObject({ namespace: 'people', value: 'Ann', has_subject: true, tags: [], encrypted: false })
  })

  test('inspect leaves an encrypted value encrypted', async () => {
    await using stash = open({ encryption: { keys: [{ id: 'k1', key: Buffer.alloc(32, 1) }] } })
    await stash.ready()
    await stash.things.set('secret', { v: 2 })
    expect((await cli('inspect hopstash:things:v1:secret')).out).toContain('encrypted (key k1)')
    expect(await cli('inspect hopstash:things:v1:secret --value')).toMatchObject({
      code: 1,
      err: expect.stringContaining('encrypted'),
    })
  })

  test('inspect fails where there is nothing, and where there is no entry', async () => {
    expect(await cli('inspect hopstash:things:v1:none')).toMatchObject({
      code: 1,
      err: 'hopstash inspect: There is nothing at hopstash:things:v1:none.\n',
    })
    await server.command('SET', '{hopstash:things:v1:odd}:e', 'mine')
    await server.command('LPUSH', '{hopstash:things:v1:list}:e', 'mine')
    for (const key of ['odd', 'list'])
      expect(await cli(`inspect hopstash:things:v1:${key}`)).toMatchObject({
        code: 1,
        out: expect.stringContaining('foreign'),
      })
  })

  test('what others wrote into a key cannot move the cursor', async () => {
    await server.command('SET', '{hopstash:\u001b[2Jx}:e', 'mine')
    const { out } = await cli('keys --limit 0')
    expect(out).not.toContain('\u001b')
    expect(out).toContain('\\u001b[2Jx')
  })
})

describe('explain', () => {
  const explain = async (key: string): Promise<string> => (await cli(['explain', `hopstash:things:v1:${key}`])).out

  test('tells a fresh entry, and what ended one', async () => {
    await filled()
    expect(await explain('a')).toMatch(/^Valid: the next read is a hit, and it is fresh for \S+ more\.\n$/)
    expect(await explain('none')).toBe('Nothing is stored: the next read loads.\n')
    await cli('invalidate thing:a --yes')
    expect(await explain('a')).toBe(
      "Not valid: tag 'thing:a' was invalidated since it was loaded. The next read loads.\n",
    )
    await cli('invalidate thing:b --namespace things --mode expire --yes')
    expect(await explain('b')).toContain("tag 'thing:b' in namespace 'things' was expired")
    const marker = '{hopstash}:m:t//thing:c'
    expect(await server.command('DEL', marker)).toBe(1)
    expect(await explain('c')).toContain("what is known of tag 'thing:c' was evicted")
    expect(JSON.parse((await cli('explain hopstash:things:v1:c --json')).out)).toMatchObject({
      valid: false,
      next: 'load',
      reason: 'marker-absent',
    })
  })

  test('tells that the store has lost its memory', async () => {
    await filled()
    await server.command('DEL', '{hopstash}:ctl')
    await using stash = open()
    await stash.ready()
    await stash.things.set('other', { v: 1 })
    expect(await explain('a')).toContain('lost its memory')
  })

  test('asks for the prefix of a key of another stash', async () => {
    expect(await cli('explain other:things:v1:a')).toMatchObject({
      code: 2,
      err: expect.stringContaining('--prefix other'),
    })
  })
})

describe('changing', () => {
  beforeEach(filled)

  test.each(['clear', 'clear things', 'invalidate all', 'forget ann'])(
    '%s does nothing without a yes',
    async (line) => {
      const before = await server.command('DBSIZE')
      const nobody = await cli(line)
      expect(nobody).toMatchObject({ code: 2, out: '', err: expect.stringContaining('--yes') })
      const no = await cli(line, { answer: false })
      expect(no).toMatchObject({ code: 1, out: '', err: 'Nothing was changed.\n' })
      expect(no.questions).toHaveLength(1)
      expect(await server.command('DBSIZE')).toBe(before)
      expect((await cli('explain hopstash:things:v1:a')).out).toContain('Valid')
    },
  )

  test('clear empties a namespace in the store and in the memory of other processes, after a yes', async () => {
    await using stash = open()
    await stash.ready()
    expect(await stash.things.get('a')).toEqual({ v: 1 })
    const { code, out, questions } = await cli('clear things', { answer: true })
    expect([code, golden(out)]).toEqual([0, 'Namespace things cleared: confirmed by the store; 3 entries removed\n'])
    expect(questions.map(golden)).toEqual(["Clear namespace 'things' of <store> (prefix hopstash)?"])
    await expect.poll(() => stash.things.peek('a')).toBeUndefined()
    expect((await cli('keys')).out).toBe('hopstash:people:v1:ann\n')
  })

  test('clear empties the stash, and wonders about names that nothing was under', async () => {
    expect(JSON.parse((await cli('clear --yes --json')).out)).toEqual({
      cleared: '*',
      result: { store: 'done' },
      removed_entries: 4,
    })
    expect(await cli('clear thing --yes')).toMatchObject({
      code: 0,
      err: "No entries in namespace 'thing'. There are none at all: is the prefix right?\n",
    })
  })

  test('invalidate reaches other processes', async () => {
    await using stash = open()
    await stash.ready()
    await stash.things.get('a')
    expect(await cli('invalidate thing:a thing:b -y')).toMatchObject({
      code: 0,
      out: '2 tags invalidated: confirmed by the store\n',
    })
    await expect.poll(() => stash.things.peek('a')).toBeUndefined()
  })

  test('forget erases the bytes about a subject, and prints the receipt', async () => {
    expect(await cli('forget ann --yes')).toMatchObject({
      code: 0,
      out: '1 entry removed from the store; processes: announced; not covered: replicas, backups\n',
    })
    expect((await cli('keys people')).out).toBe('')
    expect((await cli('forget ann --yes')).err).toContain('HOPSTASH_SECRET')
  })

  test('forget finds what a stash with a secret has stored, by HOPSTASH_SECRET only', async () => {
    await using stash = open({ secret: 'a secret of many characters' })
    await stash.ready()
    await stash.people.set('bob', 'Bob')
    expect((await cli('forget bob --yes')).out).toContain('0 entries removed')
    expect((await cli('forget bob --yes', { env: { HOPSTASH_SECRET: 'a secret of many characters' } })).out).toContain(
      '1 entry removed',
    )
  })

  test.each(['clear', 'clear things', 'invalidate all', 'invalidate all --namespace things', 'forget ann'])(
    '%s refuses a folder, or a prefix, where no stash has been, as stats does, and makes none',
    async (line) => {
      const folder = mkdtempSync(join(tmpdir(), 'hopstash-cli-'))
      const secret = { HOPSTASH_SECRET: 'a secret of many characters' }
      try {
        for (const store of [`file:${folder}`, `file:${folder}/mistyped/x`]) {
          const looked = JSON.parse((await cli(`stats --json --store ${store}`)).err)
          const refused = await cli(`${line} --yes --json --store ${store}`, { env: secret })
          expect(refused).toMatchObject({ code: 1, out: '', err: expect.stringContaining('There is no store') })
          expect(JSON.parse(refused.err).error).toEqual({ ...looked.error, command: line.split(' ')[0] })
        }
        expect(readdirSync(folder)).toEqual([])
        expect(existsSync(join(folder, 'mistyped'))).toBe(false)
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    },
  )

  test('fails, having changed nothing, where the store is not there', async () => {
    const { code, err } = await cli('clear --yes --store redis://user:hunter2hunter2@127.0.0.1:1')
    expect(code).toBe(1)
    expect(err).toContain('127.0.0.1:1')
    expect(err).not.toContain('hunter2')
  })
})

describe('the command line', () => {
  test('--help of each command names it, its options and no other command', async () => {
    const { out } = await cli('--help')
    for (const { name, summary } of COMMANDS) expect(out).toMatch(new RegExp(`  ${name} +${summary.slice(0, 20)}`))
    for (const { name, options } of COMMANDS) {
      const help = await cli(`${name} --help`)
      expect(help.code).toBe(0)
      expect(help.out).toContain(`Usage: hopstash ${name}`)
      for (const option of options) expect(help.out).toContain(`--${option}`)
      expect((await cli(`help ${name}`)).out).toBe(help.out)
    }
  })

  test('docs/cli.md has every command, and every option of each', () => {
    const page = readFileSync('docs/cli.md', 'utf8')
    for (const { name } of COMMANDS) expect(page).toContain(`hopstash ${name}`)
    for (const option of new Set(COMMANDS.flatMap(({ options }) => options))) expect(page).toContain(`\`--${option}`)
  })

  test.each([
    ['', 'Usage'],
    ['bogus', "Unknown command 'bogus'"],
    ['stat', "Did you mean 'stats'?"],
    ['--json stats', 'Expected a command'],
    ['stats --jsom', "Did you mean '--json'?"],
    ['stats extra', "Unexpected 'extra'"],
    ['stats --yes', "Unknown option '--yes'"],
    ['inspect', 'Expected <key>'],
    ['invalidate --yes', 'Expected <tag>'],
    ['forget a b --yes', "Unexpected 'b'"],
    ['keys --limit -1', 'limit'],
    ['keys --limit many', 'whole number'],
    ['invalidate t --mode soon --yes', 'delete or expire'],
    ['stats --prefix a:b', '--prefix'],
    ['stats --store http://x', 'a URL such as'],
    ['stats --store=', '--store'],
    ['stats --store file:/x --sentinel mine', '--sentinel is for a Redis'],
    ['doctor --store file:/x --sentinel mine', '--sentinel is for a Redis'],
    ['forget ann --yes --store file:/x --sentinel mine', '--sentinel is for a Redis'],
    ['stats --store redis://u:p#w@127.0.0.1:1', 'percent-encoded'],
    ['stats --url file:/x', 'http'],
    ['warm', '--module'],
  ])('%j is not understood: exit code 2, and nothing on standard output', async (line, says) => {
    expect(await cli(line)).toMatchObject({ code: 2, out: '', err: expect.stringContaining(says) })
  })

  test('a store is needed', async () => {
    expect(await cli('keys', { env: { CACHE_URL: '' } })).toMatchObject({
      code: 2,
      err: expect.stringContaining('CACHE_URL'),
    })
  })

  test('no message shows a password', async () => {
    for (const store of [
      'redis://u:hunter2@127.0.0.1:1',
      'redis://u:hunter2@[',
      'redis://u:p@hunter2#w@127.0.0.1:1',
      'hunter2',
      'ftp://u:hunter2@h',
    ]) {
      for (const name of ['stats', 'doctor', 'clear --yes']) {
        const { code, out, err } = await cli(`${name} --store ${store}`)
        expect(code).not.toBe(0)
        expect(out + err).not.toContain('hunter2')
      }
    }
  })

  test('colours and progress are for terminals', async () => {
    await filled()
    expect((await cli('stats', { hasColours: true })).out).toContain('\u001b[1m')
    expect((await cli('stats --json', { hasColours: true })).out).not.toContain('\u001b')
    expect((await cli('stats')).out).not.toContain('\u001b')
    const { out, err } = await cli('stats', { showsProgress: true })
    expect(err).toContain('4 entries')
    expect(err.endsWith('\r\u001b[K')).toBe(true)
    expect(out).not.toContain('\u001b')
  })

  test('an interrupted command ends with 130', async () => {
    await filled()
    expect((await cli('stats', { signal: AbortSignal.abort() })).code).toBe(130)
  })

  test('the program: version, exit codes, and a process that ends by itself', async () => {
    await filled()
    expect(await program('--version')).toEqual({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+/), err: '' })
    expect((await program('stats')).out).toContain('things')
    expect(await program('clear')).toMatchObject({ code: 2, out: '', err: expect.stringContaining('--yes') })
  })
})

test.skipIf(process.platform !== 'linux')('an output that takes no more is told in a line', async () => {
  const line = `"${process.execPath}" --import tsx src/cli/main.ts stats > /dev/full`
  const env = { ...process.env, CACHE_URL: server.url, NODE_OPTIONS: '' }
  const { status, stderr } = spawnSync('sh', ['-c', line], { env, encoding: 'utf8' })
  expect([status, stderr.trim().split('\n').at(-1)]).toEqual([1, expect.stringMatching(/^hopstash: .*ENOSPC/)])
})

test.skipIf(process.platform !== 'linux')('a folder is listed with few open files, whatever lies in it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hopstash-cli-'))
  try {
    await using stash = createStash({ store: `file:${folder}`, mode: 'record', namespaces: { many: namespace() } })
    const digestOf = (name: string) => keyDigestHex(`hopstash:many:v1:${name}`)
    const names = Array.from({ length: 60_000 }, (_, at) => `k${at}`).filter((name) => digestOf(name).startsWith('00'))
    for (const name of names) await stash.many.set(name, 1)
    mkdirSync(join(folder, 'hopstash-v1', 'entries', 'many', '00', `${'0'.repeat(32)}.entry`))
    const line = `ulimit -n 100; "${process.execPath}" --import tsx src/cli/main.ts keys many --limit 0 --store "file:${folder}"`
    const { stdout } = spawnSync('sh', ['-c', line], { env: { ...process.env, NODE_OPTIONS: '' }, encoding: 'utf8' })
    expect(names.length).toBeGreaterThan(100)
    expect(stdout.match(/^hopstash:many:v1:k\d+$/gm)).toHaveLength(names.length)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

function program(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  const env = { ...process.env, CACHE_URL: server.url, NODE_OPTIONS: '' }
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['--import', 'tsx', 'src/cli/main.ts', ...words],
      { env },
      (error, out, err) => resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    )
    child.stdin?.end()
  })
}
