import type { RecordContext, Records } from '../cache/records.js'
import type { ReadStatus } from '../cache/words.js'
import { unlessAborted } from '../runtime/abort.js'
import { type FetchSite, unshared } from './answer.js'
import { type Call, recordOptionsOf } from './call.js'
import { type EmbeddingRecord, isEmbeddingRecord } from './embedding-record.js'
import { FailedCall } from './flight.js'
import { createItemBatch, type ItemBatch } from './item-batch.js'
import { replay, responseOf, stamp, toldOf } from './replay.js'
import { inputsOf } from './wire-embeddings.js'
import type { TokenUsage } from './wire-format.js'

/** A site that keeps single embeddings, too. */
export interface ItemSite extends FetchSite {
  readonly items: Records<EmbeddingRecord>
}

/**
 * Answers a request for embeddings item by item: only those nobody has are asked for, in one call, and every item is kept
 * under its own key, so that the next batch finds it in whatever company.
 */
export async function answerItems(site: ItemSite, call: Call): Promise<Response> {
  const { body } = call.request
  const inputs = inputsOf(body.input) ?? []
  const { input: _input, ...around } = body
  const items = inputs.map((input) => ({ input, ...call.like({ ...around, item: input }) }))
  const keys = items.map(({ key }) => key)
  // A text that occurs twice is one item.
  const unique = new Map(items.map((item) => [item.key, item]))
  if (call.signal?.aborted) throw call.signal.reason
  const batch = createItemBatch(site, call, unique.size)
  const askedAt = site.clock.wall()
  const loads = [...unique.values()].map((item) => loadItem(site, call, batch, item))
  const results = await unlessAborted(Promise.allSettled(loads), call.signal, batch.giveUp)
  const records = new Map<string, EmbeddingRecord>()
  const statuses: ReadStatus[] = []
  let ageMs = 0
  let ttlMs: number | undefined
  for (const [index, key] of [...unique.keys()].entries()) {
    const result = results[index]
    if (result?.status !== 'fulfilled' || !isEmbeddingRecord(result.value.value)) {
      batch.giveUp()
      return failed(site, call, result, batch.answer)
    }
    const { value, ...told } = toldOf(result.value, askedAt)
    records.set(key, value)
    statuses.push(told.status)
    ageMs = Math.max(ageMs, told.ageMs)
    // The whole is as fresh as its oldest part, and as long.
    if (told.ttlMs !== undefined) ttlMs = Math.min(ttlMs ?? Infinity, told.ttlMs)
  }
  const found = keys.map((key) => records.get(key) as EmbeddingRecord)
  const status = statusOf(statuses)
  const usage = usageOf(records.values())
  const { name: format } = call.format
  const told = { status, ageMs, usage, paid: batch.paid, httpStatus: isKept(status) ? undefined : 200 }
  site.account({ format, call: call.about, model: modelOf(found), ...told })
  return rebuilt(found, {
    call,
    status,
    ageMs,
    ttlMs,
    hits: statuses.filter(isKept).length,
    of: statuses.length,
    usage,
  })
}

type LoadResult = PromiseSettledResult<{ readonly value: EmbeddingRecord }>

type Item = Pick<Call, 'key' | 'describe'> & { readonly input: unknown }

function loadItem(site: ItemSite, call: Call, batch: ItemBatch, { key, input, describe }: Item) {
  const { forceFresh = false } = call.directives
  const { isBlind, maxAgeMs } = call.isRetry ? site.flights.since(call.key) : NO_RETRY
  return site.items
    .load(key, (context: RecordContext) => batch.ask(input, context), {
      ...recordOptionsOf(
        { directives: call.directives, describe },
        {
          forceFresh: forceFresh || isBlind,
          maxAgeMs,
          signal: site.options.finishOnAbort ? undefined : call.signal,
        },
      ),
    })
    .finally(() => batch.settled())
}

const NO_RETRY = { isBlind: false, maxAgeMs: undefined }

/** An item is missing: the caller gets the failure if it is his own, else the whole request is made past the cache. */
async function failed(
  site: ItemSite,
  call: Call,
  result: LoadResult | undefined,
  own: ItemBatch['answer'],
): Promise<Response> {
  site.flights.noteFailure(call.key)
  const reason = result?.status === 'rejected' ? result.reason : undefined
  if (reason !== undefined && !(reason instanceof FailedCall)) throw reason
  // Of somebody's good status that proved wrong only the whole request's own answer is one.
  const recording = own ?? (reason?.recording?.status === 200 ? undefined : reason?.recording)
  if (recording !== undefined && (recording.by === undefined || recording.by === call.credentials())) {
    return replay(
      { value: recording, status: 'miss', ageMs: 0 },
      { pacing: 'instant', clock: site.clock, url: call.request.url.href },
    )
  }
  return unshared(site, call)
}

function rebuilt(
  found: readonly EmbeddingRecord[],
  told: {
    call: Call
    status: ReadStatus
    ageMs: number
    ttlMs: number | undefined
    hits: number
    of: number
    usage: TokenUsage | undefined
  },
): Response {
  const [first] = found
  const prompt_tokens = told.usage?.input
  const body = {
    ...first?.envelope,
    data: found.map(({ item }, index) => ({ ...item, index })),
    ...(prompt_tokens !== undefined && { usage: { prompt_tokens, total_tokens: prompt_tokens } }),
  }
  const headers = new Headers(first?.headers as [string, string][])
  headers.set('content-type', 'application/json')
  const isPart = told.hits > 0 && told.hits < told.of
  const ttlMs = isKept(told.status) ? told.ttlMs : undefined
  stamp(headers, { status: told.status, ttlMs, degraded: isPart ? [`items:${told.hits}/${told.of}`] : [] })
  headers.set('age', String(Math.floor(told.ageMs / 1000)))
  return responseOf(JSON.stringify(body), { status: 200, headers }, told.call.request.url.href)
}

function statusOf(statuses: readonly ReadStatus[]): ReadStatus {
  if (statuses.some((status) => status === 'miss' || status === 'revalidated' || status === 'bypass')) return 'miss'
  if (statuses.includes('coalesced')) return 'coalesced'
  return statuses.includes('stale') ? 'stale' : 'hit'
}

function isKept(status: ReadStatus): boolean {
  return status === 'hit' || status === 'stale'
}

/** `undefined` where an item's answer told no tokens. */
function usageOf(records: Iterable<EmbeddingRecord>): TokenUsage | undefined {
  let input = 0
  for (const { tokens } of records) {
    if (tokens === undefined) return undefined
    input += tokens
  }
  return { input, output: 0, cacheRead: 0, cacheWrite: 0 }
}

function modelOf(found: readonly EmbeddingRecord[]): string | undefined {
  const model = found[0]?.envelope.model
  return typeof model === 'string' ? model : undefined
}
