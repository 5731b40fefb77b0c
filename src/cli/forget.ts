import { confirm, storeText, withStash } from './change.js'
import type { Command } from './command.js'
import { requiredUrl } from './open-view.js'
import { count, jsonText } from './text.js'

/** `hopstash forget` */
export const forgetCommand: Command = {
  name: 'forget',
  summary: "Erases every entry about a subject, as the namespaces' `subject` names it.",
  takes: '<subject>',
  atLeast: 1,
  atMost: 1,
  options: ['store', 'sentinel', 'prefix', 'yes', 'json'],
  notes: [
    'Where the stash has a `secret`, set HOPSTASH_SECRET to it: without, nothing would be found.',
    'Prints the receipt. Replicas and backups of the store are out of reach.',
  ],
  async run(call) {
    const { io, values, words, paint } = call
    requiredUrl(call)
    await confirm(call, `Erase everything about this subject from ${storeText(call)}?`)
    // All namespaces: subjects belong to none.
    return withStash(call, undefined, async (stash) => {
      const { store, peers, notCovered } = await stash.forget(words[0] as string)
      const receipt = { store, peers, not_covered: notCovered }
      if (values.json) io.out(jsonText(receipt))
      else {
        const what =
          store === 'none'
            ? paint.bad('Nothing was removed from the store')
            : `${count(store, 'entry', 'entries')} removed from the store`
        io.out(`${what}; processes: ${peers}; not covered: ${notCovered.join(', ')}\n`)
        if (store === 0 && io.env.HOPSTASH_SECRET === undefined)
          io.err('There was nothing about it, or the stash has a secret: then set HOPSTASH_SECRET and call again.\n')
      }
      return store === 'none' ? 1 : 0
    })
  },
}
