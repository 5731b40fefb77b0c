import { defineHop, type HopPolicies, type RunReport, resilient } from 'hopstash/pipeline'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { analysisFailure, analysisResponse, HOP_NAMES, type HopName } from '../../examples/resume-pipeline/answer.js'
import { loadAds, loadResumes } from '../../examples/resume-pipeline/data/inputs.js'
import { createModuleClient } from '../../examples/resume-pipeline/module-client.js'
import type { Fault } from '../../examples/resume-pipeline/modules/fault.js'
import { hermesContract } from '../../examples/resume-pipeline/modules/hermes/contract.js'
import { type Modules, startModules } from '../../examples/resume-pipeline/modules/start-modules.js'
import { type App, type AppOptions, startApp } from '../../examples/resume-pipeline/start-app.js'

const MODULE_OF = {
  loader: 'loader',
  fastsvm: 'fastSvm',
  hermes: 'hermes',
  imaginator: 'imaginator',
  jobs: 'jobSearch',
} as const satisfies Record<HopName, keyof Modules>

const FAULTS: { what: string; fault: Fault; reason: string; code?: string | null; status?: number }[] = [
  { what: 'resets the connection', fault: { kind: 'down' }, reason: 'error' },
  { what: 'answers 500', fault: { kind: 'error' }, reason: 'error', status: 500 },
  { what: 'answers 503', fault: { kind: 'error', status: 503, retryAfterSeconds: 600 }, reason: 'error', status: 503 },
  { what: 'answers 429', fault: { kind: 'error', status: 429 }, reason: 'rate_limited', status: 429 },
  { what: 'is slow', fault: { kind: 'slow', ms: 2_000 }, reason: 'timeout', code: 'ERR_HOP_TIMEOUT' },
  { what: 'hangs', fault: { kind: 'hang' }, reason: 'timeout', code: 'ERR_HOP_TIMEOUT' },
  { what: 'sends a wrong payload', fault: { kind: 'wrong-payload' }, reason: 'contract_output', code: 'ERR_CONTRACT' },
  { what: 'refuses the token', fault: { kind: 'wrong-token' }, reason: 'auth', status: 401 },
]

const CASES = HOP_NAMES.flatMap((hop) => FAULTS.map((fault) => ({ hop, ...fault })))
const { resume } = loadResumes()[3]!
const { ad } = loadAds()[1]!
const request = { resume, job: ad, includeJobs: true }
const PATIENCE = { loader: '20s', fastsvm: '20s', hermes: '20s', imaginator: '20s', jobs: '20s' } as const
const defaults = { ...resilient, retry: { attempts: 2, backoff: 1 } }

let modules: Modules
const open: App[] = []
/** Everything that any test logged or got as an error. */
const said: string[] = []

beforeAll(async () => {
  for (const name of ['OPENAI_BASE_URL', 'OPENAI_API_KEY', 'OPENAI_MODEL']) vi.stubEnv(name, undefined)
  modules = await startModules({ latencyFactor: 0 })
})
afterAll(() => modules.close())
afterEach(async () => {
  repair()
  await Promise.all(open.splice(0).map((app) => app.close()))
})

describe.each(CASES)('$hop $what', ({ hop, fault, reason, code, status }) => {
  it(`is a full answer that says ${reason}, and is not kept`, async () => {
    const reports: RunReport[] = []
    const app = await start({
      timeouts: timeoutsFor(fault, hop),
      // A busy machine may take several attempts to be well again.
      policies: { defaults: { ...defaults, breaker: false } },
      onRun: (report) => reports.push(report),
    })
    modules[MODULE_OF[hop]].fault = fault
    const { body, timing } = await analyse(app)
    expect(body.status).toBe('degraded')
    expect(body.report.degraded).toEqual([hop])
    expect(body.report.hops[hop]).toMatchObject({ status: 'degraded', reason })
    expect(timing).toContain(`desc="degraded ${reason}"`)
    for (const other of HOP_NAMES) if (other !== hop) expect(body.report.hops[other].status).toBe('ok')
    if (status !== undefined) expect(reports[0]!.hops[hop]!.error!.status).toBe(status)
    if (code !== undefined) expect(reports[0]!.hops[hop]!.error!.code).toBe(code)

    repair()
    const healed = await untilWell(app)
    expect(healed.report.hops[hop]).toMatchObject({ status: 'ok', source: 'live', reason: null })
  })
})

