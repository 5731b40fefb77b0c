import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ERROR_EVENTS, type Rendered, render, type Said, type WireName } from './wire-answers.js'

export type { Said, WireName } from './wire-answers.js'

/** One answer of the server: what the model says, and how it gets to the client. */
export interface Script extends Said {
  /** Any other than 200 answers with an error body of the format. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Where chunk boundaries fall: after every event, nowhere, or after so many bytes. @defaultValue `'event'` */
  readonly chunks?: 'event' | 'whole' | number
  readonly newline?: '\n' | '\r\n' | '\r'
  /** End the body properly after so many events. */
  readonly cutAfter?: number
  /** Destroy the socket after so many events (of JSON: in the middle). */
  readonly breakAfter?: number
  /** Send the format's error event after so many events, and end. */
  readonly failAfter?: number
  /** Wait for this promise after so many events (of JSON: before anything is sent). */
  readonly holdAfter?: { readonly events: number; readonly until: Promise<unknown> }
  /** One more block behind the events of a stream, a comment for instance. */
  readonly tail?: string
  /** A body as it is, instead of a rendered one. */
  readonly raw?: { readonly contentType: string; readonly body: string | Uint8Array }
}

/** A request as it arrived. */
export interface WireRequest {
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: Record<string, unknown>
  /** The client went away before the end of the answer. */
  aborted: boolean
}

/** A server on a free local port that speaks the wire formats of the providers. */
export interface WireServer {
  /** Without a slash at the end. */
  readonly url: string
  readonly requests: WireRequest[]
  /** Answers in order; when there are none left, the model says something new each time. */
  readonly scripts: Script[]
  /** Makes the answer where no script is left. */
  otherwise: (request: WireRequest, serial: number) => Script
  close(): Promise<void>
}

