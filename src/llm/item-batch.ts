import type { RecordContext } from '../cache/records.js'
import { onceAborted } from '../runtime/abort.js'
import type { FetchSite } from './answer.js'
import type { Call } from './call.js'
import type { EmbeddingRecord } from './embedding-record.js'
import { failureWord } from './failure-word.js'
import { FailedCall } from './flight.js'
import { arrayOr, type JsonObject, objectOr, parsed, textOr } from './json-value.js'
import { type Recording, recordingOf, replayableHeaders } from './recording.js'
import { embeddingUsage, inputsOf, judgeItems } from './wire-embeddings.js'
import { rejected, type TokenUsage, type Unstorable } from './wire-format.js'

/** Gathers the items of one request that nobody has, and asks for them in one call. */
export interface ItemBatch {
  /** The loader of one item. */
  ask(input: unknown, context: RecordContext): Promise<EmbeddingRecord>
  /** An item is there, or will not be. */
  settled(): void
  /** Tokens of the calls that were made. */
  readonly paid: TokenUsage
  /** The answer does not come about: what was paid for its parts is entered, and what others still wait for when it comes. */
  giveUp(): void
  /** The answer of a call that was of no use for single items, if it is the whole request's. */
  readonly answer: Recording | undefined
}

interface Ask {
  readonly input: unknown
  readonly context: RecordContext
  resolve(record: EmbeddingRecord): void
  reject(error: unknown): void
}

/** How long the first missing item waits to hear which others are missing, ms: some may be on their way elsewhere. */
const GATHER_MS = 20
const NO_TOKENS: TokenUsage = Object.freeze({ input: 0, output: 0, cacheRead: 0, cacheWrite: 0 })

/** A batch for a request of `count` different items. */
export function createItemBatch(site: FetchSite, call: Call, count: number): ItemBatch {
  let waiting: Ask[] = []
  let known = 0
  let timer: unknown
  let paid: TokenUsage = NO_TOKENS
  let model: string | undefined
  let isGivenUp = false
  let answer: Recording | undefined
  const asked = inputsOf(call.request.body.input)?.length ?? 0

  const enter = (): void => {
    if (paid.input > 0) site.account({ ...nothingOf(call), model, usage: paid, httpStatus: 200 })
    paid = NO_TOKENS
  }
  const flush = (): void => {
    site.clock.clearTimer(timer)
    timer = undefined
    const asks = waiting
    waiting = []
    if (asks.length === 0) return
    const isWhole = asks.length === asked
    const onPaid = (tokens: number, by: string | undefined): void => {
      paid = { ...paid, input: paid.input + tokens }
      model = by
      if (isGivenUp) enter()
    }
    askUpstream(site, call, { asks, isWhole, onPaid }).catch((error) => {
      if (isWhole && error instanceof FailedCall) answer = error.recording
      for (const ask of asks) ask.reject(error)
    })
  }
  // An item that was asked for is heard of again when it is there: by then nothing waits that could go together.
  const next = (): void => {
    if (++known >= count) flush()
    else if (waiting.length > 0) timer ??= site.clock.setTimer(flush, GATHER_MS, true)
  }
  return {
    ask: (input, context) =>
      new Promise((resolve, reject) => {
        waiting.push({ input, context, resolve, reject })
        next()
      }),
    settled: () => next(),
    get paid() {
      return paid
    },
    giveUp() {
      isGivenUp = true
      enter()
    },
    get answer() {
      return answer
    },
  }
}

interface Round {
  readonly asks: readonly Ask[]
  /** The items are those of the whole request: it goes out as it came. */
  readonly isWhole: boolean
  /** Hears what the call used before anybody has an item of it. */
  onPaid(tokens: number, model: string | undefined): void
}

