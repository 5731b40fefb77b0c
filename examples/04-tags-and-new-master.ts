// The two rules of a job-search back end, with loads under way: a new master resume, and an ingestion run.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { createStash, preset, presets } from 'hopstash'

const stash = createStash({
  namespaces: {
    ...presets,
    evaluation: preset('evaluation').as<string>(),
    tailoredResume: preset('tailoredResume').as<string>(),
    jobFeed: preset('jobFeed').as<readonly string[]>(),
  },
})
let master = 'first'
let openJobs: readonly string[] = ['j1']

const slowly = async (text: () => string): Promise<string> => {
  const seen = text() // what a long call has read at its start
  await sleep(30)
  return seen
}
const resume = { name: 'Ada' }
const evaluate = () =>
  stash.evaluation.getOrSet({ jobId: 'j1', resume, resumeId: '42' }, () => slowly(() => `of the ${master} master`))
const tailor = () =>
  stash.tailoredResume.getOrSet({ jobId: 'j1', baseResume: resume, resumeId: '42' }, () => slowly(() => master))
const feed = () => stash.jobFeed.getOrSet({ query: 'node', page: 1 }, async () => openJobs)

// Rule 1. Change the record first, then invalidate; both calls are under way.
const before = Promise.all([evaluate(), tailor()])
master = 'second'
await stash.invalidateTags(['resume:42'])
const after = Promise.all([evaluate(), tailor()])
console.log('asked before:', await before)
console.log('asked after: ', await after)
assert.deepEqual(await before, ['of the first master', 'first'])
assert.deepEqual(await after, ['of the second master', 'second'])
assert.deepEqual(await Promise.all([evaluate(), tailor()]), ['of the second master', 'second'])

// Rule 2. An ingestion run changes the feed and its jobs.
await feed()
await stash.job.set('j1', { title: 'Engineer' })
openJobs = ['j1', 'j2']
await stash.invalidateTags(['feed', 'job:j1'])
assert.deepEqual(await feed(), ['j1', 'j2'])
assert.equal(stash.job.peek('j1'), undefined)
// `job:j1` is a tag of the evaluation, too.
assert.equal(await stash.evaluation.has({ jobId: 'j1', resume, resumeId: '42' }), false)
await stash.close()
