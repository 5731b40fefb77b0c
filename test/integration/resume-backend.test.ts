import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { RunReport } from 'hopstash/pipeline'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { type AnalysisResponse, analysisResponse, HOP_NAMES } from '../../examples/resume-pipeline/answer.js'
import { loadAds, loadResumes } from '../../examples/resume-pipeline/data/inputs.js'
import { type Modules, startModules } from '../../examples/resume-pipeline/modules/start-modules.js'
import { jobSearchEnabled } from '../../examples/resume-pipeline/pipeline.js'
import { type App, type AppOptions, startApp } from '../../examples/resume-pipeline/start-app.js'

const PATIENCE = { loader: '20s', fastsvm: '20s', hermes: '20s', imaginator: '20s', jobs: '20s' } as const
/** For what comes soon, on a machine of any speed. */
const LIMIT_MS = 20_000
const MODULES = ['loader', 'fastSvm', 'hermes', 'imaginator', 'jobSearch'] as const
const resumes = loadResumes()
const ads = loadAds()
const [{ resume: sample }, { ad }, { ad: otherAd }] = [resumes[0]!, ads[0]!, ads[1]!]

let modules: Modules
const open: App[] = []

beforeAll(async () => {
  for (const name of ['OPENAI_BASE_URL', 'OPENAI_API_KEY', 'OPENAI_MODEL']) vi.stubEnv(name, undefined)
  modules = await startModules({ latencyFactor: 0 })
})
afterAll(() => modules.close())
afterEach(async () => {
  for (const name of MODULES) modules[name].fault = { kind: 'none' }
  await Promise.all(open.splice(0).map((app) => app.close()))
})

describe.each(resumes)('the resume $name', ({ resume }) => {
  it.each(ads)('against $name: the top gap leads the suggestions and is named in the final section', async ({ ad }) => {
    const app = await start()
    const { status, body } = await analyse(app, { resume, job: ad })
    const [top] = body.analysis.gaps
    expect(status).toBe(200)
    expect(body.status).toBe('ok')
    expect(body.analysis.match_source).toBe('fast-svm')
    expect(body.analysis.suggested_experiences[0]!.gap).toBe(top!.requirement)
    expect(body.final_written_section.toLowerCase()).toContain(top!.requirement.toLowerCase())
    expect(Object.keys(body.metrics.hops)).toEqual([...HOP_NAMES])
    expect(body).not.toHaveProperty('jobs')
  })

  it('gets another suggestion and another section from another ad', async () => {
    const app = await start()
    const { body: one } = await analyse(app, { resume, job: ad })
    const { body: other } = await analyse(app, { resume, job: otherAd })
    expect(other.analysis.suggested_experiences[0]!.gap).not.toBe(one.analysis.suggested_experiences[0]!.gap)
    expect(other.final_written_section).not.toBe(one.final_written_section)
  })
})

describe('jobs', () => {
  it.each([
    { environment: 'true', includeJobs: true, hop: { status: 'ok', reason: null }, jobs: true },
    { environment: '1', includeJobs: false, hop: { status: 'skipped', reason: 'condition_false' }, jobs: false },
    { environment: 'false', includeJobs: true, hop: { status: 'skipped', reason: 'disabled' }, jobs: false },
    { environment: undefined, includeJobs: true, hop: { status: 'skipped', reason: 'disabled' }, jobs: false },
    { environment: undefined, includeJobs: false, hop: { status: 'skipped', reason: 'disabled' }, jobs: false },
  ])('JOB_SEARCH_ENABLED=$environment, includeJobs=$includeJobs: $hop.status', async (row) => {
    const app = await start({ jobSearch: jobSearchEnabled({ JOB_SEARCH_ENABLED: row.environment }) })
    const before = modules.jobSearch.calls().length
    const { body } = await analyse(app, { resume: sample, job: ad, includeJobs: row.includeJobs })
    expect(body.status).toBe('ok')
    expect(body.report.hops.jobs).toMatchObject(row.hop)
    expect(body.jobs !== undefined).toBe(row.jobs)
    expect(modules.jobSearch.calls().length - before).toBe(row.jobs ? 1 : 0)
  })
})

