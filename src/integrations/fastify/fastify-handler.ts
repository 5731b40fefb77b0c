import type { ServerResponse } from 'node:http'
import { type FetchHandler, type NodeRequest, sendResponse, toRequest } from '../../routes/node-bridge.js'
import type { FastifyReplyLike } from './cache-reply.js'

/**
 * Mounts a WHATWG handler in Fastify: `app.all('/api/cache/*', fastifyHandler(adminHandler(stash, { token })))`.
 *
 * A body that Fastify has parsed is given as JSON again. What the handler throws goes to Fastify's error handling.
 */
export function fastifyHandler(
  handler: FetchHandler,
): (request: { readonly raw: NodeRequest; readonly body?: unknown }, reply: FastifyReplyLike) => Promise<void> {
  return async (request, reply) => {
    const incoming: NodeRequest = Object.assign(request.raw, request.body === undefined ? {} : { body: request.body })
    const response = await answered(handler, incoming, reply.raw)
    reply.hijack()
    // What hooks have set, such as security headers, which a hijacked reply does not send.
    for (const [name, value] of Object.entries(reply.getHeaders()))
      if (value !== undefined) reply.raw.setHeader(name, value as string)
    await sendResponse(reply.raw, response)
  }
}

async function answered(handler: FetchHandler, incoming: NodeRequest, outgoing: ServerResponse): Promise<Response> {
  let request: Request
  try {
    request = toRequest(incoming, outgoing)
  } catch {
    // A method or a header that no Request can hold.
    return new Response(null, { status: 400 })
  }
  return handler(request)
}
