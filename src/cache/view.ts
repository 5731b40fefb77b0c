import type { Policy } from './policy.js'
import type { LiveState, NamespaceState } from './state.js'

/**
 * A view of a namespace for one function, hop or format: the same memory, counters and invalidation, keys of its own.
 *
 * `direct` views take the namespace's own keys and so obey all of its options. What a `record` view keeps is of another
 * type, so the namespace's functions of key and value do not apply to it.
 */
export function viewOf(host: NamespaceState, name: string, kind: 'direct' | 'record'): NamespaceState {
  if (kind === 'direct') return { ...host, keyer: host.keyer.named(name, { parts: true }) }
  return { ...host, keyer: host.keyer.named(name), scopeOf: undefined, live: recordLive(host.live) }
}

function recordLive(live: LiveState): LiveState {
  let source = live.policy
  let policy = recordPolicy(source)
  return {
    get policy() {
      if (source !== live.policy) {
        source = live.policy
        policy = recordPolicy(source)
      }
      return policy
    },
    get closed() {
      return live.closed
    },
  }
}

// A namespace's schema speaks of direct use; records are of another type.
const NO_SCHEMA = { schema: undefined, migrate: undefined }

function recordPolicy(policy: Policy): Policy {
  const { fixedTags } = policy
  return Object.freeze({
    ...policy,
    tagsOf: fixedTags === undefined ? undefined : () => fixedTags,
    subjectOf: undefined,
    ttlOf: undefined,
    cacheable: undefined,
    cost: undefined,
    ...NO_SCHEMA,
  })
}
