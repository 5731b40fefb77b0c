import { HopstashError } from '../errors/base-error.js'
import { createTimerQueue } from '../resilience/timer-queue.js'
import { onceAborted } from '../runtime/abort.js'
import { boundedCall, type LazySignal } from './bounded-call.js'
import type { DocumentEdit } from './document-edit.js'
import { type GraphContext, type GraphOptions, type GraphPlan, resolveGraph } from './graph-options.js'
import type { GraphResult } from './graph-result.js'
import { type ItemResult, type ItemUndone, itemCancelled, itemDone, itemFailed } from './item-outcome.js'
import { type Overlap, type Proposal, SharedDocument } from './shared-document.js'

/**
 * Works on items of which some depend on others: independent ones at once, dependent ones in order, each as soon as those
 * before it are done.
 *
 * With a `document`, edits are merged by path. Items that say they touch the same place take turns, so their edits cannot
 * meet. Edits beyond what an item said are held back until nothing else runs; if somebody else changed the same place
 * meanwhile the item runs again, alone, on what is there, and the report says so: no edit is ever lost to a later one.
 * Resolves with an outcome an item; an item that fails changes nothing, and skips those that depend on it.
 *
 * @throws {BatchError} `ERR_GRAPH_INVALID` for equal ids, unknown dependencies and cycles; {@link OptionError}
 * `ERR_OPTION_INVALID`. Both as rejections, before anything runs.
 * @example
 * import { processGraph } from 'hopstash/batch'
 * const { document } = await processGraph(['title', 'summary'], {
 *   document: { title: 'a', summary: 'b' },
 *   touches: (field) => [`/${field}`],
 *   run: (field, { document }) => [{ path: `/${field}`, value: document[field as 'title'].toUpperCase() }],
 * })
 * document // => { title: 'A', summary: 'B' }
 */
export async function processGraph<T, R, D = undefined>(
  items: readonly T[],
  options: GraphOptions<T, R, D>,
): Promise<GraphResult<R, D>> {
  return new GraphRun(resolveGraph(items, options)).run()
}

/** An item whose edits wait until nothing else runs. */
interface Held<R> {
  readonly node: number
  readonly value: R
  readonly proposal: Proposal
}

class GraphRun<T, R, D> {
  readonly #plan: GraphPlan<T, R, D>
  readonly #shared: SharedDocument | undefined
  readonly #cancels = new Set<(reason: unknown) => void>()
  readonly #timers
  readonly #startedAt: number
  readonly #rank: readonly number[]
  readonly #waitingFor: number[]
  readonly #dependents: number[][]
  readonly #ready: number[] = []
  readonly #held: Held<R>[] = []
  readonly #results: (ItemResult<R> | undefined)[]
  readonly #runs: number[]
  /** What will become of items that cannot run any more. */
  readonly #doomed: (ItemUndone | undefined)[] = []
  readonly #conflicts = new Map<number, Overlap>()
  readonly #order: string[] = []
  #running = 0
  #atOnce = 0
  #left: number
  #draining = false
  #aborted: { readonly reason: unknown } | undefined
  #end: () => void = () => {}

