import type { RegistryItem } from '../cache/registry.js'
import { PROMETHEUS_CONTENT_TYPE, prometheusText } from '../observe/prometheus.js'
import { percentilesDocument, statsDocument } from '../observe/stats-json.js'
import { json, Refusal, text } from './answer.js'
import type { AdminStash, ProviderState, ResolvedAdminOptions } from './options.js'
import type { RunHistory } from './run-history.js'
import { adminSchemas } from './schemas.js'

/** What endpoints answer from. */
export interface Desk {
  readonly stash: AdminStash
  readonly options: ResolvedAdminOptions
  readonly history: RunHistory
}

/** `GET /stats`. */
export function stats({ stash }: Desk): Response {
  return json(statsDocument(stash))
}

/** `GET /health`: 503 once the stash is closed; a stash without its shared store still serves. */
export function health(desk: Desk): Response {
  const document = healthDocument(desk)
  return json(document, document.status === 'closed' ? 503 : 200)
}

/** `GET /keys`: which providers have a key, never the key. */
export function keys(desk: Desk): Response {
  const providers = providersOf(desk)
  return json({
    status: 'success',
    providers: Object.fromEntries(Object.entries(providers).map(([name, { configured }]) => [name, { configured }])),
  })
}

/** `GET /runs[?limit=n]`. */
export function runs({ history, options }: Desk, url: URL): Response {
  const limit = url.searchParams.get('limit')
  if (limit !== null && !/^[1-9]\d{0,2}$/.test(limit))
    throw new Refusal(400, 'limit', 'Expected limit to be a whole number from 1 to 999.')
  return json({
    status: 'success',
    runs: history.read(limit === null ? undefined : Number(limit)),
    pipelines: pipelinesDocument(options),
  })
}

/** `GET /metrics`, for Prometheus. */
export function metrics({ stash, options }: Desk): Response {
  return text(prometheusText(stash, options.pipelines), PROMETHEUS_CONTENT_TYPE)
}

/** `GET /registry`. */
export function registry({ stash }: Desk): Response {
  const items = stash.registry.list().map(({ kind, name, category, tags, description }: RegistryItem) => ({
    kind,
    name,
    category: category ?? null,
    tags,
    description: description ?? null,
  }))
  return json({ status: 'success', items })
}

/** `GET /schemas`: JSON Schemas of the answers. */
export function schemas(): Response {
  return json(adminSchemas)
}

/** How the stash is, as JSON. */
export function healthDocument(desk: Desk) {
  const { status, memory, store } = desk.stash.health()
  const { pool } = desk.options
  return {
    status,
    memory: { entries: memory.entries, bytes: memory.bytes, max_bytes: memory.maxBytes },
    store: store ?? null,
    providers: providersOf(desk),
    pool: pool?.stats?.() ?? null,
  }
}

/** What all runs came to, by pipeline. */
export function pipelinesDocument({ pipelines }: ResolvedAdminOptions) {
  return Object.fromEntries(
    pipelines.map((pipeline) => {
      const { runs, hops } = pipeline.metrics()
      const document = {
        runs: { status: runs.status, duration_ms: percentilesDocument(runs.durationMs) },
        hops: Object.fromEntries(
          Object.entries(hops).map(([name, { status, source, retries, durationMs }]) => [
            name,
            { status, source, retries, duration_ms: percentilesDocument(durationMs) },
          ]),
        ),
      }
      return [pipeline.name, document]
    }),
  )
}

function providersOf({ options }: Desk): Record<string, Required<ProviderState>> {
  const all: Record<string, Required<ProviderState>> = {}
  for (const [name, configured] of Object.entries(options.configured))
    all[name] = { configured, state: configured ? 'unknown' : 'unconfigured' }
  for (const [name, { configured, state }] of Object.entries(options.pool?.providers?.() ?? {}))
    all[name] = { configured, state: state ?? (configured ? 'unknown' : 'unconfigured') }
  return all
}