describe('the modules', () => {
  it('are called by the back end alone, once each, with a key that names the call', async () => {
    const app = await start({ jobSearch: true })
    const before = countCalls()
    await analyse(app, { resume: sample, job: ad, includeJobs: true })
    const made = MODULES.map((name) => modules[name].calls().slice(before[name]))
    expect(made.map((calls) => calls.length)).toEqual([1, 1, 1, 1, 1])
    expect(MODULES.flatMap((name) => modules[name].calls()).map(({ caller }) => caller)).not.toContain('unknown')
    expect(new Set(MODULES.flatMap((name) => modules[name].calls()).map(({ caller }) => caller))).toEqual(
      new Set(['back-end']),
    )
    expect(new Set(modules.model.calls().map(({ caller }) => caller))).toEqual(new Set(['imaginator']))
    expect(new Set(made.flat().map(({ idempotencyKey }) => idempotencyKey)).size).toBe(5)
  })

  it('are called once when a caller repeats a request under its own key, and never see that key', async () => {
    const app = await start()
    const headers = { 'idempotency-key': 'order-of-user-7' }
    const before = countCalls()
    const first = await analyse(app, { resume: sample, job: ad }, { headers })
    await app.stash.clear()
    const again = await analyse(app, { resume: sample, job: ad }, { headers })
    const calls = MODULES.flatMap((name) => modules[name].calls().slice(before[name]))
    expect(calls).toHaveLength(4)
    expect(again.body).toEqual(first.body)
    expect(calls.map((call) => call.idempotencyKey).join()).not.toContain('order-of-user-7')
  })

  it('are not called for another request under a key that was used', async () => {
    const app = await start()
    const headers = { 'idempotency-key': 'order-of-user-8' }
    await analyse(app, { resume: sample, job: ad }, { headers })
    const before = countCalls()
    const refused = await send(app, '/api/analyse', { resume: sample, job: { ...ad, title: 'Another' } }, headers)
    expect([refused.status, await refused.text()]).toEqual([409, expect.stringContaining('key_reused')])
    expect(countCalls()).toEqual(before)
  })

  it('behind the Loader see no contact details', async () => {
    const recorder = await startRecorder()
    const endpoints = Object.fromEntries(MODULES.slice(1).map((name) => [name, { url: recorder.url, token: 't' }]))
    const app = await start({ endpoints, jobSearch: true, policies: { defaults: {} } })
    const basics = { email: 'ada@home.example', phone: '(912) 555-4321', url: 'https://ada.home.example' }
    const resume = { ...sample, basics: { ...sample.basics, ...basics, location: { address: '2712 Broadway St' } } }
    const { body } = await analyse(app, { resume, job: ad, includeJobs: true })
    expect([...recorder.paths].sort()).toEqual(['/analyse', '/score', '/search', '/write'])
    expect(recorder.bodies.join()).not.toMatch(/ada@home|555-4321|ada\.home|Broadway/)
    expect(JSON.stringify(body)).not.toMatch(/ada@home|555-4321|ada\.home|Broadway/)
    await recorder.close()
  })
})

describe('the same question', () => {
  it('again is answered from the cache, without a call', async () => {
    const app = await start({ jobSearch: true })
    const first = await analyse(app, { resume: sample, job: ad, includeJobs: true })
    const before = countCalls()
    const again = await analyse(app, { resume: sample, job: ad, includeJobs: true })
    expect(countCalls()).toEqual(before)
    expect(payloadOf(again.body)).toEqual(payloadOf(first.body))
    expect(HOP_NAMES.map((name) => again.body.report.hops[name].source)).toEqual(HOP_NAMES.map(() => 'cache'))
  })

  it('with the keys of its objects in another order is the same question', async () => {
    const app = await start()
    await analyse(app, { resume: sample, job: ad })
    const before = countCalls()
    const reversed = Object.fromEntries(Object.entries(sample).reverse())
    await analyse(app, { job: Object.fromEntries(Object.entries(ad).reverse()), resume: reversed })
    expect(countCalls()).toEqual(before)
  })

  it('of eight users at once costs one set of calls', async () => {
    const app = await start({ jobSearch: true })
    const before = countCalls()
    const request = { resume: resumes[3]!.resume, job: ad, includeJobs: true }
    const answers = await Promise.all(Array.from({ length: 8 }, () => analyse(app, request)))
    expect(MODULES.map((name) => countCalls()[name] - before[name])).toEqual([1, 1, 1, 1, 1])
    expect(new Set(answers.map(({ body }) => JSON.stringify(payloadOf(body)))).size).toBe(1)
    expect(answers.every(({ body }) => body.status === 'ok')).toBe(true)
  })

  it('of eight users at once costs one set of calls and retries even where a module is down', async () => {
    modules.fastSvm.fault = { kind: 'down' }
    const app = await start()
    const before = countCalls()
    const request = { resume: resumes[2]!.resume, job: ad }
    const answers = await Promise.all(Array.from({ length: 8 }, () => analyse(app, request)))
    expect(MODULES.map((name) => countCalls()[name] - before[name])).toEqual([1, 2, 1, 1, 0])
    expect(answers.map(({ body }) => body.report.hops.fastsvm.status)).toEqual(answers.map(() => 'degraded'))
  })
})

