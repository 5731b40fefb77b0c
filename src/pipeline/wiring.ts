import type { RecordHost } from '../cache/records.js'
import type { StandardSchema } from '../runtime/standard-schema.js'
import type { AnyHopOptions, FallbackOf, HopCache } from './define-hop.js'
import type { HopContext, Usage } from './hop-context.js'
import type { HopPolicies } from './policies.js'
import type { Sight } from './sight.js'
import type { SharedUpstream } from './upstream.js'

/** What a hop's wiring sees: the run's `input` and the values of its needs. */
type Deps<In, Known, Needs extends readonly (keyof Known)[]> = { readonly input: In } & Pick<Known, Needs[number]>

/** What makes a hop's value possibly `undefined` for its dependents. */
export interface Presence {
  readonly when?: unknown
  readonly optional?: boolean | undefined
  readonly enabled?: boolean | undefined
}

/** `undefined` where a hop may be left out or may fail without failing the run. */
export type Absent<Given> = Given extends { readonly when: unknown } | { readonly enabled: boolean | undefined }
  ? undefined
  : Given extends { readonly optional: infer Optional }
    ? true extends Optional
      ? undefined
      : never
    : never

/** How a hop is wired, beside its payload. */
export interface WiringBase<In, Known, Needs extends readonly (keyof Known & string)[]> {
  /** Names of the hops whose values it needs; it starts when these have settled. */
  readonly needs?: Needs | undefined
  /** Whether to run at all. `false`: skipped with reason `condition_false`, and the run stays `ok`. */
  readonly when?: ((values: Deps<In, Known, Needs>, sight: Sight<Needs[number]>) => boolean) | undefined
  /** Its failure degrades the run instead of failing it. @defaultValue `false` */
  readonly optional?: boolean | undefined
  /** `false` leaves the hop out, with reason `disabled`. @defaultValue `true` */
  readonly enabled?: boolean | undefined
}

/** Builds the payload; may be left out where the run's input is the payload. */
export type PayloadPart<In, Known, Needs extends readonly (keyof Known & string)[], HopIn> = [In] extends [HopIn]
  ? { readonly input?: Payload<In, Known, Needs, HopIn> }
  : { readonly input: Payload<In, Known, Needs, HopIn> }

type Payload<In, Known, Needs extends readonly (keyof Known & string)[], HopIn> = (
  values: Deps<In, Known, Needs>,
  sight: Sight<Needs[number]>,
) => HopIn

/** Makes a wiring option nobody knows a compile error. */
export type UnknownWiring<Given> = {
  readonly [Name in Exclude<keyof Given, 'needs' | 'when' | 'optional' | 'enabled' | 'input'>]: never
}

/** Makes an option of an inline hop nobody knows a compile error. */
export type UnknownInline<Given> = {
  readonly [Name in Exclude<
    keyof Given,
    | 'needs'
    | 'when'
    | 'optional'
    | 'enabled'
    | 'run'
    | Exclude<keyof AnyHopOptions, 'name' | 'input' | 'call' | 'client'>
  >]: never
}

/** A hop declared where it is wired: `run` gets the values of its needs. */
export interface InlineHop<
  In,
  Known,
  Needs extends readonly (keyof Known & string)[],
  Returned,
  Out,
  Host extends RecordHost | undefined,
> extends WiringBase<In, Known, Needs>,
    HopPolicies {
  readonly run: (
    values: Deps<In, Known, Needs>,
    context: HopContext<Deps<In, Known, Needs>, undefined, unknown>,
  ) => Returned
  readonly output?: StandardSchema<unknown, Out>
  readonly auth?: AnyHopOptions['auth'] | undefined
  readonly usage?: ((output: NoInfer<Out>) => Usage) | undefined
  readonly category?: string | undefined
  readonly description?: string | undefined
  readonly tags?: readonly string[] | undefined
  readonly version?: string | number | undefined
  readonly upstream?: string | SharedUpstream | undefined
  readonly idempotent?: boolean | undefined
  readonly cache?: HopCache<Deps<In, Known, Needs>, Host> | undefined
  readonly fallback?: readonly FallbackOf<Deps<In, Known, Needs>, NoInfer<Out>, NoInfer<Host>>[] | undefined
}
