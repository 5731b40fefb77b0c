import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { loadAds, loadResumes } from '../../examples/resume-pipeline/data/inputs.js'
import type { Profile } from '../../examples/resume-pipeline/modules/documents.js'
import { fastSvmContract, type Scoring } from '../../examples/resume-pipeline/modules/fast-svm/contract.js'
import type { Fault } from '../../examples/resume-pipeline/modules/fault.js'
import { type Analysis, hermesContract } from '../../examples/resume-pipeline/modules/hermes/contract.js'
import {
  type ImaginatorOutput,
  imaginatorContract,
} from '../../examples/resume-pipeline/modules/imaginator/contract.js'
import { jobSearchContract } from '../../examples/resume-pipeline/modules/job-search/contract.js'
import { loaderContract } from '../../examples/resume-pipeline/modules/loader/contract.js'
import { modelContract } from '../../examples/resume-pipeline/modules/model-server/contract.js'
import type { Contract, Module } from '../../examples/resume-pipeline/modules/module-server.js'
import { type Modules, startModules } from '../../examples/resume-pipeline/modules/start-modules.js'

const NAMES = ['loader', 'fastSvm', 'hermes', 'imaginator', 'jobSearch', 'model'] as const
type Name = (typeof NAMES)[number]

const contracts: Record<Name, Contract> = {
  loader: loaderContract,
  fastSvm: fastSvmContract,
  hermes: hermesContract,
  imaginator: imaginatorContract,
  jobSearch: jobSearchContract,
  model: modelContract,
}

let modules: Modules
/** A good body for each module, each made by the modules before it. */
let bodies: Record<Name, object>

beforeAll(async () => {
  for (const name of ['OPENAI_BASE_URL', 'OPENAI_API_KEY', 'OPENAI_MODEL']) vi.stubEnv(name, undefined)
  modules = await startModules({ latencyFactor: 0 })
  bodies = await goodBodies()
})
afterAll(() => modules.close())
afterEach(() => {
  for (const name of NAMES) modules[name].fault = { kind: 'none' }
})

describe.each(NAMES)('%s', (name) => {
  it('listens on the loopback interface and answers what its contract promises', async () => {
    expect(modules[name].url).toBe(`http://127.0.0.1:${modules[name].port}`)
    const response = await post(modules[name], contracts[name].path, bodies[name])
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(contracts[name].output.safeParse(await json<Refusal>(response)).error).toBeUndefined()
  })

  it("accepts its own token and no other module's", async () => {
    for (const other of NAMES) {
      const response = await post(modules[name], contracts[name].path, bodies[name], { token: modules[other].token })
      expect([other, response.status]).toEqual([other, other === name ? 200 : 401])
    }
    const anonymous = await fetch(modules[name].url + contracts[name].path, { method: 'POST', body: '{}' })
    expect(anonymous.status).toBe(401)
  })

  it('refuses an empty object with 400 and the path of what is missing', async () => {
    const response = await post(modules[name], contracts[name].path, {})
    const { error } = await json<Refusal>(response)
    expect(response.status).toBe(400)
    expect(error.code).toBe('invalid_input')
    expect(error.issues[0]!.path).toMatch(/^\$\.\w+/)
  })

  it('records who called, for which path, and how it ended', async () => {
    const before = modules[name].calls().length
    await post(modules[name], contracts[name].path, bodies[name], { headers: { 'idempotency-key': 'k-1' } })
    await post(modules[name], '/elsewhere', {})
    const [good, lost] = modules[name].calls().slice(before)
    expect(good).toMatchObject({ caller: 'back-end', path: contracts[name].path, status: 200, idempotencyKey: 'k-1' })
    expect(lost).toMatchObject({ caller: 'back-end', path: '/elsewhere', status: 404 })
    expect(good!.ms).toBeGreaterThan(0)
  })
})

