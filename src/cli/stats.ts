import { readAdminStats } from './admin-stats.js'
import type { Call, Command } from './command.js'
import { endIfAborted, UsageError } from './failure.js'
import { storeUrl, withView } from './open-view.js'
import { createProgress } from './progress.js'
import type { ScannedEntry } from './store-view.js'
import { bytesText, jsonText, shown, table } from './text.js'

/** `hopstash stats` */
export const statsCommand: Command = {
  name: 'stats',
  summary: 'What the store holds, by namespace; with --url, how often it was of use.',
  takes: '',
  atLeast: 0,
  atMost: 0,
  options: ['store', 'sentinel', 'prefix', 'url', 'token', 'json'],
  notes: [
    'Bytes are measured on up to 200 entries of a namespace and counted up from those (marked ~).',
    'Outdated entries that are not removed yet are counted, too.',
    'Hit rates live in the processes: --url asks the admin handler of one of them.',
  ],
  async run(call) {
    const url = call.values.url
    const hasStore = storeUrl(call) !== undefined
    if (url === undefined && !hasStore)
      throw new UsageError('Which store? Give --store URL, set CACHE_URL, or give --url.')
    const store = hasStore ? await storeStats(call) : undefined
    const admin = url === undefined ? undefined : await readAdminStats(call, url)
    if (call.values.json) call.io.out(jsonText({ ...(store && { store }), ...(admin && { processes: admin }) }))
    else {
      if (store !== undefined) printStore(call, store)
      if (store !== undefined && admin !== undefined) call.io.out('\n')
      if (admin !== undefined) printAdmin(call, admin)
    }
    return 0
  },
}

interface StoreStats {
  readonly address: string
  readonly prefix: string
  readonly namespaces: Readonly<Record<string, NamespaceSize>>
  readonly entries: number
  readonly bytes: number
}

interface NamespaceSize {
  readonly entries: number
  readonly bytes: number
  /** How many of them were measured. */
  readonly sampled: number
}

const SAMPLE = 200

function storeStats(call: Call): Promise<StoreStats> {
  return withView(call, async (view) => {
    const tallies = new Map<string, { entries: number; bytes: number; sampled: number }>()
    const progress = createProgress(call.io, call.clock)
    let entries = 0
    try {
      for await (const batch of view.scan(undefined)) {
        endIfAborted(call.io.signal)
        const chosen: ScannedEntry[] = []
        for (const entry of batch) {
          const tally = tallies.get(entry.namespace) ?? { entries: 0, bytes: 0, sampled: 0 }
          tallies.set(entry.namespace, tally)
          tally.entries++
          const waiting = chosen.filter(({ namespace }) => namespace === entry.namespace).length
          if (tally.sampled + waiting < SAMPLE) chosen.push(entry)
        }
        const sizes = await view.measure(chosen)
        for (const [at, { namespace }] of chosen.entries()) addSample(tallies.get(namespace), sizes[at])
        entries += batch.length
        progress.show(`${entries.toLocaleString('en')} entries`)
      }
    } finally {
      progress.end()
    }
    const namespaces = Object.fromEntries([...tallies].sort(byName).map(([name, tally]) => [name, sizeOf(tally)]))
    const bytes = Object.values(namespaces).reduce((sum, size) => sum + size.bytes, 0)
    return { address: view.address, prefix: call.values.prefix, namespaces, entries, bytes }
  })
}

function addSample(tally: { bytes: number; sampled: number } | undefined, bytes: number | undefined): void {
  if (tally === undefined || bytes === undefined) return
  tally.bytes += bytes
  tally.sampled++
}

function sizeOf({ entries, bytes, sampled }: NamespaceSize): NamespaceSize {
  return { entries, bytes: sampled === 0 ? 0 : Math.round((bytes / sampled) * entries), sampled }
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1
}

function printStore({ io, paint }: Call, { address, prefix, namespaces, entries, bytes }: StoreStats): void {
  io.out(`${paint.strong(shown(address))}, prefix ${prefix}\n`)
  const rows = Object.entries(namespaces).map(([name, size]) => [
    shown(name),
    size.entries.toLocaleString('en'),
    `${size.sampled < size.entries ? '~' : ''}${bytesText(size.bytes)}`,
  ])
  if (rows.length === 0) {
    io.out('No entries.\n')
    return
  }
  const isSampled = Object.values(namespaces).some((size) => size.sampled < size.entries)
  rows.push(['all', entries.toLocaleString('en'), `${isSampled ? '~' : ''}${bytesText(bytes)}`])
  io.out(
    table(
      [{ title: 'namespace' }, { title: 'entries', align: 'right' }, { title: 'bytes', align: 'right' }],
      rows,
      paint,
    ),
  )
}

function printAdmin({ io, paint }: Call, { url, caches }: Awaited<ReturnType<typeof readAdminStats>>): void {
  io.out(`${paint.strong(shown(url))}, one process\n`)
  const rows = Object.entries(caches).map(([name, cache]) => [
    shown(name),
    `${cache.size}/${cache.max_size}`,
    String(cache.hits),
    String(cache.misses),
    shown(cache.hit_rate),
    cache.ttl === null ? '-' : `${cache.ttl}s`,
  ])
  const numbers = ['entries', 'hits', 'misses', 'hit rate', 'ttl'].map((title) => ({ title, align: 'right' }) as const)
  io.out(table([{ title: 'cache' }, ...numbers], rows, paint))
}
