import { optionInvalid } from '../errors/option-error.js'
import { checkFunction, checkShape, checkSignal, resolveClock } from '../resilience/option-shape.js'
import type { Clock } from '../runtime/clock.js'
import type { Duration } from '../runtime/duration.js'
import { settings } from '../runtime/settings.js'
import { resolveTimeout } from './batch-options.js'
import { type BatchConcurrency, resolveConcurrency } from './batch-size.js'
import type { DocumentEdit } from './document-edit.js'
import { type GraphNode, type GraphOrder, orderGraph } from './graph-order.js'
import { stepsOf } from './json-pointer.js'

/** What `run` is told beside its item. */
export interface GraphContext<D> {
  /** The document as it was when this run began. Frozen. */
  readonly document: D
  /** Aborts at `timeout`, and with the caller's signal. Made when it is asked for. */
  readonly signal: AbortSignal
  /** What an item this one depends on came to. */
  readonly resultOf: (id: string) => unknown
  /** The first run's edits met those of another item: this is the second, alone, on what that one made. */
  readonly rerun: boolean
}

/** How items that depend on each other are worked on. */
export interface GraphOptions<T, R, D = undefined> {
  /** Works on one item; with a `document`, resolves with its edits, or with what `merge` makes edits of. */
  readonly run: (item: T, context: GraphContext<D>) => R | PromiseLike<R>
  /** Different for every item. @defaultValue the item's own `id`, else its place */
  readonly id?: ((item: T, index: number) => string) | undefined
  /**
   * Ids of the items whose results this one needs: without them it is `skipped`.
   *
   * @defaultValue the item's own `dependsOn`, else none
   */
  readonly dependsOn?: ((item: T, index: number) => readonly string[]) | undefined
  /**
   * JSON Pointers (`'/work/0/summary'`) of what the item reads or changes. Items that touch the same place, or one inside
   * the other's, run one after the other; all others at once. Of an item that names none nothing is known.
   */
  readonly touches?: ((item: T, index: number) => readonly string[] | undefined) | undefined
  /** What is edited: plain data. It is not changed; the result has the edited one. */
  readonly document?: D | undefined
  /** The edits of a result. @defaultValue the result, if it is a list of edits */
  readonly merge?:
    | ((result: R, context: { readonly item: T; readonly document: D }) => readonly DocumentEdit[])
    | undefined
  /** Items at once. @defaultValue `BATCH_MAX_WORKERS`, 5 */
  readonly concurrency?: BatchConcurrency | undefined
  /** For one run of an item; `Infinity` for none. @defaultValue `BATCH_TIMEOUT`, 30 s */
  readonly timeout?: Duration | undefined
  readonly signal?: AbortSignal | undefined
  /** For tests. */
  readonly clock?: Clock | undefined
}

/** {@link GraphOptions}, checked, with the order of the items. */
export interface GraphPlan<T, R, D> {
  readonly options: GraphOptions<T, R, D>
  readonly items: readonly T[]
  readonly nodes: readonly GraphNode[]
  readonly order: GraphOrder
  readonly concurrency: number
  readonly timeoutMs: number
  readonly clock: Clock
}

const KNOWN = [
  'run',
  'id',
  'dependsOn',
  'touches',
  'document',
  'merge',
  'concurrency',
  'timeout',
  'signal',
  'clock',
] as const satisfies readonly (keyof GraphOptions<unknown, unknown, unknown>)[]

/** Checks {@link GraphOptions} and orders the items. @throws OptionError `ERR_OPTION_INVALID`, BatchError `ERR_GRAPH_INVALID` */
export function resolveGraph<T, R, D>(items: readonly T[], options: GraphOptions<T, R, D>): GraphPlan<T, R, D> {
  checkShape('the processGraph options', options, KNOWN)
  if (!Array.isArray(items)) throw optionInvalid('items', 'an array', items)
  if (typeof options.run !== 'function') throw optionInvalid('run', 'a function of an item', options.run)
  for (const option of ['id', 'dependsOn', 'touches', 'merge'] as const) checkFunction(options[option], option)
  checkSignal(options.signal)
  if (options.merge !== undefined && options.document === undefined) {
    throw optionInvalid('document', 'given where `merge` is', undefined)
  }
  const nodes = items.map((item, index) => nodeOf(item, index, options))
  return {
    options,
    items,
    nodes,
    order: orderGraph(nodes),
    concurrency: resolveConcurrency(options.concurrency ?? settings().batchMaxWorkers),
    timeoutMs: resolveTimeout(options.timeout),
    clock: resolveClock(options.clock),
  }
}

function nodeOf<T, R, D>(item: T, index: number, { id, dependsOn, touches }: GraphOptions<T, R, D>): GraphNode {
  const said = item as { readonly id?: unknown; readonly dependsOn?: unknown } | null | undefined
  const own = id === undefined ? (said?.id ?? index) : id(item, index)
  if (!isId(own)) throw optionInvalid('id', 'a text', own)
  const needs = (dependsOn === undefined ? said?.dependsOn : dependsOn(item, index)) ?? []
  if (!Array.isArray(needs) || !needs.every(isId)) throw needsInvalid(needs, dependsOn === undefined)
  const places = touches?.(item, index)
  if (places !== undefined && !Array.isArray(places)) {
    throw optionInvalid('touches', 'a function that returns a list of JSON Pointers', places)
  }
  return { id: String(own), dependsOn: needs.map(String), touches: places?.map(declaredPlace) }
}

function isId(id: unknown): id is string | number {
  return typeof id === 'string' || typeof id === 'number'
}

function needsInvalid(needs: unknown, isOwn: boolean): Error {
  const odd = Array.isArray(needs) ? needs.find((id) => !isId(id)) : needs
  if (!isOwn) return optionInvalid('dependsOn', 'a function that returns a list of ids', odd)
  return optionInvalid(
    'dependsOn',
    'a list of ids',
    odd,
    'Give the option `dependsOn` where an item means something else.',
  )
}

/** Whoever appends to a list touches the list. */
function declaredPlace(pointer: string): readonly string[] {
  const steps = stepsOf(pointer)
  return steps.at(-1) === '-' ? steps.slice(0, -1) : steps
}
