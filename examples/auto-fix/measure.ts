import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createPool } from 'hopstash/http'
import { renderHtml } from '../resume-pipeline/rendering/html.js'
import { renderPdf } from '../resume-pipeline/rendering/pdf.js'
import { type Desk, JOB_ID, layOut, RESUME_ID } from './desk.js'
import { buildPrompt } from './fixes.js'
import { atOnce, combined, createFixStash, oneByOne, type Work } from './ways.js'

/** One way of working, measured. */
export interface Measured extends Work {
  name: string
  ms: number
  calls: number
  usd: number
  queries: number
}

/** Fixes the resume in every way: each from a cold start but the last, which does again what the one before it did. */
export async function measureWays(options: { latencyFactor?: number; queryMs?: number } = {}): Promise<Measured[]> {
  const measured: Measured[] = []
  const run = async (name: string, desk: Desk, way: () => Promise<Work>): Promise<void> => {
    const before = { ...desk.meter(), queries: desk.database.queries }
    const startedAt = performance.now()
    const work = await way()
    const ms = performance.now() - startedAt
    const { calls, usd } = desk.meter()
    const queries = desk.database.queries - before.queries
    measured.push({ name, ms, calls: calls - before.calls, usd: usd - before.usd, queries, ...work })
  }
  const withDesk = async (use: (desk: Desk) => Promise<void>): Promise<void> => {
    const desk = await layOut(options)
    try {
      await use(desk)
    } finally {
      await desk.close()
    }
  }
  await withDesk((desk) => run('one by one', desk, () => oneByOne(desk)))
  await withDesk(async (desk) => {
    await using stash = createFixStash()
    await run('at once', desk, () => atOnce(desk, stash))
  })
  await withDesk(async (desk) => {
    await using stash = createFixStash()
    await run('combined', desk, () => combined(desk, stash))
    await run('again', desk, () => combined(desk, stash))
  })
  return measured
}

/** What something costs to make, and to have. */
export interface Hit {
  name: string
  madeMs: number
  hitMs: number
}

/** Makes page, prompt and document, and then takes them from their namespaces: the middle of many times each. */
export async function measureHits(): Promise<Hit[]> {
  const desk = await layOut({ latencyFactor: 0 })
  await using stash = createFixStash()
  try {
    const resume = await desk.resumes.find(RESUME_ID)
    const job = await desk.jobs.find(JOB_ID)
    const guideline = await desk.guidelines.find('summary')
    const text = resume.basics.summary ?? ''
    const prompt = () => buildPrompt('summary', text, job, guideline)
    const page = { templateId: 'even', resume }
    return [
      await compare(
        'template',
        () => renderHtml('even', resume),
        (make) => stash.template.getOrSet(page, make),
      ),
      await compare('prompt', prompt, (make) =>
        stash.prompt.getOrSet({ type: 'summary', data: { text, job: JOB_ID } }, make),
      ),
      await compare(
        'PDF',
        () => renderPdf('even', resume),
        (make) => stash.pdf.getOrSet(page, make),
      ),
    ]
  } finally {
    await desk.close()
  }
}

async function compare<V>(
  name: string,
  make: () => V | Promise<V>,
  read: (make: () => V | Promise<V>) => Promise<V>,
): Promise<Hit> {
  await read(make)
  return { name, madeMs: await middleOf(20, make), hitMs: await middleOf(500, () => read(make)) }
}

async function middleOf(times: number, work: () => unknown): Promise<number> {
  const taken: number[] = []
  for (let n = 0; n < times; n++) {
    const startedAt = performance.now()
    await work()
    taken.push(performance.now() - startedAt)
  }
  return percentile(taken, 0.5)
}

/** Calls of one module, over connections of one kind. */
export interface Connections {
  name: string
  sockets: number
  p95Ms: number
}

/** The same calls over a new connection each, and over the pool: how many connections, and how long the slow ones took. */
export async function measureConnections({
  calls = 300,
  atOnce: together = 20,
  answerMs = 5,
} = {}): Promise<Connections[]> {
  let sockets = 0
  const server = createServer(async (_request, response) => {
    await sleep(answerMs)
    response.setHeader('content-type', 'application/json').end('{"ok":true}')
  }).on('connection', () => sockets++)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const pool = createPool({ size: 'low' })
  const client = pool.module({ baseUrl: url })
  const kinds: [string, () => Promise<unknown>][] = [
    ['a connection a call', async () => (await fetch(url, { headers: { connection: 'close' } })).json()],
    ['pool', () => client.get('/')],
  ]
  try {
    const results: Connections[] = []
    for (const [name, call] of kinds) {
      sockets = 0
      const taken: number[] = []
      const caller = async (): Promise<void> => {
        for (let n = 0; n < calls / together; n++) {
          const startedAt = performance.now()
          await call()
          taken.push(performance.now() - startedAt)
        }
      }
      await Promise.all(Array.from({ length: together }, caller))
      results.push({ name, sockets, p95Ms: percentile(taken, 0.95) })
    }
    return results
  } finally {
    await pool.close()
    server.close()
    server.closeAllConnections()
  }
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}
