import express, { type Express } from 'express'
import { createDeduper } from 'hopstash'
import { adminHandler } from 'hopstash/admin'
import { cacheResponse, expressHandler } from 'hopstash/integrations/express'
import type { BoardStash } from './stash.js'
import type { Job, Upstreams } from './upstreams.js'

/** The same back end with a stash in front of what it pays for. */
export function createCachedApp(upstreams: Upstreams, stash: BoardStash, token: string): Express {
  const once = createDeduper()
  const app = express().use(express.json())

  // One load of the table fills every entry: a thousand jobs opened after it cost nothing.
  const fillJobs = () =>
    once('table', async () => {
      const table = await upstreams.loadTable()
      await stash.job.setMany(table.map((job) => [job.id, job] as const))
      return new Map(table.map((job) => [job.id, job]))
    })
  const findJob = async (id: string): Promise<Job | undefined> => stash.job.peek(id) ?? (await fillJobs()).get(id)
  const readMaster = () => stash.resume.getOrSet('master', () => upstreams.readResume())

  app.get(
    '/api/jobs',
    cacheResponse({ in: stash.jobFeed, tags: ['feed'], query: ['page'], shared: true }),
    async (request, response) => {
      response.json(await upstreams.queryPage(Number(request.query.page ?? 1)))
    },
  )
  app.get('/api/jobs/:id', async (request, response) => {
    const job = await findJob(request.params.id)
    response.status(job === undefined ? 404 : 200).json(job ?? { error: 'no such job' })
  })
  app.get('/api/resumes/master', async (_request, response) => {
    response.json(await readMaster())
  })
  // The rule of a new master: its evaluations and tailored resumes are void, also those being made right now.
  app.put('/api/resumes/master', async (request, response) => {
    const { version } = await readMaster()
    const next = { id: 'master', version: version + 1, text: request.body.text }
    const saved = await stash.resume.writeThrough('master', next, upstreams.saveResume)
    await stash.invalidateTags(['resume:master'])
    response.json(saved)
  })
  app.post('/api/evaluations/:id', async (request, response) => {
    const [job, resume] = await Promise.all([findJob(request.params.id), readMaster()])
    if (job === undefined) {
      response.status(404).json({ error: 'no such job' })
      return
    }
    const key = { jobId: job.id, resumeVersion: resume.version, resumeId: resume.id }
    response.json(await stash.evaluation.getOrSet(key, () => upstreams.evaluate(job, resume)))
  })
  app.post('/api/resumes/tailor', async (request, response) => {
    const [job, resume] = await Promise.all([findJob(request.body.jobId), readMaster()])
    if (job === undefined) {
      response.status(404).json({ error: 'no such job' })
      return
    }
    const key = { jobId: job.id, baseResume: resume, resumeId: resume.id }
    response.json({ text: await stash.tailoredResume.getOrSet(key, () => upstreams.tailor(job, resume)) })
  })
  // The rule of an ingestion run: the feed and single jobs are void.
  app.post('/api/ingest', async (request, response) => {
    const added = await upstreams.ingest(request.body.count)
    await Promise.all([stash.invalidateTags(['feed']), stash.job.clear()])
    response.json({ added: added.length })
  })
  app.use('/api/cache', expressHandler(adminHandler(stash, { token })))
  return app
}
