import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createStash, preset, presets } from '../../src/index.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { eventually, PATIENT_MS, pause } from './redis-world.js'

let server: RedisServer

beforeAll(async () => {
  server = await startRedis()
})

afterAll(() => server.stop())

/** One instance of a back end: the web process, or the one that ingests. */
async function openBackEnd() {
  const stash = createStash({
    store: server.url as `redis://${string}`,
    storeTimeout: PATIENT_MS,
    namespaces: {
      ...presets,
      evaluation: preset('evaluation').as<string>(),
      tailoredResume: preset('tailoredResume').as<string>(),
      jobFeed: preset('jobFeed').as<string[]>(),
      job: preset('job').as<string>(),
    },
  })
  expect(await stash.ready(PATIENT_MS)).toBe(true)
  return stash
}

function slowLoad<T>() {
  let [begin, end]: [() => void, (value: T) => void] = [() => {}, () => {}]
  const begun = new Promise<void>((resolve) => {
    begin = resolve
  })
  const value = new Promise<T>((resolve) => {
    end = resolve
  })
  const loader = (): Promise<T> => {
    begin()
    return value
  }
  return { loader, begun, end }
}

describe('the two rules of a back end, from another process and with loads in flight', () => {
  it('a new master resume makes every evaluation and tailored resume of the old one a miss', async () => {
    const [web, editor] = [await openBackEnd(), await openBackEnd()]
    const key = { jobId: 'j1', resumeId: '42', resume: { skills: ['SQL'] } }
    const base = { jobId: 'j1', resumeId: '42', baseResume: { skills: ['SQL'] } }
    const other = { jobId: 'j1', resumeId: '43', resume: { skills: ['Go'] } }
    await web.evaluation.set(key, 'of the old resume')
    await web.evaluation.set(other, 'of another resume')
    const load = slowLoad<string>()
    const tailoring = web.tailoredResume.getOrSet(base, load.loader)
    await load.begun
    expect(await editor.invalidateTags(['resume:42'])).toMatchObject({ store: 'done' })
    await eventually(() => web.evaluation.peek(key) === undefined)
    load.end('of the old resume')
    expect(await tailoring).toBe('of the old resume')
    await pause(50)
    for (const stash of [web, editor]) {
      expect(await stash.evaluation.get(key)).toBeUndefined()
      expect(await stash.tailoredResume.get(base)).toBeUndefined()
      expect(await stash.evaluation.get(other)).toBe('of another resume')
    }
    expect(await editor.tailoredResume.getOrSet(base, () => 'of the new resume')).toBe('of the new resume')
    await eventually(async () => (await web.tailoredResume.get(base)) === 'of the new resume')
    await Promise.all([web.close(), editor.close()])
  })

  it('an ingestion run invalidates the feed and its jobs, and no other job', async () => {
    const [web, ingestion] = [await openBackEnd(), await openBackEnd()]
    const feed = { query: 'node', page: 1 }
    await web.job.set('j1', 'before')
    await web.job.set('j9', 'untouched')
    const load = slowLoad<string[]>()
    const reading = web.jobFeed.getOrSet(feed, load.loader)
    await load.begun
    expect(await ingestion.invalidateTags(['feed', 'job:j1'])).toMatchObject({ store: 'done' })
    load.end(['j1'])
    expect(await reading).toEqual(['j1'])
    await eventually(() => web.job.peek('j1') === undefined)
    await pause(50)
    for (const stash of [web, ingestion]) {
      expect(await stash.jobFeed.get(feed)).toBeUndefined()
      expect(await stash.job.get('j1')).toBeUndefined()
      expect(await stash.job.get('j9')).toBe('untouched')
    }
    await Promise.all([web.close(), ingestion.close()])
  })
})
