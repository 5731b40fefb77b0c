import type { ServerResponse } from 'node:http'
import type { Answer } from './route-cache.js'

/**
 * Sends an answer to a client that has been sent nothing yet; one that has left is sent nothing.
 *
 * @param before Header fields that were set before the route where the response does not know them.
 */
export function sendAnswer(
  response: ServerResponse,
  { status, headers, body }: Answer,
  before: Readonly<Record<string, unknown>> = {},
): void {
  if (response.headersSent || response.destroyed) return
  for (const [name, value] of Object.entries(before)) response.setHeader(name, value as string)
  if (response.getHeaderNames().length === 0) {
    // Nobody has set a field: all of them go at once, which is several times as fast as one by one.
    response.writeHead(status, headers.flat()).end(body ?? undefined)
    return
  }
  for (const [name, value] of headers) if (name !== 'set-cookie') response.setHeader(name, value)
  const cookies = headers.filter(([name]) => name === 'set-cookie').map(([, value]) => value)
  if (cookies.length > 0) response.setHeader('set-cookie', cookies)
  response.statusCode = status
  response.end(body ?? undefined)
}
