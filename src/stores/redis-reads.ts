import { createLookups } from './redis-lookup.js'
import { readMany } from './redis-read-many.js'
import { type ReadSite, readByScript } from './redis-read-script.js'
import type { ReadReply, ReadRequest } from './shared-store.js'

/** The reads of one store. */
export interface Reads {
  read(request: ReadRequest): Promise<ReadReply>
  /** A new connection may be to a server with another time. */
  reset(): void
}

interface Waiting {
  readonly request: ReadRequest
  readonly resolve: (reply: ReadReply) => void
  readonly reject: (error: unknown) => void
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
  let waiting: Waiting[] = []
  let usualBytes = USUAL_BYTES

  const learn = ({ namespace }: ReadRequest, { entry, token }: ReadReply): void => {
    const before = untaggedHits.get(namespace) ?? 0
    const isPlain = entry !== undefined && entry.tags.length === 0 && token === undefined
    untaggedHits.set(namespace, isPlain ? Math.min(MOST_CONFIDENCE, before + 1) : Math.max(0, before - 2))
    if (entry?.body !== undefined) usualBytes += (entry.body.length - usualBytes) / MEMORY_OF_SIZES
  }
  const goesByScript = (batch: readonly Waiting[]): boolean =>
    site.isOneNode && batch.length === 1 && (untaggedHits.get(batch[0]?.request.namespace ?? '') ?? 0) === 0

  const flush = (): void => {
    const batch = waiting
    waiting = []
    const requests = batch.map(({ request }) => request)
    const replies = goesByScript(batch)
      ? readByScript(site, requests[0] as ReadRequest).then((reply) => [reply])
      : readMany(site, lookups, requests, usualBytes)
    replies.then(
      (answers) => {
        for (const [index, { request, resolve }] of batch.entries()) {
          const reply = answers[index] as ReadReply
          learn(request, reply)
          resolve(reply)
        }
      },
      (error) => {
        for (const { reject } of batch) reject(error)
      },
    )
  }

  return {
    read: (request) =>
      new Promise((resolve, reject) => {
        // After the microtasks: whoever reads in this tick is in it.
        if (waiting.push({ request, resolve, reject }) === 1) process.nextTick(flush)
      }),
    reset: lookups.reset,
  }
}
