import { listScript, markScript, unmarkScript } from '../redis/subject-scripts.js'
import { listOf, numberOf, textOf } from './redis-replies.js'
import type { RedisSite, RedisVerbs } from './redis-verbs.js'
import type { ForgetReply, KeyRef, SharedStore, StoredEntry } from './shared-store.js'
import { subjectIn, subjectTag } from './subject.js'

/** Verbs that know whose data entries are. */
export type ForgettingVerbs = RedisVerbs & Required<Pick<SharedStore, 'forget'>>

const PAGE = 500

/**
 * The same verbs, which note every entry of a subject before they write it, and can remove them all.
 *
 * The note costs a load a round trip, and a set two, for entries that have a subject. It comes first: a note without an
 * entry does no harm, an entry without a note could not be erased.
 */
export function withSubjects<S extends RedisSite>(verbsOf: (site: S) => RedisVerbs, site: S): ForgettingVerbs {
  const { keys, run, pipe } = site
  const verbs = verbsOf(site)

  /** The verbs, and the note, with one budget for all they send. */
  const marking = (subject: string, { key, lifeMs }: Marked) => {
    const one = { ...site, ...site.asOne() }
    const marked = [keys.subject(subject), keys.nothing, keys.marker(`t//${subjectTag(subject)}`)]
    const mark = (): Promise<unknown> => one.run(markScript, marked, [key, String(Math.ceil(lifeMs))])
    return { mark, verbs: verbsOf(one), pipe: one.pipe }
  }

  return {
    ...verbs,
    async write(request) {
      const subject = subjectIn(request.entry.tags)
      if (subject === undefined) return verbs.write(request)
      const one = marking(subject, request)
      await one.mark()
      return one.verbs.write(request)
    },
    async set(request) {
      const subject = subjectIn(request.entry.tags)
      if (subject === undefined) return verbs.set(request)
      const one = marking(subject, request)
      await one.mark()
      const reply = await one.verbs.set(request)
      if (reply.outcome !== 'written') return reply
      // Again: unlike a load, which an erasure refuses, a set may have come right behind one that took its note with it. On
      // a Cluster it may also be stamped before one and written after it: then its bytes are readable to nobody, and go.
      const marker = textOf(await one.mark())
      if (isAbove(marker, reply.seq)) await one.pipe([['UNLINK', keys.entry(request.key)]])
      return reply
    },
    async forget(subject): Promise<ForgetReply> {
      const index = keys.subject(subject)
      let removed = 0
      let left = Infinity
      while (left > 0) {
        const [size, ...list] = listOf(await run(listScript, [index], [String(PAGE)]))
        left = Math.min(left, numberOf(size)) - PAGE
        const marked = pairs(list)
        if (marked.length === 0) break
        // The tokens first: on a Cluster a load whose markers were compared in time may write as long as its token is there.
        const replies = await pipe([
          ...marked.map(([key]) => ['UNLINK', keys.token(key)]),
          ...marked.map(([key]) => ['UNLINK', keys.entry(key)]),
        ])
        for (const reply of replies) if (reply instanceof Error) throw reply
        removed += replies.slice(marked.length).reduce((sum: number, reply) => sum + numberOf(reply), 0)
        await run(unmarkScript, [index], marked.flat())
      }
      return { ...(await verbs.ping()), removed }
    },
  }
}

/** Whether a marker outdates what was stamped with a number; one that is not there may have been evicted. */
function isAbove(marker: string, seq: number): boolean {
  return !(Number(marker.split(':')[1]) <= seq)
}

interface Marked extends KeyRef {
  readonly entry: StoredEntry
  readonly lifeMs: number
}

function pairs(list: readonly unknown[]): (readonly [key: string, score: string])[] {
  const found: (readonly [string, string])[] = []
  for (let at = 0; at + 1 < list.length; at += 2) found.push([textOf(list[at]), textOf(list[at + 1])])
  return found
}