describe('the makeshift', () => {
  it('for the Loader keeps the analysis going on what the resume says by itself', async () => {
    modules.loader.fault = { kind: 'error' }
    const { body } = await analyse(await start())
    expect(body.report.hops.loader.source).toBe('function')
    expect(body.analysis.match_source).toBe('fast-svm')
    expect(body.analysis.strengths.map(({ requirement }) => requirement)).toContain('Kafka')
    expectTopGapNamed(body)
  })

  it('for FastSVM claims no score: Hermes estimates one and says so', async () => {
    modules.fastSvm.fault = { kind: 'error' }
    const { body } = await analyse(await start())
    expect(body.report.hops.fastsvm.source).toBe('default')
    expect(body.analysis.match_source).toBe('coverage')
    expectTopGapNamed(body)
  })

  it('for Hermes looks for keywords, keeps the score of FastSVM, and says so', async () => {
    modules.hermes.fault = { kind: 'error' }
    const { body } = await analyse(await start())
    expect(body.analysis.match_source).toBe('fast-svm')
    expect(body.analysis.gaps[0]!.evidence).toContain('Hermes did not answer')
    expect(body.analysis.gaps.map(({ requirement }) => requirement)).not.toContain('Kafka')
    expectTopGapNamed(body)
  })

  it('for Hermes has a top gap even where the ad names no skill', async () => {
    modules.hermes.fault = { kind: 'error' }
    const { body } = await analyse(await start(), { ...request, job: { title: 'Beekeeper' } })
    expect(body.analysis.gaps.map(({ requirement }) => requirement)).toEqual(['Beekeeper'])
    expectTopGapNamed(body)
  })

  it('for Imaginator is a template that says it is one and names the top gap', async () => {
    modules.imaginator.fault = { kind: 'error' }
    const { body } = await analyse(await start())
    expect(body.final_written_section).toContain('Imaginator did not answer')
    expect(body.critique).toContain('Imaginator did not answer')
    expectTopGapNamed(body)
  })

  it('for the model is the same as for Imaginator', async () => {
    modules.model.fault = { kind: 'down' }
    const { body } = await analyse(await start())
    expect(body.report.hops.imaginator).toMatchObject({ status: 'degraded', source: 'function' })
    expectTopGapNamed(body)
  })

  it('for the jobs leaves them out: nobody looked, which is not the same as nothing found', async () => {
    modules.jobSearch.fault = { kind: 'error' }
    const { body } = await analyse(await start())
    expect(body.report.hops.jobs).toMatchObject({ status: 'degraded', source: 'default' })
    expect(body).not.toHaveProperty('jobs')
  })

  it('for everything is still a full answer', async () => {
    for (const hop of HOP_NAMES) modules[MODULE_OF[hop]].fault = { kind: 'down' }
    const { body } = await analyse(await start())
    expect(body.report.degraded).toEqual([...HOP_NAMES])
    expect(body.analysis.match_source).toBe('coverage')
    expectTopGapNamed(body)
  })

  it.each(loadResumes())('for everything fits the schema with the resume $name', async ({ resume }) => {
    for (const hop of HOP_NAMES) modules[MODULE_OF[hop]].fault = { kind: 'error', status: 400 }
    const { body } = await analyse(await start(), { ...request, resume })
    expectTopGapNamed(body)
  })

  it.each(HOP_NAMES)('for %s is its last good answer, where there is one', async (hop) => {
    const app = await start()
    for (const name of ['general', 'prompt', 'evaluation', 'aiResponse', 'jobSearch'] as const) {
      app.stash[name].resize({ ttl: 1 })
    }
    const { body: fresh } = await analyse(app)
    await new Promise((resolve) => setTimeout(resolve, 10))
    modules[MODULE_OF[hop]].fault = { kind: 'error' }
    const { body } = await analyse(app)
    expect(body.report.hops[hop]).toMatchObject({ status: 'degraded', source: 'stale', reason: 'error' })
    expect(body.analysis).toEqual(fresh.analysis)
    expect(body.final_written_section).toBe(fresh.final_written_section)
    expect(body.jobs).toEqual(fresh.jobs)
  })
})

