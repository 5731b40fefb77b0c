import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { z } from 'zod'
import { type Fault, nextFault } from './fault.js'
import { type Latency, latencyOf, pause } from './latency.js'
import { carriesToken, checkInput, errorBody, ModuleError, readJson, sendJson } from './wire.js'

/** What a module promises: one path, what it takes and what it gives. */
export interface Contract<Input extends z.ZodType = z.ZodType, Output extends z.ZodType = z.ZodType> {
  path: `/${string}`
  input: Input
  output: Output
}

/** One request that reached a module. `status` 0 means that no answer was sent (reset, hung, or the caller left). */
export interface CallRecord {
  at: number
  caller: string
  path: string
  status: number
  ms: number
  idempotencyKey?: string
}

/** A running module. Set `fault` to break it, read `calls()` to see who called. */
export interface Module {
  readonly name: string
  readonly url: string
  readonly port: number
  readonly token: string
  fault: Fault
  calls(): readonly CallRecord[]
  close(): Promise<void>
}

/** How to start a module. */
export interface ModuleOptions<Input extends z.ZodType, Output extends z.ZodType> {
  name: string
  token: string
  contract: Contract<Input, Output>
  handle(input: z.output<Input>, context: { signal: AbortSignal }): z.input<Output> | Promise<z.input<Output>>
  /** Default `[0, 0]`. */
  latencyMs?: Latency
}

/** Starts a module: a real HTTP server on a free port of the loopback interface, behind a bearer token of its own. */
export async function startModule<Input extends z.ZodType, Output extends z.ZodType>(
  options: ModuleOptions<Input, Output>,
): Promise<Module> {
  const { name, token } = options
  const calls: CallRecord[] = []
  const server = createServer((request, response) => void serve(request, response))
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo

  const module: Module = {
    name,
    url: `http://127.0.0.1:${port}`,
    port,
    token,
    fault: { kind: 'none' },
    calls: () => calls.map((call) => ({ ...call })),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return module

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { now: fault, later } = nextFault(module.fault)
    module.fault = later
    const { signal, answer } = recorded(request, response, calls)
    if (fault.kind === 'hang') return
    if (fault.kind === 'down') return void request.socket.resetAndDestroy()
    const delayMs = latencyOf(name, calls.length, options.latencyMs ?? [0, 0]) + (fault.kind === 'slow' ? fault.ms : 0)
    try {
      answer(200, await respond(request, fault, delayMs, options, signal))
    } catch (error) {
      const refusal =
        error instanceof ModuleError ? error : new ModuleError(500, 'internal', `${name} could not answer.`)
      answer(refusal.status, errorBody(refusal), refusal.headers)
    }
  }
}

async function respond<Input extends z.ZodType, Output extends z.ZodType>(
  request: IncomingMessage,
  fault: Fault,
  delayMs: number,
  { name, token, contract, handle }: ModuleOptions<Input, Output>,
  signal: AbortSignal,
): Promise<unknown> {
  if (fault.kind === 'wrong-token' || !carriesToken(request, token)) {
    throw new ModuleError(401, 'unauthorized', `${name} does not accept this token.`)
  }
  if (request.url !== contract.path) throw new ModuleError(404, 'not_found', `${name} only has ${contract.path}.`)
  if (request.method !== 'POST') {
    throw new ModuleError(405, 'method_not_allowed', 'Use POST.', { headers: { allow: 'POST' } })
  }
  const input = checkInput(contract.input, await readJson(request))
  await pause(delayMs, signal)
  if (fault.kind === 'error') throw brokenOnPurpose(fault)
  if (fault.kind === 'wrong-payload') return { note: 'Well-formed JSON that no contract describes.' }
  return contract.output.parse(await handle(input, { signal }))
}

/** Keeps the record of one request, and a signal that fires when the caller leaves before its answer. */
function recorded(request: IncomingMessage, response: ServerResponse, calls: CallRecord[]) {
  const startedAt = performance.now()
  const caller = new AbortController()
  const key = request.headers['idempotency-key']
  const record: CallRecord = {
    at: Date.now(),
    caller: String(request.headers['x-caller'] ?? 'unknown').slice(0, 64),
    path: request.url ?? '/',
    status: 0,
    ms: 0,
    ...(typeof key === 'string' && { idempotencyKey: key }),
  }
  calls.push(record)
  response.once('close', () => {
    if (record.status === 0) record.ms = performance.now() - startedAt
    caller.abort()
  })

  function answer(status: number, body: unknown, headers: Record<string, string> = {}): void {
    if (caller.signal.aborted) return
    record.status = status
    record.ms = performance.now() - startedAt
    sendJson(response, status, body, headers)
  }
  return { signal: caller.signal, answer }
}

function brokenOnPurpose({ status = 500, retryAfterSeconds }: Extract<Fault, { kind: 'error' }>): ModuleError {
  const headers: Record<string, string> = {}
  if (retryAfterSeconds !== undefined) headers['retry-after'] = String(retryAfterSeconds)
  return new ModuleError(status, 'broken', 'This module is broken on purpose.', { headers })
}
