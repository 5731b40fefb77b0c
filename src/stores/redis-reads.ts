import { createLookups } from './redis-lookup.js'
import { readMany } from './redis-read-many.js'
import { type ReadSite, readByScript } from './redis-read-script.js'
import type { ReadReply, ReadRequest } from './shared-store.js'

/** Told the reply to a read, or why there is none. */
export type ReadDone = (reply: ReadReply | undefined, error?: unknown) => void

/** The reads of one store. */
export interface Reads {
  read(request: ReadRequest): Promise<ReadReply>
  /** The same, told to a function: once, and never before this returns. It must not throw. */
  readTo(request: ReadRequest, done: ReadDone): void
  /** A new connection may be to a server with another time. */
  reset(): void
}

interface Waiting {
  readonly requests: ReadRequest[]
  readonly done: (ReadDone | undefined)[]
}

/** Beyond it more of the same says nothing new. */
const MOST_CONFIDENCE = 8
const USUAL_BYTES = 1024
const MEMORY_OF_SIZES = 16

/**
 * Returns the reads of one store: those of one tick go together by plain commands, which cost the server a fraction of a
 * script.
 *
 * A lone read goes by the script where plain commands would need a second round trip: if entries of its namespace have
 * tags, or were missing, lately.
 */
export function createReads(site: ReadSite): Reads {
  const lookups = createLookups(site.keys, site.clock)
  const untaggedHits = new Map<string, number>()
  let waiting: Waiting = { requests: [], done: [] }
  let usualBytes = USUAL_BYTES

  const learn = ({ namespace }: ReadRequest, { entry, token }: ReadReply): void => {
    const before = untaggedHits.get(namespace) ?? 0
    const isPlain = entry !== undefined && entry.tags.length === 0 && token === undefined
    const after = isPlain ? Math.min(MOST_CONFIDENCE, before + 1) : Math.max(0, before - 2)
    if (after !== before) untaggedHits.set(namespace, after)
    if (entry?.body !== undefined) usualBytes += (entry.body.length - usualBytes) / MEMORY_OF_SIZES
  }
  const goesByScript = ([first, second]: readonly ReadRequest[]): boolean =>
    site.isOneNode && second === undefined && (untaggedHits.get(first?.namespace ?? '') ?? 0) === 0

  const flush = (): void => {
    const { requests, done } = waiting
    waiting = { requests: [], done: [] }
    const answer = (index: number, reply: ReadReply): void => {
      const tell = done[index]
      if (tell === undefined) return
      done[index] = undefined
      learn(requests[index] as ReadRequest, reply)
      tell(reply)
    }
    const answered = goesByScript(requests)
      ? readByScript(site, requests[0] as ReadRequest).then((reply) => answer(0, reply))
      : readMany(site, lookups, requests, usualBytes, answer)
    answered.catch((error: unknown) => {
      for (const tell of done.splice(0)) tell?.(undefined, error)
    })
  }
  const readTo: Reads['readTo'] = (request, done) => {
    waiting.done.push(done)
    // After the microtasks: whoever reads in this tick is in it.
    if (waiting.requests.push(request) === 1) process.nextTick(flush)
  }

  return {
    read: (request) =>
      new Promise((resolve, reject) =>
        readTo(request, (reply, error) => {
          if (reply === undefined) reject(error)
          else resolve(reply)
        }),
      ),
    readTo,
    reset: lookups.reset,
  }
}