/** Starts a wire server. Call `close` at the end. */
export async function startWireServer(): Promise<WireServer> {
  const requests: WireRequest[] = []
  const scripts: Script[] = []
  let serial = 0
  const wire = { requests, scripts, otherwise: (): Script => ({}) } as unknown as WireServer
  const server = createServer(async (incoming, outgoing) => {
    const path = incoming.url ?? '/'
    const request: WireRequest = { path, headers: incoming.headers, body: await bodyOf(incoming), aborted: false }
    requests.push(request)
    outgoing.on('close', () => {
      request.aborted = !outgoing.writableFinished
    })
    serial++
    const script = scripts.shift() ?? wire.otherwise(request, serial)
    await answer(request, script, serial, outgoing).catch(() => outgoing.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return Object.assign(wire, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  })
}

/** The format a path belongs to. */
export function wireOf(path: string): WireName | 'embeddings' | undefined {
  const [route = ''] = path.split('?')
  if (route.endsWith('/chat/completions')) return 'openai-chat'
  if (route.endsWith('/responses')) return 'openai-responses'
  if (route.endsWith('/messages')) return 'anthropic-messages'
  if (/:(?:stream)?[gG]enerateContent$/.test(route)) return 'gemini'
  return route.endsWith('/embeddings') ? 'embeddings' : undefined
}

async function answer(request: WireRequest, script: Script, serial: number, to: ServerResponse): Promise<void> {
  const format = wireOf(request.path)
  const headers = { 'x-request-id': `req_${serial}`, 'request-id': `req_${serial}`, ...script.headers }
  if (script.raw !== undefined) {
    to.writeHead(script.status ?? 200, { 'content-type': script.raw.contentType, ...headers })
    return void to.end(script.raw.body)
  }
  if (script.status !== undefined && script.status !== 200) {
    to.writeHead(script.status, { 'content-type': 'application/json', ...headers })
    const error = { type: 'api_error', message: `failure ${serial}`, code: script.status, status: 'UNAVAILABLE' }
    return void to.end(JSON.stringify({ type: 'error', error }))
  }
  if (format === 'embeddings') return sendJson(to, headers, script, embeddingsOf(request, serial))
  if (format === undefined) return sendJson(to, headers, script, { serial, path: request.path, echo: request.body })
  const streams = format === 'gemini' ? request.path.includes(':stream') : request.body.stream === true
  const rendered = render(format, script, frameOf(request, serial), streams)
  if ('json' in rendered) return sendJson(to, headers, script, rendered.json)
  await sendEvents(to, headers, script, rendered, format)
}

function frameOf({ body, path }: WireRequest, serial: number) {
  const inPath = /\/models\/([^:/]+):/.exec(path)?.[1]
  const options = body.stream_options as { include_usage?: boolean } | undefined
  return {
    serial,
    model: (body.model as string | undefined) ?? inPath ?? 'unknown',
    choices: (body.n as number | undefined) ?? 1,
    withUsage: options?.include_usage === true,
  }
}

async function sendJson(to: ServerResponse, headers: object, script: Script, json: object): Promise<void> {
  to.writeHead(200, { 'content-type': 'application/json', ...headers })
  const bytes = Buffer.from(JSON.stringify(json))
  if (script.holdAfter !== undefined) {
    to.flushHeaders()
    await script.holdAfter.until
  }
  if (script.breakAfter !== undefined) return breakOff(to, bytes.subarray(0, bytes.length >> 1))
  if (script.cutAfter !== undefined) return void to.end(bytes.subarray(0, bytes.length >> 1))
  await send(to, bytes, script.chunks ?? 'whole')
  to.end()
}

async function sendEvents(
  to: ServerResponse,
  headers: object,
  script: Script,
  rendered: Extract<Rendered, { events: unknown }>,
  format: WireName,
): Promise<void> {
  to.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', ...headers })
  const { newline = '\n', chunks = 'event' } = script
  const wireText = (event: string): Buffer => Buffer.from(`${event}\n\n`.replaceAll('\n', newline))
  const last = script.cutAfter ?? script.breakAfter ?? script.failAfter ?? rendered.events.length
  const events = rendered.events.slice(0, last).map(wireText)
  if (script.failAfter !== undefined) events.push(wireText(ERROR_EVENTS[format]))
  if (script.tail !== undefined) events.push(wireText(script.tail))
  if (chunks === 'event') {
    for (const [index, event] of events.entries()) {
      if (script.holdAfter?.events === index) await held(to, script.holdAfter.until)
      await write(to, event)
    }
  } else await send(to, Buffer.concat(events), chunks)
  if (script.breakAfter !== undefined) return breakOff(to)
  to.end()
}

async function held(to: ServerResponse, until: Promise<unknown>): Promise<void> {
  to.flushHeaders()
  await until
}

async function send(to: ServerResponse, bytes: Buffer, chunks: 'event' | 'whole' | number): Promise<void> {
  if (typeof chunks !== 'number') return write(to, bytes)
  for (let at = 0; at < bytes.length; at += chunks) await write(to, bytes.subarray(at, at + chunks))
}

function write(to: ServerResponse, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => to.write(bytes, (error) => (error ? reject(error) : resolve())))
}

// What was written must have left before the socket goes.
async function breakOff(to: ServerResponse, last?: Buffer): Promise<void> {
  if (last !== undefined) await write(to, last)
  await new Promise((resolve) => setTimeout(resolve, 5))
  to.destroy()
}

async function bodyOf(incoming: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString()
  try {
    return JSON.parse(text)
  } catch {
    return { text }
  }
}

/** Embeddings of three numbers each: the length of the text, a number of the text alone, and the request's serial. */
function embeddingsOf({ body }: WireRequest, serial: number): object {
  const inputs = (isOne(body.input) ? [body.input] : body.input) as unknown[]
  const data = inputs.map((input, index) => {
    const text = String(input)
    const numbers = [text.length, sumOf(text), serial].map(Math.fround)
    const embedding =
      body.encoding_format === 'base64' ? Buffer.from(new Float32Array(numbers).buffer).toString('base64') : numbers
    return { object: 'embedding', index, embedding }
  })
  const tokens = inputs.reduce<number>((sum, input) => sum + String(input).length, 0)
  return { object: 'list', data, model: body.model, usage: { prompt_tokens: tokens, total_tokens: tokens } }
}

function isOne(input: unknown): boolean {
  return typeof input === 'string' || (Array.isArray(input) && typeof input[0] === 'number')
}

function sumOf(text: string): number {
  return [...text].reduce((sum, letter, index) => sum + (letter.codePointAt(0) ?? 0) * (index + 1), 0)
}