describe('a token', () => {
  it.each(HOP_NAMES)('of another module is of no use to %s', async (hop) => {
    const name = MODULE_OF[hop]
    const other = modules[name === 'loader' ? 'hermes' : 'loader']
    const app = await start({ endpoints: { [name]: { url: modules[name].url, token: other.token } } })
    const before = modules[name].calls().length
    const { body } = await analyse(app)
    expect(body.report.hops[hop]).toMatchObject({ status: 'degraded', reason: 'auth' })
    const made = modules[name].calls().slice(before)
    expect(made.length).toBeGreaterThan(0)
    expect(new Set(made.map(({ status }) => status))).toEqual(new Set([401]))
  })
})

describe('a hop without a fallback', () => {
  it.each(FAULTS)('that $what fails the run: 502, with its name and $reason', async ({ fault, reason }) => {
    modules.hermes.fault = fault
    const app = await start({ change: withoutFallback(timeoutsFor(fault, 'hermes').hermes) })
    const { response, failure } = await fail(app)
    expect(response.status).toBe(502)
    expect(response.headers.get('server-timing')).toMatch(/^total;dur=[\d.]+;desc="failed"/)
    expect(failure.error).toEqual({ code: 'ERR_HOP_FAILED', message: 'There is no answer without hermes.' })
    expect(failure.report.hops.hermes).toMatchObject({ status: 'failed', source: null, reason })
    expect(failure.report.hops.imaginator).toMatchObject({ status: 'skipped', reason: 'upstream_failed' })
    expect(failure.report.hops.jobs.status).toBe('ok')
  })

  it('is what the plan warns of', async () => {
    const app = await start({ change: withoutFallback('5s'), timeouts: {} })
    expect(app.analysis.plan().warnings).toMatchObject([{ code: 'no_fallback', hop: 'hermes' }])
  })

  it('that is too late for the deadline fails it with 504', async () => {
    modules.hermes.fault = { kind: 'hang' }
    const app = await start({ change: withoutFallback(), policies: { deadline: '150ms' } })
    const { response, failure } = await fail(app)
    expect(response.status).toBe(504)
    expect(failure.error.code).toBe('ERR_RUN_DEADLINE')
    expect(failure.report.status).toBe('timeout')
  })
})

describe('the deadline', () => {
  it('cuts a slow hop off in favour of its makeshift', async () => {
    modules.imaginator.fault = { kind: 'hang' }
    const app = await start({ policies: { deadline: '2s' } })
    let response = await send(app, request)
    // On a busy machine the hops before it need all of the deadline at first; what they brought is kept for the next run.
    while (response.status === 504) response = await send(app, request)
    const body = analysisResponse.parse(await response.json())
    expect(body.report.hops.imaginator).toMatchObject({ status: 'degraded', reason: 'deadline' })
    expectTopGapNamed(body)
  })
})

