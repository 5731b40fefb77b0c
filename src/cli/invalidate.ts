import { confirm, resultText, storeText, withStash } from './change.js'
import type { Command } from './command.js'
import { noEntriesText, othersThan } from './namespaces.js'
import { requiredUrl } from './open-view.js'
import { count, jsonText, shown } from './text.js'

/** `hopstash invalidate` */
export const invalidateCommand: Command = {
  name: 'invalidate',
  summary: 'Makes every entry with one of the tags a miss, in every process.',
  takes: '<tag>...',
  atLeast: 1,
  atMost: 1000,
  options: ['store', 'sentinel', 'prefix', 'namespace', 'mode', 'yes', 'json'],
  notes: ['How many entries have a tag is not known, and costs nothing to change: a number is raised per tag.'],
  async run(call) {
    const { words: tags, values, io } = call
    const { namespace: name, mode } = values
    requiredUrl(call)
    const where = name === undefined ? '' : ` in namespace '${shown(name)}'`
    const what = tags.length > 5 ? count(tags.length, 'tag') : tags.map((tag) => `'${shown(tag)}'`).join(', ')
    await confirm(call, `${mode === 'delete' ? 'Invalidate' : 'Expire'} ${what}${where} of ${storeText(call)}?`)
    // It is done all the same: loads under way, and memory of processes, may have what the store has not.
    const others = name === undefined ? undefined : await othersThan(call, name)
    return withStash(call, name, async (stash) => {
      const target = name === undefined ? stash : stash.namespace(name)
      const result = await target.invalidateTags(tags, { mode })
      if (values.json) {
        const found = others && { namespaces: others.names }
        io.out(jsonText({ tags, namespace: name ?? null, mode, result: { store: result.store }, ...found }))
      } else {
        const tail = others === undefined ? '' : ', which has no entries in that namespace'
        io.out(
          `${count(tags.length, 'tag')} ${mode === 'delete' ? 'invalidated' : 'expired'}${where}: ${resultText(result, call)}${tail}\n`,
        )
        if (name !== undefined && others !== undefined) io.err(`${noEntriesText(name, others)}\n`)
      }
      return result.store === 'done' ? 0 : 1
    })
  },
}
