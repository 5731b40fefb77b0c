import type { CallSpec } from './call-spec.js'
import type { HopDefinition } from './define-hop.js'
import type { PlannedCache } from './planned-cache.js'
import type { ResolvedPolicies } from './policies.js'
import type { Sight } from './sight.js'
import type { Upstream } from './upstream.js'

/** Values a hop's wiring sees: the run's `input`, and what its needs came to. */
export type Values = Readonly<Record<string, unknown>>

/** How one hop is wired, whatever its types. */
export interface AnyWiring {
  readonly needs?: readonly string[] | undefined
  readonly input?: ((values: Values, sight: Sight) => unknown) | undefined
  readonly when?: ((values: Values, sight: Sight) => boolean) | undefined
  readonly optional?: boolean | undefined
  readonly enabled?: boolean | undefined
}

/** One hop of a pipeline, worked out once. */
export interface PlannedHop {
  readonly index: number
  readonly name: string
  readonly definition: HopDefinition
  readonly policies: ResolvedPolicies
  readonly upstream: Upstream
  readonly needs: readonly number[]
  readonly needNames: readonly string[]
  readonly dependents: readonly number[]
  readonly input: AnyWiring['input']
  readonly when: AnyWiring['when']
  readonly optional: boolean
  readonly enabled: boolean
  readonly spec: CallSpec
  readonly cache: PlannedCache | undefined
  /** Aligned with the fallback chain; `undefined` where a step is no provider. */
  readonly providers: readonly (PlannedProvider | undefined)[]
}

/** Another provider of a hop. */
interface PlannedProvider {
  readonly spec: CallSpec
  readonly upstream: Upstream
}
