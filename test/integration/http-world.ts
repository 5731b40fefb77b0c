import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** What the upstream does with one request. */
export type Cue =
  | {
      readonly status?: number
      readonly headers?: Record<string, string>
      readonly json?: unknown
      readonly afterMs?: number
      /** Answers no sooner than this. */
      readonly after?: Promise<void>
    }
  | 'reset'
  | 'no headers'
  | 'half a body'
  | 'slow body'
  | 'cut off'
  | 'broken JSON'
  | 'a web page'
  | 'closed when used'
  | 'a flood'

/** What a flood would send in all. */
export const FLOOD_BYTES = 64_000_000

/** One request as the upstream saw it. */
export interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
  readonly atMs: number
  readonly socket: number
}

/** An upstream that misbehaves on cue: `cue(n)` says what becomes of request `n`, from 0 on. */
export async function startUpstream(cue: (request: number, seen: Seen) => Cue) {
  const seen: Seen[] = []
  const sockets = new Map<Socket, { readonly id: number; served: number }>()
  let flooded = 0
  let inFlight = 0
  let mostInFlight = 0
  const server = createServer(async (request, response) => {
    mostInFlight = Math.max(mostInFlight, ++inFlight)
    response.once('close', () => inFlight--)
    const known = sockets.get(request.socket) ?? { id: sockets.size, served: 0 }
    sockets.set(request.socket, known)
    const body = await textOf(request)
    const { method = '', url = '', headers } = request
    const entry = { method, url, headers, body, atMs: performance.now(), socket: known.id }
    seen.push(entry)
    perform(cue(seen.length - 1, entry), request, response, known.served++, (bytes) => {
      flooded += bytes
    })
  })
  server.keepAliveTimeout = 60_000
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    connections: () => sockets.size,
    mostInFlight: () => mostInFlight,
    /** Bytes of floods that have left the process. */
    floodBytes: () => flooded,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function perform(
  cue: Cue,
  { socket }: IncomingMessage,
  response: ServerResponse,
  served: number,
  onFlood: (bytes: number) => void,
): void {
  const json = { 'content-type': 'application/json' }
  if (cue === 'reset') socket.resetAndDestroy()
  else if (cue === 'no headers') return
  else if (cue === 'closed when used') {
    if (served > 0) socket.destroy()
    else response.writeHead(200, json).end('{"ok":true}')
  } else if (cue === 'a flood') {
    response.writeHead(200, json)
    flood(response, onFlood)
  } else if (cue === 'half a body') response.writeHead(200, json).write('{"ok":')
  else if (cue === 'slow body') {
    response.writeHead(200, json)
    const parts = ['{"o', 'k":', 'tru', 'e}']
    const timer = setInterval(() => {
      response.write(parts.shift())
      if (parts.length > 0) return
      clearInterval(timer)
      response.end()
    }, 20)
  } else if (cue === 'cut off') {
    response.writeHead(200, { ...json, 'content-length': '100' }).write('{"ok":')
    setTimeout(() => socket.destroy(), 10)
  } else if (cue === 'broken JSON') response.writeHead(200, json).end('{"ok":')
  else if (cue === 'a web page') response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>secret page</h1>')
  else {
    const { status = 200, headers = {}, json: value = { ok: true }, afterMs = 0, after } = cue
    const answer = (): void => {
      response.writeHead(status, { ...json, ...headers }).end(status === 204 ? undefined : JSON.stringify(value))
    }
    if (after) void after.then(answer)
    else if (afterMs > 0) setTimeout(answer, afterMs)
    else answer()
  }
}

/** Sends part after part, each when the one before it has left. */
function flood(response: ServerResponse, onFlood: (bytes: number) => void): void {
  const part = Buffer.alloc(64_000, 'x')
  let left = FLOOD_BYTES
  const next = (): void => {
    left -= part.length
    onFlood(part.length)
    if (left > 0) response.write(part, next)
    else response.end()
  }
  response.write(part, next)
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += chunk
  return text
}

/** A short limit for what is to exceed it, and none that a slow machine exceeds for all else. */
export function timeoutsFor(cue: Cue) {
  return { headers: cue === 'no headers' ? '150ms' : '20s', body: cue === 'half a body' ? '150ms' : '20s' } as const
}

/** Looks every few ms until it holds, for as long as the slowest machine may take. */
export async function until(holds: () => boolean): Promise<void> {
  for (let left = 4000; !holds(); left--) {
    if (left === 0) throw new Error(`never came true: ${holds}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
