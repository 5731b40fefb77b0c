import type { Command } from './command.js'
import { keyGiven, withView } from './open-view.js'
import { namespaceIn } from './store-view.js'
import { jsonText, shown } from './text.js'
import { namesFor, verdictOf } from './verdict.js'

/** `hopstash explain` */
export const explainCommand: Command = {
  name: 'explain',
  summary: 'What a reader would get of a key now, and why.',
  takes: '<key>',
  atLeast: 1,
  atMost: 1,
  options: ['store', 'sentinel', 'prefix', 'json'],
  notes: ['What the memory of a process holds is seen by that process alone.'],
  run: (call) =>
    withView(call, async (view) => {
      const key = keyGiven(call)
      const namespace = namespaceIn(key)
      const found = await view.find(key)
      // The entry first, the markers second: an invalidation between the two is seen.
      const verdict = verdictOf(found, namespace, await view.lookUp(key, namesFor(found, namespace)))
      call.io.out(call.values.json ? jsonText({ key, ...verdict }) : `${shown(verdict.text)}\n`)
      return 0
    }),
}
