import { settings } from '../runtime/settings.js'
import { buildStash } from './build-stash.js'
import { connectorOf } from './connect.js'
import type { Presets } from './presets.js'
import type { StashOf } from './stash-of.js'
import { checkStashOptions, type NamespaceDefinitions, type StashOptions } from './stash-options.js'

/** A stash: its namespaces by name, and the `StashMethods`. */
export type Stash<Definitions extends NamespaceDefinitions = Presets> = StashOf<Definitions>

/**
 * Makes a stash: storage for a set of typed namespaces, all presets by default.
 *
 * Nothing is opened and nothing waits at construction. The environment is read at the first call.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID` for a bad option, name or environment variable.
 * @example
 * import { createStash } from 'hopstash'
 * const stash = createStash()
 * await stash.aiResponse.getOrSet({ model: 'small', prompt: 'Hi' }, () => 'Hello') // => 'Hello'
 * stash.aiResponse.peek({ prompt: 'Hi', model: 'small' }) // => 'Hello'
 * await stash.close()
 */
export function createStash(): Stash
export function createStash<Definitions extends NamespaceDefinitions = Presets>(
  options: StashOptions<Definitions>,
): Stash<Definitions>
export function createStash(options: StashOptions<NamespaceDefinitions> = {}): unknown {
  checkStashOptions(options)
  const environment = settings()
  return buildStash(options, environment, connectorOf(options, environment))
}