describe('rendering', () => {
  it.each([
    { kind: 'html', namespace: 'template', type: 'text/html; charset=utf-8', begins: '<!doctype html>' },
    { kind: 'pdf', namespace: 'pdf', type: 'application/pdf', begins: '%PDF-' },
  ] as const)('sends a resume as $kind, made once', async ({ kind, namespace, type, begins }) => {
    const app = await start()
    const [first, again] = [await render(), await render()]
    expect(first.headers.get('content-type')).toBe(type)
    expect(first.bytes.subarray(0, begins.length).toString('latin1').toLowerCase()).toBe(begins.toLowerCase())
    expect(again.bytes.equals(first.bytes)).toBe(true)
    expect(app.stash[namespace].stats()).toMatchObject({ size: 1, hits: 1, misses: 1 })
    expect((await render('?template=even-compact')).bytes.equals(first.bytes)).toBe(false)

    async function render(query = '') {
      const response = await send(app, `/api/resume.${kind}${query}`, { resume: sample })
      expect(response.status).toBe(200)
      expect(response.headers.get('server-timing')).toMatch(/^total;dur=[\d.]+$/)
      return { headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) }
    }
  })

  it('forbids a page to run scripts or to load styles and fonts', async () => {
    const response = await send(await start(), '/api/resume.html', { resume: sample })
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
  })
})

describe('bad input', () => {
  it.each([
    { what: 'no JSON', body: '{"resume":', status: 400, says: /invalid_json/ },
    { what: 'an empty object', body: {}, status: 400, says: /"\$\.resume".*"\$\.job"/ },
    { what: 'null', body: 'null', status: 400, says: /"\$"/ },
    {
      what: 'a resume without a name',
      body: { resume: { basics: {} }, job: ad },
      status: 400,
      says: /\$\.resume\.basics\.name/,
    },
    { what: 'an ad without a title', body: { resume: sample, job: {} }, status: 400, says: /\$\.job\.title/ },
    {
      what: 'a flag that is a text',
      body: { resume: sample, job: ad, includeJobs: 'yes' },
      status: 400,
      says: /\$\.includeJobs/,
    },
    {
      what: 'a post that is a number',
      body: { resume: { ...sample, work: [7] }, job: ad },
      status: 400,
      says: /\$\.resume\.work\[0\]/,
    },
    { what: 'more than 1 MiB', body: { resume: 'x'.repeat(2 ** 20) }, status: 413, says: /too_large/ },
  ])('$what is refused with $status, by path, without a call', async ({ body, status, says }) => {
    const app = await start()
    const before = countCalls()
    const response = await send(app, '/api/analyse', body)
    const text = await response.text()
    expect(response.status).toBe(status)
    expect(response.headers.get('server-timing')).toMatch(/^total;dur=/)
    expect(text).toMatch(says)
    expect(text).not.toMatch(/Pied Piper|Miss Direction|xxxx/)
    expect(countCalls()).toEqual(before)
  })

  it('an unknown template, path or method is refused with what there is', async () => {
    const app = await start()
    const template = await send(app, '/api/resume.pdf?template=../../etc', { resume: sample })
    expect([template.status, await template.text()]).toEqual([400, expect.stringContaining('even, even-compact')])
    const path = await send(app, '/api/analyze', {})
    expect([path.status, await path.text()]).toEqual([404, expect.stringContaining('/api/analyse')])
    const method = await fetch(`${app.url}/api/analyse`)
    expect([method.status, method.headers.get('allow')]).toEqual([405, 'POST'])
    await method.body?.cancel()
    const key = await send(app, '/api/analyse', { resume: sample, job: ad }, { 'idempotency-key': 'k'.repeat(129) })
    expect([key.status, await key.text()]).toEqual([400, expect.stringContaining('idempotency-key')])
  })
})

