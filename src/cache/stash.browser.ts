import { optionInvalid } from '../errors/option-error.js'
import { readSettings } from '../runtime/settings.js'
import { buildStash } from './build-stash.js'
import { type Presets, presets } from './presets.browser.js'
import type { StashOf } from './stash-of.js'
import { checkStashOptions, type NamespaceDefinitions, type StashOptions } from './stash-options.js'

/** A stash: its namespaces by name, and the `StashMethods`. */
export type Stash<Definitions extends NamespaceDefinitions = Presets> = StashOf<Definitions>

/**
 * Makes a stash in the memory of a page or worker: a set of typed namespaces, the presets for a front end by default.
 *
 * There is no environment to read and no shared store. Expired entries are swept out every 5 minutes.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID` for a bad option or name, or a `store` other than `'memory'`.
 */
export function createStash(): Stash
export function createStash<Definitions extends NamespaceDefinitions = Presets>(
  options: StashOptions<Definitions>,
): Stash<Definitions>
export function createStash(options: StashOptions<NamespaceDefinitions> = {}): unknown {
  checkStashOptions(options)
  const store: unknown = options.store
  // The text may hold a password, so it is never shown.
  if (store !== undefined && store !== 'memory') {
    throw optionInvalid('store', "'memory': a browser has no shared store", Symbol('another store'))
  }
  return buildStash({ namespaces: presets, ...options }, readSettings({}))
}
