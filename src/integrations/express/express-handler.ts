import type { ServerResponse } from 'node:http'
import { type FetchHandler, type NodeRequest, sendResponse, toRequest } from '../../routes/node-bridge.js'

/**
 * Mounts a WHATWG handler in Express, such as that of `adminHandler`: `app.use('/api/cache', expressHandler(handler))`.
 *
 * A request it answers goes no further; what it throws goes to Express's error handling.
 */
export function expressHandler(
  handler: FetchHandler,
): (request: NodeRequest, response: ServerResponse, next: (error?: unknown) => void) => void {
  return (incoming, outgoing, next) => {
    let request: Request
    try {
      request = toRequest(incoming, outgoing)
    } catch {
      // A method or a header that no Request can hold.
      outgoing.writeHead(400).end()
      return
    }
    handler(request)
      .then((response) => sendResponse(outgoing, response))
      .catch(next)
  }
}
