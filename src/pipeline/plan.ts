import { nearestName } from '../errors/option-error.js'
import { pipelineInvalid } from '../errors/pipeline-error.js'
import { formatDuration } from '../runtime/duration.js'
import type { PlannedHop } from './planned-hop.js'
import type { PipelinePlan } from './run.js'

/** What a pipeline will do, told before it does it. */
export interface Plan {
  readonly pipeline: string
  /** Names in an order in which every hop comes after its needs. */
  readonly order: readonly string[]
  readonly edges: readonly (readonly [from: string, to: string])[]
  /** The chain that takes longest if every hop takes its worst case. */
  readonly criticalPath: readonly string[]
  /** Most upstream calls one run can make: attempts of every hop and of its other providers. */
  readonly worstCaseCalls: number
  /** Longest the critical path can take without a deadline, ms. */
  readonly worstCaseMs: number
  readonly hops: readonly PlanHop[]
  readonly warnings: readonly PlanWarning[]
}

/** One hop of a {@link Plan}. */
export interface PlanHop {
  readonly name: string
  readonly needs: readonly string[]
  readonly required: boolean
  readonly guarded: boolean
  readonly attempts: number
  readonly timeoutMs: number
  readonly worstCaseCalls: number
  readonly worstCaseMs: number
  readonly fallback: readonly string[]
}

/** Something that will hurt when an upstream does. */
export interface PlanWarning {
  readonly code: 'no_fallback' | 'retries_exceed_deadline' | 'retry_not_idempotent'
  readonly hop: string
  readonly message: string
}

/** A graph's node, before it is put in order. */
export interface GraphNode {
  readonly name: string
  readonly needs: readonly string[]
}

/**
 * Puts nodes in an order in which needs come first, stable otherwise.
 *
 * @throws PipelineError `ERR_PIPELINE_INVALID` for an unknown need, or with the path of a cycle (`a -> b -> a`).
 */
export function sortByNeeds<Node extends GraphNode>(pipeline: string, nodes: readonly Node[]): readonly Node[] {
  const byName = new Map(nodes.map((node) => [node.name, node]))
  const sorted = new Set<Node>()
  for (const start of nodes) {
    // An explicit path instead of recursion: a chain of 100,000 hops is a graph too.
    const path: { readonly node: Node; next: number }[] = [{ node: start, next: 0 }]
    const onPath = new Set<Node>([start])
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const name = sorted.has(top.node) ? undefined : top.node.needs[top.next++]
      if (name === undefined) {
        sorted.add(top.node)
        onPath.delete(top.node)
        path.pop()
        continue
      }
      const need = byName.get(name)
      if (need === undefined) throw unknownNeed(pipeline, top.node.name, name, [...byName.keys()])
      if (onPath.has(need)) throw cycle(pipeline, [...path.map((step) => step.node.name), name])
      path.push({ node: need, next: 0 })
      onPath.add(need)
    }
  }
  return [...sorted]
}

/** `ERR_PIPELINE_INVALID` for a need that is no hop (or not yet). */
export function unknownNeed(pipeline: string, hop: string, need: string, known: readonly string[]): Error {
  const near = nearestName(need, known)
  const hint = near === undefined ? `Known: ${known.join(', ') || 'none yet'}.` : `Did you mean '${near}'?`
  return pipelineInvalid(pipeline, `hop '${hop}' needs '${need}', which is not one of its hops`, hint)
}

function cycle(pipeline: string, path: readonly string[]): Error {
  const from = path.indexOf(path.at(-1) as string)
  return pipelineInvalid(pipeline, `its needs go in a circle: ${path.slice(from).join(' -> ')}`, 'Remove one of them.')
}

