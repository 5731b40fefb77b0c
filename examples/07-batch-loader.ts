// Many keys, one query for those that are missing; rows in any order find their keys.
import assert from 'node:assert/strict'
import { createStash, preset, presets } from 'hopstash'

interface Job {
  readonly id: string
  readonly title: string
}
const stash = createStash({ namespaces: { ...presets, job: preset('job').as<Job>() } })

const queries: string[][] = []
async function findJobs(ids: readonly (string | number)[]): Promise<Job[]> {
  queries.push(ids.map(String))
  const rows = ids.filter((id) => id !== 'gone').map((id) => ({ id: String(id), title: `Job ${id}` }))
  return rows.reverse()
}
const page = (ids: string[]) => stash.job.getOrSetMany(ids, findJobs, { by: (job) => job.id })

const first = await page(['j1', 'j2', 'gone'])
console.log(first)
assert.deepEqual(
  first.map((job) => job?.id),
  ['j1', 'j2', undefined],
)

await page(['j2', 'j3', 'j1']) // two of the three are there
await stash.invalidateTags(['job:j1']) // each row was stored under its own key, with its own tag
await page(['j1', 'j2', 'j3'])
console.log(queries)
assert.deepEqual(queries, [['j1', 'j2', 'gone'], ['j3'], ['j1']])
await stash.close()
