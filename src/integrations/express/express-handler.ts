import type { ServerResponse } from 'node:http'
import { answerWith, type FetchHandler, type NodeRequest } from '../../routes/node-bridge.js'

/**
 * Mounts a WHATWG handler in Express, such as that of `adminHandler`: `app.use('/api/cache', expressHandler(handler))`.
 *
 * A request it answers goes no further; what it throws goes to Express's error handling.
 */
export function expressHandler(
  handler: FetchHandler,
): (request: NodeRequest, response: ServerResponse, next: (error?: unknown) => void) => void {
  return (incoming, outgoing, next) => answerWith(handler, incoming, outgoing, next)
}
