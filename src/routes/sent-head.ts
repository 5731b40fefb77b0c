import type { ServerResponse } from 'node:http'

/**
 * Whether a cookie goes out with a response, told once its head has been sent.
 *
 * Sessions that wrap `writeHead` make theirs at that moment, some of them once the session has been saved.
 *
 * @param whenLeft Tells it of a client that has left before.
 */
export function sentCookie(response: ServerResponse, whenLeft: () => boolean): boolean | Promise<boolean> {
  if (response.headersSent) return hasCookie(response)
  if (response.destroyed) return whenLeft()
  return new Promise((resolve) => {
    const { writeHead } = response
    const own = Object.getOwnPropertyDescriptor(response, 'writeHead')
    const giveBack = (): void => {
      response.off('close', onClose)
      if (response.writeHead !== watched) return
      if (own === undefined) delete (response as { writeHead?: unknown }).writeHead
      else Object.defineProperty(response, 'writeHead', own)
    }
    const onClose = (): void => {
      giveBack()
      resolve(response.headersSent ? hasCookie(response) : whenLeft())
    }
    const watched = (...given: unknown[]): ServerResponse => {
      giveBack()
      try {
        return (writeHead as (...given: unknown[]) => ServerResponse).apply(response, given)
      } finally {
        resolve(hasCookie(response))
      }
    }
    response.writeHead = watched
    response.once('close', onClose)
  })
}

/** Resolves when a response that is being answered has been ended, or its client has left. */
export function ended(response: ServerResponse): Promise<void> | undefined {
  if (response.writableEnded || response.destroyed) return undefined
  return new Promise((resolve) => {
    response.once('finish', resolve)
    response.once('close', resolve)
  })
}

/** Whether a cookie would have gone to a client that has left: the head is made all the same, by whoever has wrapped it. */
export function revealedCookie(response: ServerResponse): boolean {
  try {
    response.writeHead(response.statusCode)
  } catch {
    // It says nothing, as to the client.
  }
  return hasCookie(response)
}

// Fields that are given to `writeHead` alone are in its text only.
function hasCookie(response: ServerResponse): boolean {
  const set = response.getHeader('set-cookie')
  if (set !== undefined && [set].flat().length > 0) return true
  const { _header } = response as { readonly _header?: unknown }
  return typeof _header === 'string' && /^set-cookie:/im.test(_header)
}
