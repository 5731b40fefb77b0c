import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/** Events of a request that tell of a client that leaves; the last two are also those of any other end. */
const EVENTS = ['aborted', 'error', 'close']

/**
 * Hides from whoever begins to listen to a request that its client has left: others wait for the same answer.
 *
 * Who listened before hears it. The returned function ends it.
 */
export function hideLeaving(request: IncomingMessage): () => void {
  const heard = new Set(EVENTS.flatMap((event) => request.rawListeners(event)))
  const hidden = new Map<string, PropertyDescriptor | undefined>()
  const { emit } = request
  let { aborted } = request
  let hasLeft = aborted
  const hide = (name: string, descriptor: PropertyDescriptor): void => {
    hidden.set(name, Object.getOwnPropertyDescriptor(request, name))
    Object.defineProperty(request, name, { configurable: true, enumerable: false, ...descriptor })
  }
  hide('aborted', {
    get: () => false,
    set(value: boolean) {
      aborted = value
    },
  })
  const prototype = Object.getPrototypeOf(request)
  hide('destroyed', { get: () => !hasLeft && Reflect.get(prototype, 'destroyed', request), set() {} })
  hide('emit', {
    writable: true,
    value: (event: string, ...given: unknown[]): boolean => {
      hasLeft ||= event === 'aborted'
      if (!(hasLeft && EVENTS.includes(event))) return emit.call(request, event, ...given)
      for (const listener of request.rawListeners(event)) if (heard.has(listener)) listener.apply(request, given)
      return true
    },
  })
  return () => {
    for (const [name, own] of hidden) {
      if (own === undefined) delete (request as unknown as Record<string, unknown>)[name]
      else Object.defineProperty(request, name, own)
    }
    // Over HTTP/2 it is told by its class.
    if (hidden.get('aborted') !== undefined) request.aborted = aborted
    hidden.clear()
  }
}

/** Whether a connection was ended on this side: by the host, as Express does with a response that fails half-way. */
export function isCutHere(socket: Socket): boolean {
  return socket.destroyed && socket.errored === null && !socket.readableEnded
}
