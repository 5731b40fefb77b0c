import { createStash, preset, presets } from 'hopstash'
import type { Evaluation, Job, Resume } from './upstreams.js'

/** The namespaces of a job board: sizes and lifetimes are the presets' but for single jobs, whose whole table has to fit. */
export function createBoardStash() {
  return createStash({
    store: 'memory',
    namespaces: {
      ...presets,
      job: preset('job', { max: 5_000 }).as<Job>(),
      evaluation: preset('evaluation').as<Evaluation>(),
      tailoredResume: preset('tailoredResume').as<string>(),
      resume: preset('resume').as<Resume>(),
    },
  })
}

export type BoardStash = ReturnType<typeof createBoardStash>
