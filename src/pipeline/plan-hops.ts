import { nameTaken, optionInvalid } from '../errors/option-error.js'
import { pipelineInvalid } from '../errors/pipeline-error.js'
import type { Clock } from '../runtime/clock.js'
import type { AttemptContext } from './attempt.js'
import type { CallSpec } from './call-spec.js'
import type { HopDefinition } from './define-hop.js'
import { type GraphNode, sortByNeeds } from './plan.js'
import type { StoredAnswer } from './planned-cache.js'
import type { AnyWiring, PlannedHop } from './planned-hop.js'
import { type HopPolicies, type ResolvedPolicies, resolvePolicies } from './policies.js'
import { createUpstream, type SharedUpstream, sharedPartsOf, UPSTREAM_POLICIES, type Upstream } from './upstream.js'

/** A hop and its wiring, as declared. */
export interface DeclaredHop extends GraphNode {
  readonly definition: HopDefinition
  readonly wiring: AnyWiring
}

/** Works out the hops of a pipeline, in an order in which needs come first. @throws PipelineError, OptionError */
export function planHops(
  pipeline: string,
  declared: readonly DeclaredHop[],
  defaults: HopPolicies,
  clock: Clock,
): readonly PlannedHop[] {
  const seen = new Set<string>()
  for (const { name } of declared) {
    if (seen.has(name)) throw nameTaken('hop', name, `Give each hop of pipeline '${pipeline}' a name of its own.`)
    seen.add(name)
  }
  checkKept(pipeline, declared)
  const sorted = sortByNeeds(pipeline, declared)
  const indexOf = new Map(sorted.map((hop, index) => [hop.name, index]))
  const dependents: number[][] = sorted.map(() => [])
  for (const [index, hop] of sorted.entries()) {
    for (const need of new Set(hop.needs)) dependents[indexOf.get(need) as number]?.push(index)
  }
  const upstreams = createUpstreams(pipeline, resolvePolicies('defaults', {}, defaults), clock)
  const owned = sorted.map(({ name, definition }) => {
    const policies = policiesOf(name, definition, defaults)
    return { policies, upstream: upstreams.ofHop(definition.upstream, policies, name) }
  })
  return sorted.map((hop, index) => {
    const needNames = [...new Set(hop.needs)]
    const needs = needNames.map((need) => indexOf.get(need) as number)
    const position = { index, needNames, needs, dependents: dependents[index] as number[] }
    return planHop(hop, { ...position, ...(owned[index] as Owned) }, upstreams)
  })
}

/** Two functions under one name in one namespace would answer for each other. @throws PipelineError */
function checkKept(pipeline: string, declared: readonly DeclaredHop[]): void {
  const kept: DeclaredHop[] = []
  for (const hop of declared) {
    const { cache, call, client, name, recordsName } = hop.definition
    if (cache === undefined) continue
    const known = kept.find(({ definition: { cache: other, ...one } }) => {
      return one.recordsName === recordsName && other?.in === cache.in
    })
    if (known === undefined) kept.push(hop)
    else if (known.definition.call !== call || known.definition.client !== client) {
      throw pipelineInvalid(
        pipeline,
        `hops '${known.name}' and '${hop.name}' are two modules called '${name}' that keep their answers in one namespace`,
        'Give each `defineHop` a `name` or a `version` of its own, or they answer for each other.',
      )
    }
  }
}

interface Owned {
  readonly policies: ResolvedPolicies
  readonly upstream: Upstream
}

interface Place extends Owned {
  readonly index: number
  readonly needNames: readonly string[]
  readonly needs: readonly number[]
  readonly dependents: readonly number[]
}

