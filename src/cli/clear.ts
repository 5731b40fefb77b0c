import type { StashMethods } from '../cache/build-stash.js'
import { confirm, resultText, storeText, withStash } from './change.js'
import type { Call, Command } from './command.js'
import { noEntriesText, othersThan } from './namespaces.js'
import { isFolderUrl, requiredUrl } from './open-view.js'
import { createProgress } from './progress.js'
import { reached } from './redis-place.js'
import { count, jsonText, shown } from './text.js'

/** `hopstash clear` */
export const clearCommand: Command = {
  name: 'clear',
  summary: 'Empties a namespace, or the whole stash.',
  takes: '[namespace]',
  atLeast: 0,
  atMost: 1,
  options: ['store', 'sentinel', 'prefix', 'yes', 'json'],
  notes: [
    'Every process obeys at once, and loads under way leave nothing behind. In Redis the bytes are removed right after;',
    'in a folder they stay until its cap removes them, and are a miss to every reader.',
  ],
  async run(call) {
    const [name] = call.words
    const what = name === undefined ? 'ALL namespaces' : `namespace '${shown(name)}'`
    requiredUrl(call)
    await confirm(call, `Clear ${what} of ${storeText(call)}?`)
    // It is done all the same: memory of processes may have what the store has not.
    const others = name === undefined ? undefined : await othersThan(call, name)
    return withStash(call, name, async (stash) => {
      const result = await (name === undefined ? stash.clear() : stash.namespace(name).clear())
      const removed = result.store === 'done' ? await removedBytes(call, stash, name) : undefined
      if (call.values.json) {
        const found = others && { namespaces: others.names }
        const answer = { store: result.store }
        call.io.out(jsonText({ cleared: name ?? '*', result: answer, removed_entries: removed ?? null, ...found }))
      } else {
        const tail = removed === undefined ? '' : `; ${count(removed, 'entry', 'entries')} removed`
        call.io.out(
          `${name === undefined ? 'Stash' : `Namespace ${shown(name)}`} cleared: ${resultText(result, call)}${tail}\n`,
        )
        if (name !== undefined && others !== undefined) call.io.err(`${noEntriesText(name, others)}\n`)
        else if (removed === 0) call.io.err('No entries were there: is the prefix right?\n')
      }
      return result.store === 'done' ? 0 : 1
    })
  },
}

const LOOK_MS = 100
const MOST_MS = 60_000

/** Waits for the sweep that the clear has begun, here or in another process; `undefined` where there is none. */
async function removedBytes(call: Call, stash: StashMethods, name: string | undefined): Promise<number | undefined> {
  const { clock, io } = call
  const url = requiredUrl(call)
  if (isFolderUrl(url)) return undefined
  const sweptNow = (): number => Number((stash.health().store as { readonly swept?: number } | undefined)?.swept ?? 0)
  const { connection, keys } = await reached(call, url)
  const lock = keys.sweepLock(name === undefined ? '*' : `n/${name}`)
  const progress = createProgress(io, clock)
  const until = clock.now() + MOST_MS
  try {
    do {
      await new Promise<void>((resolve) => void clock.setTimer(resolve, LOOK_MS, true))
      progress.show(`${count(sweptNow(), 'entry', 'entries')} removed`)
    } while ((await connection.send(['EXISTS', lock])) === 1 && clock.now() < until && !io.signal.aborted)
    return sweptNow()
  } finally {
    progress.end()
    await connection.close()
  }
}