/** Works out what `pipeline` will do at worst. Pure. */
export function describePlan(pipeline: PipelinePlan, deadlineMs: number): Plan {
  const hops = pipeline.hops.map(describeHop)
  const { path, ms } = longestPath(pipeline.hops, (hop) => (hops[hop.index] as PlanHop).worstCaseMs)
  return {
    pipeline: pipeline.name,
    order: hops.map((hop) => hop.name),
    edges: hops.flatMap((hop) => hop.needs.map((need) => [need, hop.name] as const)),
    criticalPath: path,
    worstCaseCalls: hops.reduce((sum, hop) => sum + hop.worstCaseCalls, 0),
    worstCaseMs: ms,
    hops,
    warnings: pipeline.hops.flatMap((hop) => warningsOf(hop, hops[hop.index] as PlanHop, deadlineMs)),
  }
}

/** The path with the greatest sum of `weigh` through hops in planned order. */
function longestPath(
  hops: readonly PlannedHop[],
  weigh: (hop: PlannedHop) => number,
): { readonly path: readonly string[]; readonly ms: number } {
  const ends: { readonly ms: number; readonly from: number | undefined }[] = []
  let last: number | undefined
  for (const hop of hops) {
    let from: number | undefined
    for (const need of hop.needs) if (from === undefined || msOf(ends, need) > msOf(ends, from)) from = need
    ends.push({ ms: weigh(hop) + (from === undefined ? 0 : msOf(ends, from)), from })
    if (last === undefined || msOf(ends, hop.index) > msOf(ends, last)) last = hop.index
  }
  const path: string[] = []
  const ms = last === undefined ? 0 : msOf(ends, last)
  for (let at = last; at !== undefined; at = ends[at]?.from) path.unshift((hops[at] as PlannedHop).name)
  return { path, ms }
}

function msOf(ends: readonly { readonly ms: number }[], index: number): number {
  return (ends[index] as { readonly ms: number }).ms
}

function describeHop(hop: PlannedHop): PlanHop {
  const { retry, timeoutMs } = hop.policies
  const { fallback } = hop.definition
  const providers = fallback.filter((step) => step.kind === 'provider').length
  const waiting = fallback.filter((step) => step.kind !== 'value').length
  let backoff = 0
  for (let attempt = 1; attempt < retry.attempts && backoff < Infinity; attempt++) {
    const bound = Math.min(retry.maxBackoffMs, retry.backoffMs * retry.factor ** (attempt - 1))
    backoff += Math.max(bound, retry.maxRetryAfterMs)
  }
  return {
    name: hop.name,
    needs: hop.needNames,
    required: !hop.optional,
    guarded: fallback.length > 0,
    attempts: retry.attempts,
    timeoutMs,
    worstCaseCalls: hop.enabled ? retry.attempts + providers : 0,
    worstCaseMs: hop.enabled ? (retry.attempts + waiting) * timeoutMs + backoff : 0,
    fallback: fallback.map((step) => (step.kind === 'provider' ? `provider:${step.name}` : step.kind)),
  }
}

function warningsOf(hop: PlannedHop, { attempts, timeoutMs, ...planned }: PlanHop, deadlineMs: number): PlanWarning[] {
  const warnings: PlanWarning[] = []
  const warn = (code: PlanWarning['code'], message: string): void => {
    warnings.push({ code, hop: hop.name, message })
  }
  if (!hop.enabled) return warnings
  if (planned.required && !planned.guarded) {
    warn('no_fallback', `Hop '${hop.name}' is required and has no fallback: its failure fails the run.`)
  }
  if (attempts * timeoutMs > deadlineMs) {
    const most = `${attempts} x ${formatDuration(timeoutMs)}`
    warn(
      'retries_exceed_deadline',
      `Hop '${hop.name}' may need ${most}, the deadline is ${formatDuration(deadlineMs)}.`,
    )
  }
  if (attempts > 1 && hop.definition.idempotent === undefined) {
    warn(
      'retry_not_idempotent',
      `Hop '${hop.name}' is repeated up to ${attempts} times; say whether it is \`idempotent\`.`,
    )
  }
  return warnings
}
