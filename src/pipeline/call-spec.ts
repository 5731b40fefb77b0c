import type { StandardSchema } from '../runtime/standard-schema.js'
import type { AttemptContext } from './attempt.js'
import type { AuthContext } from './define-hop.js'
import type { Usage } from './hop-context.js'
import type { ResolvedPolicies } from './policies.js'

/** What to call, and how. The same for every run. */
export interface CallSpec {
  readonly hop: string
  /** Name of the other provider; `null` for the hop's own call. */
  readonly provider: string | null
  readonly call: (context: AttemptContext) => unknown
  readonly auth: ((context: AuthContext) => unknown) | undefined
  readonly usage: ((output: unknown) => Usage) | undefined
  readonly output: StandardSchema | undefined
  readonly idempotent: boolean | undefined
  readonly policies: ResolvedPolicies
}