describe('a module refuses', () => {
  it('a body that is not JSON', async () => {
    expect(await refusal({ body: '{"resume":' })).toMatchObject({ status: 400, error: { code: 'invalid_json' } })
  })

  it('a body over 1 MiB, with a length and without', async () => {
    const body = JSON.stringify({ resume: 'x'.repeat(1024 * 1024) })
    expect(await refusal({ body })).toMatchObject({ status: 413, error: { code: 'too_large' } })
    expect(await refusal({ body: new Blob([body]).stream() })).toMatchObject({ status: 413 })
  })

  it('another method and another path', async () => {
    const { url, token } = modules.loader
    const got = await fetch(`${url}/load`, { headers: { authorization: `Bearer ${token}` } })
    expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST'])
    expect((await post(modules.loader, '/nothing', {})).status).toBe(404)
  })

  it('a wrong field deep in a resume, with its path, whether the resume comes as text or as an object', async () => {
    const resume = { basics: { name: 'Ada' }, work: [{ name: 'Mill', highlights: [7] }] }
    for (const sent of [resume, JSON.stringify(resume)]) {
      const { status, error } = await refusal({ body: JSON.stringify({ resume: sent }) })
      expect(status).toBe(400)
      expect(error.issues).toContainEqual(expect.objectContaining({ path: '$.resume.work[0].highlights[0]' }))
      expect(error.message).toContain('$.resume.work[0].highlights[0]')
    }
  })

  it('text that is no resume, and names the field', async () => {
    const { status, error } = await refusal({ body: JSON.stringify({ resume: 'Dear Sir or Madam' }) })
    expect([status, error.issues[0]!.path]).toEqual([400, '$.resume'])
  })

  it('without a stack and without a word of the payload', async () => {
    const { text } = await refusal({ body: JSON.stringify({ resume: { basics: { name: 7, label: 'secret-label' } } }) })
    expect(text).not.toContain('secret-label')
    expect(text).not.toMatch(/\bat .*\.ts|node_modules/)
  })
})

describe.each(NAMES)('%s can be made to fail', (name) => {
  it('down: the connection is reset and the record has no status', async () => {
    await expect(broken(name, { kind: 'down' })).rejects.toThrow('fetch failed')
    expect(modules[name].calls().at(-1)).toMatchObject({ status: 0 })
  })

  it('error: 500 as JSON, or the status and Retry-After it was told', async () => {
    expect((await broken(name, { kind: 'error' })).status).toBe(500)
    const busy = await broken(name, { kind: 'error', status: 503, retryAfterSeconds: 2 })
    expect([busy.status, busy.headers.get('retry-after')]).toEqual([503, '2'])
    expect((await json<Refusal>(busy)).error.code).toBe('broken')
  })

  it('slow: the right answer, late', async () => {
    const response = await broken(name, { kind: 'slow', ms: 60 })
    expect(response.status).toBe(200)
    expect(modules[name].calls().at(-1)!.ms).toBeGreaterThanOrEqual(55)
  })

  it('wrong-payload: 200 and JSON that breaks the contract', async () => {
    const response = await broken(name, { kind: 'wrong-payload' })
    expect(response.status).toBe(200)
    expect(contracts[name].output.safeParse(await response.json()).success).toBe(false)
  })

  it('wrong-token: 401 to its own token', async () => {
    expect((await broken(name, { kind: 'wrong-token' })).status).toBe(401)
  })

  it('hang: no answer, until the caller gives up', async () => {
    const pending = broken(name, { kind: 'hang' }, AbortSignal.timeout(60))
    await expect(pending).rejects.toThrow(/timeout/i)
    expect(modules[name].calls().at(-1)).toMatchObject({ status: 0 })
  })

  it('for a number of times, and then it recovers', async () => {
    modules[name].fault = { kind: 'error', times: 2 }
    const statuses = []
    for (let call = 0; call < 3; call += 1) {
      statuses.push((await post(modules[name], contracts[name].path, bodies[name])).status)
    }
    expect(statuses).toEqual([500, 500, 200])
    expect(modules[name].fault).toEqual({ kind: 'none' })
  })
})

