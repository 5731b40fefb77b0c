import { nearestName } from '../errors/option-error.js'
import type { Call } from './command.js'
import { endIfAborted } from './failure.js'
import { withView } from './open-view.js'
import type { StoreView } from './store-view.js'
import { shown } from './text.js'

/** Which namespaces have entries, beside one that has none. */
export interface Others {
  readonly names: readonly string[]
  /** The one that may have been meant. */
  readonly nearest: string | undefined
}

/** So many are named to people. */
const MOST_NAMED = 10

/** What there is instead of a namespace without entries; `undefined` if it has some. */
export function othersThan(call: Call, name: string): Promise<Others | undefined> {
  return withView(call, async (view) => {
    for await (const batch of view.scan(name)) {
      endIfAborted(call.io.signal)
      if (batch.length > 0) return undefined
    }
    return othersIn(call, view, name)
  })
}

/** As {@link othersThan}, of a namespace that is known to have none. */
export async function othersIn({ io }: Call, view: StoreView, name: string): Promise<Others> {
  const names = new Set<string>()
  for await (const batch of view.scan(undefined)) {
    endIfAborted(io.signal)
    for (const { namespace } of batch) names.add(namespace)
  }
  return { names: [...names].sort(), nearest: nearestName(name, [...names]) }
}

/** `No entries in namespace 'jobb'. There are some in job, resume. Did you mean 'job'?` */
export function noEntriesText(name: string, { names, nearest }: Others): string {
  const more = names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : ''
  const there =
    names.length === 0
      ? 'There are none at all: is the prefix right?'
      : `There are some in ${names.slice(0, MOST_NAMED).map(shown).join(', ')}${more}.`
  return `No entries in namespace '${shown(name)}'. ${there}${nearest === undefined ? '' : ` Did you mean '${shown(nearest)}'?`}`
}
