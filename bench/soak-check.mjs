/** A message is on its way, or a gap is noticed, within two heartbeats and a quarter of a second. */
const SEEN_ELSEWHERE_MS = 2500
const KEPT = 1000

/**
 * Returns the history of one soak, and the judgement of what processes see.
 *
 * Each key belongs to one process, which alone changes it and numbers its versions. That process must never again see a
 * version from before one of its changes that is done; the others must not once they had the time to hear of it, and
 * nothing was broken meanwhile.
 */
export function createChecker() {
  const counts = { changed: 0, queued: 0, seen: 0, calmSeen: 0, last: 0, slowestCloseMs: 0 }
  const violations = []
  /** By key: what its owner said of it, oldest first. */
  const history = new Map()
  let calmSince = Infinity

  const newestBefore = (key, at) => {
    const said = history.get(key) ?? []
    for (let index = said.length - 1; index >= 0; index--) if (said[index].at <= at) return said[index].version
    return 0
  }
  const judge = (from, message, bound) => {
    const floor = newestBefore(message.key, bound)
    if (message.version < floor) violations.push({ ...message, process: from, floor })
  }

  return {
    counts,
    violations,
    /** From this instant on everybody is well; `Infinity`: something is broken on purpose. */
    calm(since) {
      calmSince = since
    },
    check(from, message) {
      if (message.kind === 'changed') {
        counts.changed++
        if (message.store !== 'done') counts.queued++
        const said = history.get(message.key) ?? []
        said.push(message)
        history.set(message.key, said.length > 2 * KEPT ? said.slice(-KEPT) : said)
      } else if (message.kind === 'seen') {
        counts.seen++
        // In an outage others may serve what they hold; its own process never may.
        const isCalm = message.from - SEEN_ELSEWHERE_MS > calmSince
        if (isCalm) counts.calmSeen++
        if (message.key.startsWith(`${from}/`)) judge(from, message, Infinity)
        else if (isCalm) judge(from, message, message.from - SEEN_ELSEWHERE_MS)
      } else if (message.kind === 'last') {
        counts.last++
        if (message.version !== undefined) judge(from, message, Infinity)
      } else if (message.kind === 'closed') {
        counts.slowestCloseMs = Math.max(counts.slowestCloseMs, Math.round(message.ms))
      } else violations.push({ ...message, process: from })
    },
  }
}
