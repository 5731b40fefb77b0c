import type { ServerResponse } from 'node:http'
import { type NodeRequest, sendResponse, toRequest } from '../routes/node-bridge.js'
import type { AdminHandler } from './handler.js'

/**
 * Mounts a handler in `node:http`: `createServer(nodeHandler(adminHandler(stash, { token })))`.
 *
 * Rejects never; a client that leaves ends what it asked for.
 */
export function nodeHandler(handler: AdminHandler): (request: NodeRequest, response: ServerResponse) => void {
  return (incoming, outgoing) => {
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
      .catch(() => outgoing.destroy())
  }
}
