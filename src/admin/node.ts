import type { ServerResponse } from 'node:http'
import { answerWith, type NodeRequest } from '../routes/node-bridge.js'
import type { AdminHandler } from './handler.js'

/**
 * Mounts a handler in `node:http`: `createServer(nodeHandler(adminHandler(stash, { token })))`.
 *
 * Rejects never; a client that leaves ends what it asked for.
 */
export function nodeHandler(handler: AdminHandler): (request: NodeRequest, response: ServerResponse) => void {
  return (incoming, outgoing) => answerWith(handler, incoming, outgoing, () => outgoing.destroy())
}
