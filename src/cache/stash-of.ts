import type { StashMethods } from './build-stash.js'
import type { Namespace } from './namespace.js'
import type { NamespaceDefinition } from './namespace-options.js'
import type { NamespaceDefinitions } from './stash-options.js'

/** The namespaces of some definitions by name, and {@link StashMethods}. */
export type StashOf<Definitions extends NamespaceDefinitions> = StashMethods & {
  readonly [N in keyof Definitions]: Definitions[N] extends NamespaceDefinition<infer V, infer K>
    ? Namespace<V, K>
    : never
}