/** One call for the items, checked and handed out. */
async function askUpstream(site: FetchSite, call: Call, { asks, isWhole, onPaid }: Round): Promise<void> {
  const { body } = call.request
  const text = isWhole ? undefined : JSON.stringify({ ...body, input: asks.map(({ input }) => input) })
  const { response, received } = await sent(site, call, allGone(asks), text)
  if (response.status !== 200) throw failure(site, call, response, received, 'status')
  const parts = objectOr(parsed(received))
  const unstorable = judgeItems(arrayOr(parts.data), asks.length, body.encoding_format === 'base64')
  if (unstorable !== undefined) throw failure(site, call, response, received, unstorable)
  const total = embeddingUsage(parts.usage)?.input
  onPaid(total ?? 0, textOr(parts.model))
  handOut(site, asks, parts, { total, headers: response.headers })
}

function handOut(
  site: FetchSite,
  asks: readonly Ask[],
  parts: JsonObject,
  { total, headers }: { readonly total: number | undefined; readonly headers: Headers },
): void {
  const { data, usage: _usage, ...envelope } = parts
  const items = new Map(arrayOr(data).map((item) => [objectOr(item).index, objectOr(item)]))
  const shares = sharesOf(
    total ?? 0,
    asks.map(({ input }) => input),
  )
  const money = site.accounts.moneyOf(textOr(envelope.model), { input: 1, output: 0, cacheRead: 0, cacheWrite: 0 })
  const replayable = replayableHeaders(headers)
  for (const [index, ask] of asks.entries()) {
    const { index: _index, ...item } = items.get(index) as JsonObject
    const tokens = shares[index] ?? 0
    if (total !== undefined) ask.context.usage.add({ tokens, ...(money !== undefined && { money: money * tokens }) })
    const told = total === undefined ? {} : { tokens }
    ask.resolve({ v: 1, item, envelope, headers: replayable, ...told, at: site.clock.wall() })
  }
}

/** The answer and its body, or the failure of getting them, which is accounted for. */
async function sent(site: FetchSite, call: Call, signal: AbortSignal, text: string | undefined) {
  try {
    const response = await call.send(signal, text)
    return { response, received: await response.text() }
  } catch (error) {
    const unstored = signal.aborted ? 'aborted' : 'network'
    site.account({ ...nothingOf(call), unstored, failure: signal.aborted ? undefined : failureWord(error) })
    throw error
  }
}

function nothingOf({ format, about }: Call) {
  return { format: format.name, call: about, model: undefined, usage: undefined, ageMs: 0, status: 'miss' } as const
}

function failure(site: FetchSite, call: Call, response: Response, body: string, unstorable: Unstorable): FailedCall {
  const { status, headers } = response
  const recording = recordingOf({ status, headers, body }, rejected(unstorable), {
    format: call.format.name,
    at: site.clock.wall(),
    by: call.credentials(),
  })
  // What proves wrong is paid for, too.
  const { model, usage } = status === 200 ? objectOr(parsed(body)) : objectOr(undefined)
  const told = { model: textOr(model), usage: embeddingUsage(usage) }
  site.account({ ...nothingOf(call), ...told, unstored: unstorable, httpStatus: status })
  // Of a failure every header counts: SDKs wait as long as they say.
  const own = [...headers].filter(([name]) => name !== 'content-length' && name !== 'content-encoding')
  return new FailedCall(unstorable, status === 200 ? recording : { ...recording, headers: own })
}

/** A total in whole shares by the length of texts or lists; what is left over goes to the first ones. */
export function sharesOf(total: number, inputs: readonly unknown[]): number[] {
  const lengths = inputs.map((input) => (typeof input === 'string' || Array.isArray(input) ? input.length : 1) || 1)
  const sum = lengths.reduce((all, length) => all + length, 0)
  const shares = lengths.map((length) => Math.floor((total * length) / sum))
  let rest = total - shares.reduce((all, share) => all + share, 0)
  return shares.map((share) => (rest-- > 0 ? share + 1 : share))
}

/** Aborts when nobody waits for any of the items any more. */
function allGone(asks: readonly Ask[]): AbortSignal {
  const controller = new AbortController()
  let left = asks.length
  for (const { context } of asks) {
    onceAborted(context.signal, (reason) => {
      if (--left === 0) controller.abort(reason)
    })
  }
  return controller.signal
}