describe('the model behind Imaginator', () => {
  const write = () => post(modules.imaginator, '/write', bodies.imaginator)

  it('is asked three times for one section, by Imaginator only, and Imaginator reports what that cost', async () => {
    const before = modules.model.usage()
    const seen = modules.model.calls().length
    const { usage } = await json<ImaginatorOutput>(await write())
    const after = modules.model.usage()
    expect(usage).toEqual({
      model: 'stand-in-1',
      calls: after.calls - before.calls,
      input_tokens: after.inputTokens - before.inputTokens,
      output_tokens: after.outputTokens - before.outputTokens,
    })
    expect(usage.calls).toBe(3)
    expect(
      modules.model
        .calls()
        .slice(seen)
        .map(({ caller }) => caller),
    ).toEqual(Array(3).fill('imaginator'))
  })

  it.each<[Fault, number, string]>([
    [{ kind: 'down' }, 502, 'model_unreachable'],
    [{ kind: 'error' }, 502, 'model_failed'],
    [{ kind: 'wrong-token' }, 502, 'model_failed'],
    [{ kind: 'wrong-payload' }, 502, 'model_garbled'],
    [{ kind: 'error', status: 429, retryAfterSeconds: 3 }, 503, 'model_busy'],
  ])('turns trouble with the model (%o) into %i %s', async (fault, status, code) => {
    modules.model.fault = fault
    const response = await write()
    expect([response.status, (await json<Refusal>(response)).error.code]).toEqual([status, code])
    expect(response.headers.get('retry-after')).toBe(status === 503 ? '3' : null)
  })

  it('is left alone as soon as the back end gives up', async () => {
    modules.model.fault = { kind: 'hang' }
    const seen = modules.model.calls().length
    const backEnd = new AbortController()
    const answer = post(modules.imaginator, '/write', bodies.imaginator, { signal: backEnd.signal })
    await expect.poll(() => modules.model.calls().length).toBe(seen + 1)
    expect(modules.model.calls().at(-1)).toMatchObject({ ms: 0 })
    backEnd.abort()
    await expect(answer).rejects.toThrow(/abort/i)
    await expect.poll(() => modules.model.calls().at(-1)!.ms).toBeGreaterThan(0)
    expect(modules.model.calls().slice(seen)).toMatchObject([{ status: 0 }])
  })

  it('refuses to stream', async () => {
    const response = await post(modules.model, modelContract.path, { ...bodies.model, stream: true })
    expect((await json<Refusal>(response)).error.issues[0]!.path).toBe('$.stream')
  })
})

interface Refusal {
  error: { code: string; message: string; issues: { path: string; message: string }[] }
}

async function json<Answer>(response: Response): Promise<Answer> {
  return (await response.json()) as Answer
}

interface PostOptions {
  token?: string
  headers?: Record<string, string>
  signal?: AbortSignal
}

function post(module: Module, path: string, body: unknown, { token, headers, signal }: PostOptions = {}) {
  return fetch(module.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${token ?? module.token}`, 'x-caller': 'back-end', ...headers },
    body: JSON.stringify(body),
    ...(signal && { signal }),
  })
}

function broken(name: Name, fault: Fault, signal?: AbortSignal) {
  modules[name].fault = fault
  return post(modules[name], contracts[name].path, bodies[name], signal ? { signal } : {})
}

async function refusal({ body }: { body: string | ReadableStream }) {
  const response = await fetch(`${modules.loader.url}/load`, {
    method: 'POST',
    headers: { authorization: `Bearer ${modules.loader.token}` },
    body,
    ...(typeof body !== 'string' && { duplex: 'half' }),
  } as RequestInit)
  const text = await response.text()
  return { status: response.status, text, error: (JSON.parse(text) as Refusal).error }
}

async function goodBodies(): Promise<Record<Name, object>> {
  const { resume } = loadResumes()[0]!
  const job = loadAds()[0]!.ad
  const profile = await json<Profile>(await post(modules.loader, '/load', { resume }))
  const scored = { text: profile.text, skills: profile.skills, job }
  const match = await json<Scoring>(await post(modules.fastSvm, '/score', scored))
  const { analysis } = await json<{ analysis: Analysis }>(
    await post(modules.hermes, '/analyse', { profile, job, match }),
  )
  return {
    loader: { resume },
    fastSvm: scored,
    hermes: { profile, job, match },
    imaginator: { profile, job, analysis },
    jobSearch: { title: profile.label, skills: profile.skills },
    model: { model: 'stand-in-1', messages: [{ role: 'user', content: 'Task: write\nRole: Baker' }] },
  }
}