describe('a module that fails once', () => {
  it.each(HOP_NAMES)('is asked again: %s', async (hop) => {
    modules[MODULE_OF[hop]].fault = { kind: 'error', times: 1 }
    const { body } = await analyse(await start())
    expect(body.status).toBe('ok')
  })

  it('is left alone by later requests once its breaker is open', async () => {
    modules.hermes.fault = { kind: 'error' }
    // Open until the end of the test, on a machine of any speed.
    const breaker = { ...resilient.breaker, openFor: '10m' } as const
    const app = await start({ policies: { defaults: { ...defaults, breaker } } })
    for (const { resume } of loadResumes()) await analyse(app, { ...request, resume })
    const before = modules.hermes.calls().length
    const { body } = await analyse(app)
    expect(body.report.hops.hermes).toMatchObject({ status: 'degraded', reason: 'breaker_open' })
    expect(modules.hermes.calls().length).toBe(before)
  })
})

describe('what is logged and what a failure says', () => {
  it('holds no token, no resume and no prompt', () => {
    const secrets = [
      ...Object.values(MODULE_OF).map((name) => modules[name].token),
      modules.model.token,
      ...[resume.basics.name, resume.basics.label, resume.basics.summary].map(String),
      ...(resume.work ?? []).map(({ name }) => String(name)),
      'Task: write',
      ad.title,
    ]
    expect(said.length).toBeGreaterThan(CASES.length)
    for (const secret of secrets) expect(said.join('\n')).not.toContain(secret)
  })

  it('names the hop, its status and the reason', () => {
    expect(said.join('\n')).toMatch(/^POST \/api\/analyse 200 [\d.]+ ms degraded fastsvm:degraded:timeout$/m)
    expect(said.join('\n')).toMatch(/^POST \/api\/analyse 502 [\d.]+ ms failed hermes:failed:auth$/m)
  })
})

/** Little patience, but only with the module that will be slow: a busy machine makes others slow, too. */
function timeoutsFor({ kind }: Fault, hop: HopName): NonNullable<AppOptions['timeouts']> {
  return kind === 'slow' || kind === 'hang' ? { ...PATIENCE, [hop]: '300ms' } : PATIENCE
}

/** Asks until every hop is well: where there is little patience, a busy machine needs more than one attempt. */
async function untilWell(app: App) {
  for (;;) {
    const { body } = await analyse(app)
    if (body.status === 'ok') return body
  }
}

function repair(): void {
  for (const name of [...Object.values(MODULE_OF), 'model'] as const) modules[name].fault = { kind: 'none' }
}

/** Exchanges Hermes for one that nobody stands in for. */
function withoutFallback(timeout: HopPolicies['timeout'] = '20s'): NonNullable<AppOptions['change']> {
  const { url, token } = modules.hermes
  const hermes = defineHop({
    name: 'hermes',
    input: hermesContract.input,
    output: hermesContract.output,
    client: createModuleClient(url),
    auth: () => token,
    call: ({ client, input, auth, signal, idempotencyKey }) =>
      client.post(hermesContract.path, input, { token: auth, signal, idempotencyKey }),
    idempotent: true,
    timeout,
  })
  return (hops) => ({ ...hops, hermes })
}

async function start(options: AppOptions = {}): Promise<App> {
  const app = await startApp({
    modules,
    jobSearch: true,
    log: (line) => said.push(line),
    timeouts: PATIENCE,
    ...options,
    policies: { defaults, ...options.policies },
  })
  open.push(app)
  return app
}

async function analyse(app: App, body: object = request) {
  const response = await send(app, body)
  expect(response.status).toBe(200)
  return { body: analysisResponse.parse(await response.json()), timing: response.headers.get('server-timing') }
}

async function fail(app: App) {
  const response = await send(app, request)
  const text = await response.text()
  said.push(text)
  return { response, failure: analysisFailure.parse(JSON.parse(text)) }
}

function send(app: App, body: object): Promise<Response> {
  return fetch(`${app.url}/api/analyse`, { method: 'POST', body: JSON.stringify(body) })
}

function expectTopGapNamed(body: ReturnType<typeof analysisResponse.parse>): void {
  const top = body.analysis.gaps[0]!.requirement
  expect(body.analysis.suggested_experiences[0]!.gap).toBe(top)
  expect(body.final_written_section.toLowerCase()).toContain(top.toLowerCase())
}