function planHop({ name, definition, wiring }: DeclaredHop, place: Place, upstreams: UpstreamTable): PlannedHop {
  const { policies } = place
  const { cache } = definition
  const spec: CallSpec = {
    hop: name,
    provider: null,
    call: definition.call as (context: AttemptContext) => unknown,
    auth: definition.auth,
    usage: definition.usage,
    output: definition.output,
    idempotent: definition.idempotent,
    policies,
  }
  // Another provider is asked once: the hop has spent its attempts already.
  const once: ResolvedPolicies = { ...policies, retry: { ...policies.retry, attempts: 1 } }
  return Object.freeze({
    ...place,
    name,
    definition,
    input: wiring.input,
    when: wiring.when,
    optional: wiring.optional === true,
    enabled: wiring.enabled !== false,
    spec,
    cache:
      cache === undefined
        ? undefined
        : {
            options: cache,
            records: cache.in.records<StoredAnswer>(definition.recordsName),
            readers: new Set<never>(),
          },
    providers: definition.fallback.map((step) =>
      step.kind === 'provider'
        ? {
            spec: {
              ...spec,
              provider: step.name,
              auth: undefined,
              call: step.call as CallSpec['call'],
              policies: once,
            },
            upstream: upstreams.ofProvider(step.upstream),
          }
        : undefined,
    ),
  }) as PlannedHop
}

/** The policies of a hop: what an upstream shares with other pipelines is that upstream's, and nobody else's to say. */
function policiesOf(hop: string, { policies, upstream }: HopDefinition, defaults: HopPolicies): ResolvedPolicies {
  const resolved = resolvePolicies(`hop '${hop}'`, policies, defaults)
  const shared = sharedPartsOf(upstream)?.policies
  if (shared === undefined) return resolved
  const twice = UPSTREAM_POLICIES.find((name) => policies[name] !== undefined)
  if (twice !== undefined) {
    throw optionInvalid(`hop '${hop}'.${twice}`, 'left out', policies[twice], 'Give it to `defineUpstream`.')
  }
  return Object.freeze({ ...resolved, breaker: shared.breaker, limiter: shared.limiter, budget: shared.budget })
}

interface UpstreamTable {
  ofHop(upstream: string | SharedUpstream, policies: ResolvedPolicies, hop: string): Upstream
  ofProvider(upstream: string | SharedUpstream): Upstream
}

function createUpstreams(pipeline: string, defaults: ResolvedPolicies, clock: Clock): UpstreamTable {
  const table = new Map<string, { readonly upstream: Upstream; readonly shared: string; readonly hop: string }>()
  const add = (name: string, policies: ResolvedPolicies, hop: string): Upstream => {
    const upstream = createUpstream(name, policies, clock)
    table.set(name, { upstream, shared: sharedPart(policies), hop })
    return upstream
  }
  // Statistics and reports know upstreams by their names.
  const taken = new Map<string, Upstream>()
  const alone = (upstream: Upstream): Upstream => {
    const { name } = upstream
    const known = taken.get(name)
    if (known === undefined) taken.set(name, upstream)
    else if (known !== upstream) {
      throw pipelineInvalid(
        pipeline,
        `two upstreams are called '${name}'`,
        'Share one `defineUpstream`, or give them names of their own. A hop without `upstream` has one of its own name.',
      )
    }
    return upstream
  }
  return {
    ofHop(upstream, policies, hop) {
      const shared = sharedPartsOf(upstream)
      if (shared !== undefined) return alone(shared.upstream)
      const name = upstream as string
      const known = table.get(name)
      if (known === undefined) return alone(add(name, policies, hop))
      if (known.shared === sharedPart(policies)) return known.upstream
      throw pipelineInvalid(
        pipeline,
        `hops '${known.hop}' and '${hop}' share upstream '${name}' but not its breaker, concurrency and retryBudget`,
        'Give both the same, or an `upstream` each.',
      )
    },
    ofProvider(upstream) {
      const name = upstream as string
      return alone(sharedPartsOf(upstream)?.upstream ?? table.get(name)?.upstream ?? add(name, defaults, name))
    },
  }
}

// Hops that share an upstream share its state, so they cannot each have another idea of it.
function sharedPart({ breaker, limiter, budget }: ResolvedPolicies): string {
  return JSON.stringify([breaker, limiter, budget])
}
