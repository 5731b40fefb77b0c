import { createStash, namespace } from 'hopstash'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startCluster } from '../support/redis-cluster.js'
import { startSentinels } from '../support/redis-sentinels.js'
import { cli } from './cli-world.js'

const COUNT = 30
const things = namespace<{ readonly v: number }, string>({
  ttl: '1h',
  jitter: 0,
  tags: (_value, key) => [`thing:${key}`, 'all'],
})
const people = namespace<string, string>({ ttl: '1h', jitter: 0, subject: (name) => name })

/** A stash as a back end would have it: by the options of node-redis. */
function open(store: object) {
  return createStash({ store, mode: 'record', namespaces: { things, people }, storeTimeout: '10s' })
}

describe.each([
  [
    'a Cluster, by one of its nodes',
    async () => {
      const cluster = await startCluster()
      const [first] = cluster.nodes
      return { options: cluster.options, words: `--store ${first?.url}`, stop: () => cluster.stop() }
    },
  ],
  [
    'the primary that a Sentinel tells of',
    async () => {
      const { options, stop } = await startSentinels()
      const [sentinel] = options.sentinelRootNodes
      return { options, words: `--store redis://127.0.0.1:${sentinel?.port} --sentinel ${options.name}`, stop }
    },
  ],
])('%s', (_name, start) => {
  let fleet: Awaited<ReturnType<typeof start>>
  beforeAll(async () => {
    fleet = await start()
    await using stash = open(fleet.options)
    await stash.ready()
    for (let n = 0; n < COUNT; n++) await stash.things.set(`k${n}`, { v: n })
    await stash.people.set('ann', 'Ann')
  }, 120_000)
  afterAll(() => fleet.stop())
  const run = (line: string) => cli(`${line} ${fleet.words}`)
  const document = async (line: string) => JSON.parse((await run(`${line} --json`)).out)

  test('is seen as a whole', async () => {
    const { store } = await document('stats')
    expect(store.namespaces.things).toMatchObject({ entries: COUNT, sampled: COUNT })
    expect(store.namespaces.things.bytes).toBeGreaterThan(COUNT * 50)
    expect((await document('keys things --limit 0')).keys.length).toBe(COUNT)
    for (let n = 0; n < 5; n++) {
      expect((await run(`inspect hopstash:things:v1:k${n}`)).out).toContain(`thing:k${n}`)
      expect((await run(`explain hopstash:things:v1:k${n}`)).out).toMatch(/^Valid/)
    }
  })

  test('is examined by the doctor, who finds no trouble', async () => {
    const { code, out } = await run('doctor')
    expect([code, out]).toEqual([0, expect.stringContaining('no trouble')])
    if (fleet.words.includes('--sentinel')) expect(out).not.toContain('cluster')
    else
      expect(out).toMatch(
        /cluster +3 primaries, all slots are served; a stash needs \{ rootNodes: \[\{ url \}\] \} here/,
      )
  })

  test('is changed as by a stash, and other processes hear of it', async () => {
    await using other = open(fleet.options)
    await other.ready()
    expect(await other.things.get('k1')).toEqual({ v: 1 })
    expect((await run('invalidate thing:k1 --yes')).code).toBe(0)
    await expect.poll(() => other.things.peek('k1'), { timeout: 30_000 }).toBeUndefined()
    expect(await other.things.get('k2')).toEqual({ v: 2 })
    expect((await run('forget ann --yes')).code).toBe(0)
    expect(await other.people.get('ann')).toBeUndefined()
    const { code, out } = await run('clear things --yes')
    expect([code, out]).toEqual([0, expect.stringContaining('confirmed by the store')])
    expect((await document('keys things')).keys).toEqual([])
  })
})

describe('a Sentinel itself', () => {
  let sentinels: Awaited<ReturnType<typeof startSentinels>>
  beforeAll(async () => {
    sentinels = await startSentinels()
  }, 120_000)
  afterAll(() => sentinels.stop())

  test('is no store: what is missing is said, by every command', async () => {
    const [sentinel] = sentinels.options.sentinelRootNodes
    const store = `--store redis://127.0.0.1:${sentinel?.port}`
    for (const command of ['stats', 'keys', 'clear --yes', 'invalidate a --yes']) {
      const { code, err } = await cli(`${command} ${store}`)
      expect([code, err]).toEqual([
        1,
        expect.stringContaining(`--sentinel NAME, with the name of the primary: ${sentinels.options.name}`),
      ])
    }
    const { code, out } = await cli(`doctor ${store}`)
    expect([code, out]).toEqual([1, expect.stringContaining(`--sentinel NAME`)])
  })

  test('that does not know the name is a failure in words', async () => {
    const [sentinel] = sentinels.options.sentinelRootNodes
    const { code, err } = await cli(`stats --store redis://127.0.0.1:${sentinel?.port} --sentinel nobody`)
    expect([code, err]).toEqual([1, expect.stringContaining('cannot be used')])
  })
})