  constructor(plan: GraphPlan<T, R, D>) {
    const { nodes, order, options, clock } = plan
    this.#plan = plan
    this.#shared = options.document === undefined ? undefined : new SharedDocument(options.document)
    this.#timers = createTimerQueue(clock)
    this.#startedAt = clock.now()
    this.#left = nodes.length
    this.#runs = nodes.map(() => 0)
    this.#results = nodes.map(() => undefined)
    this.#dependents = nodes.map(() => [])
    const rank: number[] = []
    for (const [place, node] of order.sorted.entries()) rank[node] = place
    this.#rank = rank
    this.#waitingFor = nodes.map((_, node) => {
      const before = new Set([...(order.needs[node] ?? []), ...(order.after[node] ?? [])])
      for (const earlier of before) this.#dependents[earlier]?.push(node)
      return before.size
    })
    for (const node of order.sorted) if (this.#waitingFor[node] === 0) this.#ready.push(node)
  }

  async run(): Promise<GraphResult<R, D>> {
    const { options, nodes, clock } = this.#plan
    const unlisten = onceAborted(options.signal, (reason) => this.#abort(reason))
    await new Promise<void>((resolve) => {
      this.#end = resolve
      this.#advance()
    })
    unlisten()
    const outcomes = nodes.map(({ id }, index) => ({
      ...(this.#results[index] as ItemResult<R>),
      index,
      id,
      runs: this.#runs[index] as number,
      conflict: this.#conflicts.get(index) ?? null,
    }))
    const conflicts = [...this.#conflicts].map(([node, conflict]) => ({ id: this.#idOf(node), ...conflict }))
    const runs = this.#runs.reduce((sum, count) => sum + count, 0)
    const durationMs = clock.now() - this.#startedAt
    const report = { order: this.#order, runs, conflicts, atOnce: this.#atOnce, durationMs }
    return { outcomes, document: (this.#shared?.value ?? options.document) as D, report }
  }

  /** Begins what may begin; then lets in held edits; then ends. */
  #advance(): void {
    while (!this.#draining && this.#running < this.#plan.concurrency) {
      const node = this.#ready.shift()
      if (node === undefined) break
      void this.#runNode(node)
    }
    if (this.#left === 0) this.#end()
    else if (this.#running === 0 && this.#held.length > 0 && !this.#draining) void this.#drain()
  }

  async #runNode(node: number): Promise<void> {
    this.#running++
    this.#atOnce = Math.max(this.#atOnce, this.#running)
    const { document, version } = this.#snapshot()
    const result = await this.#call(node, document, false)
    this.#running--
    if (this.#results[node] === undefined) this.#take(node, result, document, version)
    this.#advance()
  }

  #take(node: number, result: ItemResult<R>, document: unknown, version: number): void {
    if (this.#shared === undefined || result.status !== 'ok') {
      this.#settle(node, result)
      return
    }
    const declared = this.#plan.nodes[node]?.touches
    try {
      const proposal = this.#shared.propose(document, this.#editsOf(node, result.value, document), version)
      // Nobody who runs at the same time may touch what this item had said it touches.
      if (this.#shared.keepsTo(proposal, declared)) this.#commit(node, result.value, proposal.edits)
      else this.#held.push({ node, value: result.value, proposal })
    } catch (error) {
      this.#settle(node, itemFailed(error))
    }
  }

  /** In the order of the items, one by one, while nothing else runs: the same every time, whoever was faster. */
  async #drain(): Promise<void> {
    this.#draining = true
    const shared = this.#shared as SharedDocument
    this.#held.sort((a, b) => (this.#rank[a.node] as number) - (this.#rank[b.node] as number))
    for (let held = this.#held.shift(); held !== undefined; held = this.#held.shift()) {
      if (this.#aborted !== undefined) break
      const conflict = shared.conflictOf(held.proposal, this.#plan.nodes[held.node]?.touches)
      if (conflict === undefined) this.#tryCommit(held.node, held.value, held.proposal.edits)
      else await this.#runAgain(held.node, conflict)
    }
    this.#draining = false
    this.#advance()
  }

  async #runAgain(node: number, conflict: Overlap): Promise<void> {
    this.#conflicts.set(node, conflict)
    const { document } = this.#snapshot()
    const result = await this.#call(node, document, true)
    if (this.#results[node] !== undefined) return
    if (result.status !== 'ok') return this.#settle(node, result)
    let edits: readonly DocumentEdit[]
    try {
      edits = this.#editsOf(node, result.value, document)
    } catch (error) {
      return this.#settle(node, itemFailed(error))
    }
    this.#tryCommit(node, result.value, edits)
  }

  async #call(node: number, document: unknown, rerun: boolean): Promise<ItemResult<R>> {
    const { options, items, timeoutMs, clock } = this.#plan
    this.#runs[node] = (this.#runs[node] as number) + 1
    const bounds = {
      label: `Item '${this.#idOf(node)}'`,
      timeoutMs,
      clock,
      timers: this.#timers,
      cancels: this.#cancels,
    }
    try {
      const work = (lazy: LazySignal) =>
        options.run(items[node] as T, this.#contextOf(node, document as D, rerun, lazy))
      return itemDone(await boundedCall<R>(work, bounds))
    } catch (error) {
      if (this.#aborted !== undefined) return itemCancelled(this.#aborted.reason)
      const late = HopstashError.isInstance(error) && error.code === 'ERR_BATCH_TIMEOUT'
      return itemFailed(error, late ? 'timeout' : 'error')
    }
  }

  #contextOf(node: number, document: D, rerun: boolean, lazy: LazySignal): GraphContext<D> {
    const needs = this.#plan.order.needs[node]
    return {
      document,
      rerun,
      get signal() {
        return lazy.signal
      },
      resultOf: (id) => {
        for (const need of needs ?? []) if (this.#idOf(need) === id) return this.#results[need]?.value
        return undefined
      },
    }
  }

  #editsOf(node: number, value: R, document: unknown): readonly DocumentEdit[] {
    const { options, items } = this.#plan
    if (options.merge === undefined) return value as readonly DocumentEdit[]
    return options.merge(value, { item: items[node] as T, document: document as D })
  }

  #tryCommit(node: number, value: R, edits: readonly DocumentEdit[]): void {
    try {
      this.#commit(node, value, edits)
    } catch (error) {
      this.#settle(node, itemFailed(error))
    }
  }

  #commit(node: number, value: R, edits: readonly DocumentEdit[]): void {
    this.#shared?.commit(this.#idOf(node), edits)
    this.#settle(node, itemDone(value))
  }

  /** Ends an item, and with it those that cannot run without it. */
  #settle(first: number, result: ItemResult<R>): void {
    const ending: [number, ItemResult<R>][] = [[first, result]]
    for (let next = ending.pop(); next !== undefined; next = ending.pop()) {
      const [node, own] = next
      if (this.#results[node] !== undefined) continue
      this.#results[node] = own
      this.#left--
      if (own.status === 'ok') this.#order.push(this.#idOf(node))
      for (const dependent of this.#dependents[node] as number[]) {
        if (own.status !== 'ok' && this.#plan.order.needs[dependent]?.has(node))
          this.#doomed[dependent] ??= skippedFor(own)
        this.#waitingFor[dependent] = (this.#waitingFor[dependent] as number) - 1
        if (this.#waitingFor[dependent] !== 0) continue
        // Not before: who comes after this one comes after those this one waits for.
        const doom = this.#doomed[dependent]
        if (doom === undefined) this.#ready.push(dependent)
        else ending.push([dependent, doom])
      }
    }
  }

  #abort(reason: unknown): void {
    this.#aborted = { reason }
    this.#ready.length = 0
    this.#held.length = 0
    for (const cancel of [...this.#cancels]) cancel(reason)
    for (const node of this.#results.keys()) this.#results[node] ??= itemCancelled(reason)
    this.#left = 0
    this.#end()
  }

  #snapshot(): { readonly document: unknown; readonly version: number } {
    return { document: this.#shared?.value, version: this.#shared?.version ?? 0 }
  }

  #idOf(node: number): string {
    return this.#plan.nodes[node]?.id ?? ''
  }
}

function skippedFor(cause: ItemUndone): ItemUndone {
  return { status: 'skipped', reason: 'upstream_failed', error: cause.error }
}
