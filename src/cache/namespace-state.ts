import { optionInvalid } from '../errors/option-error.js'
import type { NamespaceState } from './state.js'

const HOST = Symbol.for('hopstash.namespace.host')

/** Ties a namespace object to its state, out of sight. */
export function bindState(namespace: object, state: NamespaceState): void {
  Object.defineProperty(namespace, HOST, { value: state })
}

/** The state behind a namespace. @throws {OptionError} `ERR_OPTION_INVALID` */
export function stateOf(namespace: unknown): NamespaceState {
  const host =
    typeof namespace === 'object' && namespace !== null ? (namespace as Record<symbol, unknown>)[HOST] : undefined
  if (host === undefined) throw optionInvalid('in', 'a namespace of a stash, such as stash.general', namespace)
  return host as NamespaceState
}