describe('the back end', () => {
  it('listens on the loopback interface and tells what its stash did', async () => {
    const app = await start()
    await analyse(app, { resume: sample, job: ad })
    await analyse(app, { resume: sample, job: ad })
    const stats = (await (await fetch(`${app.url}/api/stats`)).json()) as ReturnType<App['stash']['stats']>
    expect(new URL(app.url).hostname).toBe('127.0.0.1')
    expect(stats.namespaces.aiResponse).toMatchObject({ size: 1, hits: 1, misses: 1, hitRate: 0.5 })
    expect(stats.totals.saved.calls).toBe(4)
  })

  it('tells in Server-Timing what every hop took and where its value came from', async () => {
    const app = await start()
    const { headers } = await analyse(app, { resume: sample, job: ad })
    const timing = headers.get('server-timing')!
    expect(timing).toMatch(/^total;dur=[\d.]+;desc="ok"/)
    for (const name of HOP_NAMES.slice(0, 4)) expect(timing).toMatch(new RegExp(`${name};dur=[\\d.]+;desc="miss"`))
  })

  it('ends a run whose caller has left, and the calls it made', async () => {
    modules.hermes.fault = { kind: 'hang' }
    const reports: RunReport[] = []
    const app = await start({ onRun: (report) => reports.push(report) })
    const leaving = new AbortController()
    const before = modules.hermes.calls().length
    const answer = analyse(app, { resume: sample, job: ad }, { signal: leaving.signal })
    await vi.waitFor(() => expect(modules.hermes.calls().length).toBe(before + 1), LIMIT_MS)
    leaving.abort()
    await expect(answer).rejects.toThrow('abort')
    const report = await vi.waitFor(() => reports[0] ?? expect.unreachable('The run has not ended.'), LIMIT_MS)
    expect(report.status).toBe('cancelled')
    expect(report.hops.hermes).toMatchObject({ status: 'cancelled', reason: 'aborted' })
    await vi.waitFor(() => expect(modules.hermes.calls().at(-1)!.ms).toBeGreaterThan(0), LIMIT_MS)
  })

  it('plans a makeshift for every hop, and retries that fit the deadline', async () => {
    const plan = (await start({ jobSearch: true, timeouts: {} })).analysis.plan()
    expect(plan.hops.map(({ name, guarded }) => [name, guarded])).toEqual(HOP_NAMES.map((name) => [name, true]))
    expect(plan.warnings).toEqual([])
  })

  it('leaves no port open, also when its own is taken', async () => {
    const app = await startApp({ latencyFactor: 0 })
    await expect(startApp({ latencyFactor: 0, port: Number(new URL(app.url).port) })).rejects.toThrow('EADDRINUSE')
    const urls = [app.url, ...MODULES.map((name) => app.modules[name].url), app.modules.model.url]
    await app.close()
    for (const url of urls) await expect(fetch(url)).rejects.toThrow('fetch failed')
  })
})

async function start(options: AppOptions = {}): Promise<App> {
  const app = await startApp({ modules, timeouts: PATIENCE, ...options })
  open.push(app)
  return app
}

/** Asks, and holds the answer to its schema. */
async function analyse(
  app: App,
  request: object,
  { headers, signal }: Pick<RequestInit, 'signal'> & { headers?: Record<string, string> } = {},
) {
  const response = await send(app, '/api/analyse', request, headers, signal)
  return { status: response.status, headers: response.headers, body: analysisResponse.parse(await response.json()) }
}

function send(
  app: App,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
  signal: AbortSignal | null = null,
) {
  return fetch(app.url + path, {
    method: 'POST',
    headers,
    signal,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

function payloadOf({ metrics: _metrics, report: _report, ...payload }: AnalysisResponse) {
  return payload
}

function countCalls() {
  return Object.fromEntries(MODULES.map((name) => [name, modules[name].calls().length])) as Record<
    (typeof MODULES)[number],
    number
  >
}

/** A server that keeps what it is sent, and answers 500. */
async function startRecorder() {
  const bodies: string[] = []
  const paths = new Set<string | undefined>()
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    bodies.push(body)
    paths.add(request.url)
    response.writeHead(500).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bodies,
    paths,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
