import express, { type Express } from 'express'
import type { Upstreams } from './upstreams.js'

/** The back end as it was: every request pays. */
export function createPlainApp(upstreams: Upstreams): Express {
  const app = express().use(express.json())
  app.get('/api/jobs', async (request, response) => {
    response.json(await upstreams.queryPage(Number(request.query.page ?? 1)))
  })
  app.get('/api/jobs/:id', async (request, response) => {
    const job = await upstreams.queryJob(request.params.id)
    response.status(job === undefined ? 404 : 200).json(job ?? { error: 'no such job' })
  })
  app.get('/api/resumes/master', async (_request, response) => {
    response.json(await upstreams.readResume())
  })
  app.put('/api/resumes/master', async (request, response) => {
    const { version } = await upstreams.readResume()
    response.json(await upstreams.saveResume({ id: 'master', version: version + 1, text: request.body.text }))
  })
  app.post('/api/evaluations/:id', async (request, response) => {
    const [job, resume] = await Promise.all([upstreams.queryJob(request.params.id), upstreams.readResume()])
    if (job === undefined) response.status(404).json({ error: 'no such job' })
    else response.json(await upstreams.evaluate(job, resume))
  })
  app.post('/api/resumes/tailor', async (request, response) => {
    const [job, resume] = await Promise.all([upstreams.queryJob(request.body.jobId), upstreams.readResume()])
    if (job === undefined) response.status(404).json({ error: 'no such job' })
    else response.json({ text: await upstreams.tailor(job, resume) })
  })
  app.post('/api/ingest', async (request, response) => {
    response.json({ added: (await upstreams.ingest(request.body.count)).length })
  })
  return app
}
