import type { Command } from './command.js'
import { endIfAborted } from './failure.js'
import { noEntriesText, othersIn } from './namespaces.js'
import { withView } from './open-view.js'
import { count, jsonText, shown } from './text.js'

const NONE = 'No entries: is the prefix right?'

/** `hopstash keys` */
export const keysCommand: Command = {
  name: 'keys',
  summary: 'Lists keys, as inspect and explain take them.',
  takes: '[namespace]',
  atLeast: 0,
  atMost: 1,
  options: ['store', 'sentinel', 'prefix', 'limit', 'json'],
  notes: ['In no order. Keys hold what the namespaces put into them: with readable parts, perhaps ids of people.'],
  run: (call) =>
    withView(call, async (view) => {
      const { io, values, words, paint } = call
      const most = values.limit === 0 ? Infinity : values.limit
      const keys = new Set<string>()
      let isCut = false
      for await (const batch of view.scan(words[0])) {
        endIfAborted(io.signal)
        for (const { key, place } of batch) {
          const text = key ?? place
          if (keys.has(text)) continue
          isCut = keys.size >= most
          if (isCut) break
          keys.add(text)
          if (!values.json) io.out(`${shown(text)}\n`)
        }
        if (isCut) break
      }
      const name = words[0]
      const others = keys.size === 0 && name !== undefined ? await othersIn(call, view, name) : undefined
      if (values.json) io.out(jsonText({ keys: [...keys], more: isCut, ...(others && { namespaces: others.names }) }))
      else if (keys.size === 0)
        io.err(`${name === undefined || others === undefined ? NONE : noEntriesText(name, others)}\n`)
      else if (isCut) io.err(`${paint.faint(`There are more than ${count(keys.size, 'key')}: --limit 0 lists all.`)}\n`)
      return 0
    }),
}
