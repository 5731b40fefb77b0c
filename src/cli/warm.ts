import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { StashMethods } from '../cache/build-stash.js'
import type { WarmItem, WarmSummary } from '../cache/warm.js'
import type { Call, Command } from './command.js'
import { Failure, UsageError } from './failure.js'
import { createProgress } from './progress.js'
import { count, durationText, jsonText, shown } from './text.js'

/** `hopstash warm` */
export const warmCommand: Command = {
  name: 'warm',
  summary: 'Loads entries ahead of their first reader, as a module of yours tells.',
  takes: '',
  atLeast: 0,
  atMost: 0,
  options: ['module', 'concurrency', 'refresh', 'json'],
  notes: [
    'The module exports `stash`, with a shared store, and `items`: for each namespace an array of { key, load, priority? },',
    'or a function that returns one. The stash is closed at the end. Runs the code of the module.',
  ],
  async run(call) {
    const { module: file } = call.values
    if (file === undefined) throw new UsageError('Expected --module FILE.')
    const { stash, items } = await loadModule(file)
    try {
      return await warmAll(call, stash, items)
    } finally {
      // What was loaded is written before it ends.
      await stash.close()
    }
  },
}

type Items = readonly WarmItem<unknown, unknown>[]
type ItemsByName = Readonly<Record<string, Items | (() => Items | Promise<Items>)>>

const READY_MS = 10_000

async function loadModule(file: string): Promise<{ readonly stash: StashMethods; readonly items: ItemsByName }> {
  const exports = await import(pathToFileURL(resolve(file)).href).catch((error: unknown) => {
    throw new Failure(`${file} cannot be loaded: ${error instanceof Error ? error.message : String(error)}`)
  })
  const { stash, items } = exports as { readonly stash?: Partial<StashMethods>; readonly items?: unknown }
  const isStash =
    typeof stash?.namespace === 'function' && typeof stash.close === 'function' && typeof stash.ready === 'function'
  if (!isStash || typeof items !== 'object' || items === null)
    throw new Failure(
      `Expected ${file} to export \`stash\`, made by createStash, and \`items\`, an object by namespace.`,
    )
  return { stash: stash as StashMethods, items: items as ItemsByName }
}

async function warmAll(call: Call, stash: StashMethods, items: ItemsByName): Promise<number> {
  const { io, values, paint } = call
  if (stash.health().store === undefined)
    throw new Failure('The stash of the module has no shared store: what is warmed would end with this process.')
  if (!(await stash.ready(READY_MS)))
    throw new Failure('The store of the module cannot be reached: nothing was loaded.')
  const summaries: Record<string, object> = {}
  let isFailed = false
  for (const [name, source] of Object.entries(items)) {
    const { errors, ...summary } = await warmOne(call, stash, name, source)
    const [error] = errors
    const firstError = errors.length === 0 ? undefined : error instanceof Error ? error.message : String(error)
    summaries[name] = { ...summary, ...(firstError !== undefined && { first_error: firstError }) }
    isFailed ||= summary.failed > 0 || summary.skipped > 0
    if (values.json) continue
    io.out(`${shown(name)}: ${summaryText(summary)}\n`)
    if (firstError !== undefined) io.err(`${paint.bad('first error')} of ${shown(name)}: ${shown(firstError)}\n`)
  }
  if (values.json) io.out(jsonText({ namespaces: summaries }))
  return io.signal.aborted ? 130 : isFailed ? 1 : 0
}

async function warmOne(
  call: Call,
  stash: StashMethods,
  name: string,
  source: ItemsByName[string],
): Promise<WarmSummary> {
  const { io, values, clock } = call
  const namespace = stash.namespace(name)
  const list = typeof source === 'function' ? await source() : source
  const progress = createProgress(io, clock)
  try {
    return await namespace.warm(list, {
      concurrency: values.concurrency,
      refresh: values.refresh,
      signal: io.signal,
      onProgress: ({ done, failed, total }) => progress.show(`${name}: ${done + failed} of ${total}`),
    })
  } finally {
    progress.end()
  }
}

function summaryText({ total, loaded, failed, skipped, done, durationMs }: Omit<WarmSummary, 'errors'>): string {
  const there = Math.max(0, done - loaded + failed)
  const parts = [`${count(Math.max(0, loaded - failed), 'entry', 'entries')} loaded`, `${there} there already`]
  if (failed > 0) parts.push(`${failed} failed`)
  if (skipped > 0) parts.push(`${skipped} skipped`)
  return `${parts.join(', ')}, of ${total}, in ${durationText(durationMs)}`
}
