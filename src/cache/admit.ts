import { checkSchemaResult } from '../resilience/check-contract.js'
import type { NamespaceState } from './state.js'

/** A value that may enter. */
export interface Admitted {
  readonly value: unknown
}

/**
 * Checks a value that comes from outside the process: against the schema, and what no longer fits against `migrate`.
 * What neither accepts is a miss, and so is a check that throws or gives what no schema may.
 */
export async function admit(state: NamespaceState, value: unknown): Promise<Admitted | undefined> {
  const { schema, migrate } = state.live.policy
  try {
    if (schema === undefined) return { value }
    const result = checkSchemaResult(await schema['~standard'].validate(value))
    if (result.issues === undefined) return entering(state, result.value)
    const migrated = migrate?.(value)
    if (migrated === undefined) return refuse(state)
    const again = checkSchemaResult(await schema['~standard'].validate(migrated))
    return again.issues === undefined ? entering(state, again.value) : refuse(state)
  } catch {
    return refuse(state)
  }
}

// A schema that makes `undefined` of what it does not know has no value either: whoever reads it loads.
function entering(state: NamespaceState, value: unknown): Admitted | undefined {
  return value === undefined ? refuse(state) : { value }
}

function refuse(state: NamespaceState): undefined {
  state.counters.refused.schema++
  return undefined
}
