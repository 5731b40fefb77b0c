import type { Socket } from 'node:net'

/**
 * Holds back the end of a connection on this side: an answer that is ready is still to be sent on it.
 *
 * Express ends the connection of a handler that throws once it has answered, which by then has its answer. The returned
 * function ends the hold; who asked meanwhile gets the end then, once everything written is out.
 */
export function holdConnection(socket: Socket): () => void {
  let isWanted = false
  const own = Object.getOwnPropertyDescriptor(socket, 'destroy')
  Object.defineProperty(socket, 'destroy', {
    configurable: true,
    enumerable: false,
    writable: true,
    value: () => {
      isWanted = true
      return socket
    },
  })
  return () => {
    if (own === undefined) delete (socket as { destroy?: unknown }).destroy
    else Object.defineProperty(socket, 'destroy', own)
    if (isWanted) socket.destroySoon()
  }
}
