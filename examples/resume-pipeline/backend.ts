import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { OptionError } from 'hopstash'
import { publicReport, type RunReport, serverTiming } from 'hopstash/pipeline'
import { z } from 'zod'
import { type AnalysisRequest, analysisRequest, responseOf } from './answer.js'
import { jsonResume } from './modules/documents.js'
import { checkInput, errorBody, ModuleError, readJson, sendJson } from './modules/wire.js'
import type { AnalysisPipeline, AppStash } from './pipeline.js'
import { renderHtml } from './rendering/html.js'
import { renderPdf } from './rendering/pdf.js'
import { TEMPLATE_IDS } from './rendering/templates.js'

/** What the back end is made of. It closes none of it. */
export interface BackEndOptions {
  stash: AppStash
  analysis: AnalysisPipeline
  /** A request to play with, at `GET /api/sample`. */
  sample?: AnalysisRequest
  /** Default 0: any free one. */
  port?: number
  /** Takes a line per request: no payload, no token, no query. Default: nobody. */
  log?: (line: string) => void
}

/** A running back end. */
export interface BackEnd {
  readonly url: string
  close(): Promise<void>
}

/** Starts the back end: a plain `node:http` server on the loopback interface. */
export async function startBackEnd(options: BackEndOptions): Promise<BackEnd> {
  const routes = createRoutes(options)
  const server = createServer((request, response) => void serve(request, response, routes, options.log))
  await new Promise<void>((resolve, reject) =>
    server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', resolve),
  )
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** What a route answers; whatever is no bytes or text is sent as JSON. */
interface Reply {
  status?: number
  body: unknown
  headers?: Record<string, string>
  /** The run behind it, if there was one. */
  report?: RunReport
}

interface Route {
  method: 'GET' | 'POST'
  answer(call: { request: IncomingMessage; query: URLSearchParams; signal: AbortSignal }): Promise<Reply>
}

type Routes = ReadonlyMap<string, Route>

function createRoutes({ stash, analysis, sample }: BackEndOptions): Routes {
  const rendered = z.object({ resume: jsonResume })
  const routes: Record<string, Route> = {
    '/api/analyse': {
      method: 'POST',
      answer: async ({ request, signal }) => {
        const input = checkInput(analysisRequest, await readJson(request))
        return analyse(analysis, input, idempotencyKeyOf(request), signal)
      },
    },
    '/api/resume.html': {
      method: 'POST',
      answer: async ({ request, query }) => {
        const templateId = templateIdOf(query)
        const { resume } = checkInput(rendered, await readJson(request))
        const body = await stash.template.getOrSet({ templateId, resume }, () => renderHtml(templateId, resume))
        return { body, headers: { 'content-type': 'text/html; charset=utf-8', ...NO_SCRIPTS } }
      },
    },
    '/api/resume.pdf': {
      method: 'POST',
      answer: async ({ request, query }) => {
        const templateId = templateIdOf(query)
        const { resume } = checkInput(rendered, await readJson(request))
        const body = await stash.pdf.getOrSet({ templateId, resume }, () => renderPdf(templateId, resume))
        return { body, headers: { 'content-type': 'application/pdf' } }
      },
    },
    '/api/stats': { method: 'GET', answer: async () => ({ body: stash.stats() }) },
    ...(sample && { '/api/sample': { method: 'GET', answer: async () => ({ body: sample }) } }),
  }
  return new Map(Object.entries(routes))
}

const NO_SCRIPTS = { 'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; img-src https:" }

async function analyse(
  analysis: AnalysisPipeline,
  input: AnalysisRequest,
  idempotencyKey: string | undefined,
  signal: AbortSignal,
): Promise<Reply> {
  const run = await analysis.run(input, { signal, ...(idempotencyKey !== undefined && { idempotencyKey }) })
  const { report } = run
  const shown = publicReport(report)
  if (run.output !== undefined) return { body: responseOf(run.output, shown), report }
  const { hop } = report.error ?? {}
  const message = typeof hop === 'string' ? `There is no answer without ${hop}.` : 'There is no answer in time.'
  const status = run.status === 'timeout' ? 504 : 502
  return { status, body: { error: { code: run.error.code, message }, report: shown }, report }
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  routes: Routes,
  log: BackEndOptions['log'],
): Promise<void> {
  const startedAt = performance.now()
  const caller = new AbortController()
  response.once('close', () => caller.abort())
  const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://back-end')
  const reply = await answer(routes, pathname, { request, query, signal: caller.signal })
  const { status = 200, body, headers = {}, report } = reply
  const ms = Math.round((performance.now() - startedAt) * 10) / 10
  // A path that is not ours may hold anything.
  log?.([request.method, routes.has(pathname) ? pathname : '(other)', status, `${ms} ms`, ...blame(report)].join(' '))
  if (caller.signal.aborted) return
  const timing = { 'server-timing': report === undefined ? `total;dur=${ms}` : serverTiming(report) }
  if (typeof body === 'string' || body instanceof Uint8Array) {
    response.writeHead(status, { ...headers, ...timing, 'content-length': Buffer.byteLength(body) }).end(body)
  } else sendJson(response, status, body, { ...headers, ...timing })
}

async function answer(routes: Routes, path: string, call: Parameters<Route['answer']>[0]): Promise<Reply> {
  try {
    const route = routes.get(path)
    if (route === undefined) throw new ModuleError(404, 'not_found', `There is ${[...routes.keys()].join(', ')}.`)
    if (call.request.method !== route.method) {
      throw new ModuleError(405, 'method_not_allowed', `Use ${route.method}.`, { headers: { allow: route.method } })
    }
    return await route.answer(call)
  } catch (error) {
    const refusal = refusalOf(error)
    return { status: refusal.status, body: errorBody(refusal), headers: refusal.headers }
  }
}

function refusalOf(error: unknown): ModuleError {
  if (error instanceof ModuleError) return error
  // The pipeline's own options are right, so what it refuses is the caller's key.
  if (error instanceof OptionError) {
    return new ModuleError(409, 'key_reused', 'The idempotency key belongs to a request with another content.')
  }
  return new ModuleError(500, 'internal', 'The back end could not answer.')
}

/** The hops that are not as they should be, for the log: `fastsvm:degraded:timeout`. */
function blame(report: RunReport | undefined): string[] {
  if (report === undefined) return []
  const hops = Object.entries(report.hops).filter(([, { status }]) => status === 'degraded' || status === 'failed')
  return [report.status, ...hops.map(([name, { status, reason }]) => `${name}:${status}:${reason}`)]
}

function templateIdOf(query: URLSearchParams): string {
  const templateId = query.get('template') ?? 'even'
  if (TEMPLATE_IDS.includes(templateId)) return templateId
  const issues = [{ path: '?template', message: `Expected one of ${TEMPLATE_IDS.join(', ')}` }]
  throw new ModuleError(400, 'invalid_input', 'There is no such template.', { issues })
}

/** The caller's own key makes the calls behind a repeated request recognisable to the modules. */
function idempotencyKeyOf(request: IncomingMessage): string | undefined {
  const key = request.headers['idempotency-key']
  if (typeof key !== 'string' || key === '') return undefined
  if (key.length <= 128) return key
  const issues = [{ path: 'idempotency-key', message: 'Too long: expected at most 128 characters' }]
  throw new ModuleError(400, 'invalid_input', 'The idempotency key is too long.', { issues })
}
