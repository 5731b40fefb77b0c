const NO_STORE = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } as const

/** A request that cannot be answered as asked; the message goes to the client, so it quotes nothing of the request. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly status: number
  readonly code: string
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.status = status
    this.code = code
    this.headers = headers
  }
}

/** A JSON answer that no cache keeps. */
export function json(body: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...NO_STORE, ...headers },
  })
}

/** Any text that no cache keeps. */
export function text(body: string, contentType: string, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(body, { headers: { 'content-type': contentType, ...NO_STORE, ...headers } })
}

/** The answer to a request that was refused. */
export function refused({ status, code, message, headers }: Refusal): Response {
  return json({ status: 'error', error: { code, message } }, status, headers)
}

/** A body that goes on until its reader leaves. */
export function stream(body: ReadableStream<Uint8Array>, contentType: string): Response {
  // Middleware that compresses would hold back what is to be seen now.
  const atOnce = { 'cache-control': 'no-store, no-transform', 'x-accel-buffering': 'no' }
  return new Response(body, { headers: { 'content-type': contentType, ...NO_STORE, ...atOnce } })
}
