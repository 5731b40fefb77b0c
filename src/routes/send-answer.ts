import type { ServerResponse } from 'node:http'
import type { Answer } from './route-answer.js'
import { namesIn } from './vary.js'

/**
 * Sends an answer to a client that has been sent nothing yet; one that has left is sent nothing.
 *
 * @param before Header fields that were set before the route where the response does not know them.
 */
export function sendAnswer(
  response: ServerResponse,
  { status, fields, body }: Answer,
  before: Readonly<Record<string, unknown>> = {},
): void {
  if (response.headersSent || response.destroyed) return
  for (const name of Object.keys(before)) response.setHeader(name, before[name] as string)
  const isWrapped = Object.hasOwn(response, 'writeHead') || Object.hasOwn(response, 'end')
  if (!isWrapped && response.getHeaderNames().length === 0) {
    // Nobody has set a field: all of them go at once, which is several times as fast as one by one. Middleware that has
    // wrapped `writeHead` may know no such list, and what has wrapped `end` may still set a field.
    response.writeHead(status, fields as string[]).end(body ?? undefined)
    return
  }
  const own = new Set<string>()
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index] as string
    const value = fields[index + 1] as string
    // What varies by a field from before the route, as CORS does by `Origin`, still does.
    if (own.has(name) || name === 'vary') addHeader(response, name, value)
    else response.setHeader(name, value)
    own.add(name)
  }
  response.statusCode = status
  response.end(body ?? undefined)
}

function addHeader(response: ServerResponse, name: string, value: string): void {
  if (name === 'vary') response.setHeader(name, namesIn([response.getHeader(name)?.toString(), value]).join(', '))
  else response.appendHeader(name, value)
}
