import type { IncomingMessage, ServerResponse } from 'node:http'

/** A framework-neutral handler. */
export type FetchHandler = (request: Request) => Promise<Response>

/** What frameworks add to a request of `node:http`. */
export interface NodeRequest extends IncomingMessage {
  /** Where a router is mounted that took its prefix off `url`. */
  readonly baseUrl?: string
  readonly originalUrl?: string
  /** The route that Express has found. */
  readonly route?: { readonly path?: unknown }
  /** What a body parser before us has left of the body. */
  readonly body?: unknown
}

/**
 * A `node:http` request as a WHATWG one; its signal aborts when the client leaves.
 *
 * A body that a parser has already read is given as JSON again.
 */
export function toRequest(incoming: NodeRequest, outgoing: ServerResponse): Request {
  const controller = new AbortController()
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) controller.abort()
  })
  const method = incoming.method ?? 'GET'
  const init: RequestInit & { duplex?: 'half' } = { method, headers: headersOf(incoming), signal: controller.signal }
  if (method !== 'GET' && method !== 'HEAD' && hasBody(incoming)) {
    init.body = bodyOf(incoming)
    init.duplex = 'half'
  }
  return new Request(urlOf(incoming), init)
}

/** Answers a `node:http` request with a WHATWG handler; `onError` is given what the handler or the sending throws. */
export function answerWith(
  handler: FetchHandler,
  incoming: NodeRequest,
  outgoing: ServerResponse,
  onError: (error: unknown) => void,
): void {
  let request: Request
  try {
    request = toRequest(incoming, outgoing)
  } catch {
    // A method or a header that no Request can hold.
    outgoing.writeHead(400).end()
    return
  }
  const answered = async (): Promise<void> => sendResponse(outgoing, await handler(request))
  answered().catch(onError)
}

/** Sends a WHATWG response by `node:http`, as fast as the client reads. */
export async function sendResponse(outgoing: ServerResponse, response: Response): Promise<void> {
  outgoing.statusCode = response.status
  if (response.statusText !== '') outgoing.statusMessage = response.statusText
  for (const [name, value] of response.headers) if (name !== 'set-cookie') outgoing.setHeader(name, value)
  const cookies = response.headers.getSetCookie()
  if (cookies.length > 0) outgoing.setHeader('set-cookie', cookies)
  if (response.body === null || outgoing.req.method === 'HEAD') {
    await response.body?.cancel()
    outgoing.end()
    return
  }
  await pump(response.body, outgoing)
}

async function pump(body: ReadableStream<Uint8Array>, outgoing: ServerResponse): Promise<void> {
  const reader = body.getReader()
  const leave = (): void => {
    reader.cancel().catch(() => undefined)
  }
  outgoing.once('close', leave)
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done || outgoing.destroyed) break
      if (!outgoing.write(value)) await drained(outgoing)
    }
    outgoing.end()
  } catch (error) {
    // The head is sent: a body that ends here must not look whole.
    outgoing.destroy(error instanceof Error ? error : undefined)
  } finally {
    outgoing.off('close', leave)
  }
}

function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      outgoing.off('drain', settle)
      outgoing.off('close', settle)
      resolve()
    }
    outgoing.once('drain', settle)
    outgoing.once('close', settle)
  })
}

function urlOf(incoming: NodeRequest): string {
  const path = incoming.originalUrl ?? incoming.url ?? '/'
  // A path that is no path (`//host`, `http://…`) must not choose the host.
  const url = new URL(isSecure(incoming) ? 'https://localhost' : 'http://localhost')
  const cut = path.indexOf('?')
  url.pathname = cut < 0 ? path : path.slice(0, cut)
  url.search = cut < 0 ? '' : path.slice(cut)
  const host = hostOf(incoming.headers)
  if (host !== undefined && /^[A-Za-z0-9.[\]:_-]{1,255}$/.test(host)) url.host = host
  return url.href
}

/** Whether a request came over TLS. */
export function isSecure({ socket }: IncomingMessage): boolean {
  return (socket as { readonly encrypted?: boolean } | undefined)?.encrypted === true
}

/** The host a request names; over HTTP/2 a field of another name. */
export function hostOf(headers: IncomingMessage['headers']): string | undefined {
  const host = headers.host ?? headers[':authority']
  return typeof host === 'string' ? host : undefined
}

function headersOf(incoming: IncomingMessage): Headers {
  const headers = new Headers()
  for (let index = 0; index + 1 < incoming.rawHeaders.length; index += 2) {
    const name = incoming.rawHeaders[index] as string
    // Pseudo headers of HTTP/2.
    if (!name.startsWith(':')) headers.append(name, incoming.rawHeaders[index + 1] as string)
  }
  return headers
}

function hasBody(incoming: NodeRequest): boolean {
  const { headers, body, readableEnded } = incoming
  if (body !== undefined && readableEnded) return true
  return (
    hasBodyOfHttp2(incoming) || headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
  )
}

/** Over HTTP/2 a body needs no field that tells of it. */
export function hasBodyOfHttp2(incoming: IncomingMessage): boolean {
  const { stream } = incoming as { readonly stream?: { readonly endAfterHeaders?: boolean } }
  return incoming.httpVersionMajor >= 2 && stream?.endAfterHeaders === false
}

function bodyOf(incoming: NodeRequest): NonNullable<RequestInit['body']> {
  if (incoming.readableEnded && incoming.body !== undefined) {
    const { body } = incoming
    return typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body)
  }
  return streamOf(incoming)
}

// Not `Readable.toWeb`: a chunk that comes after its reader has left is an uncaught exception there.
function streamOf(incoming: NodeRequest): ReadableStream<Uint8Array> {
  const isReadAlready = incoming.readableEnded
  const chunks = incoming[Symbol.asyncIterator]()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        // It said something, and nobody knows what: read as nothing, it could ask for more than was meant.
        if (isReadAlready) throw new Error('The body was read before, and nothing was left of it.')
        const { done, value } = await chunks.next()
        if (done) controller.close()
        else controller.enqueue(Uint8Array.from(value as Uint8Array))
      },
      // The rest is let go, so that the answer can still be sent on this connection.
      cancel() {
        incoming.resume()
      },
    },
    { highWaterMark: 0 },
  )
}
