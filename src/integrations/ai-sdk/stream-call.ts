import type { RecordContext, Records } from '../../cache/records.js'
import { digestOf } from '../../keys/digest.js'
import type { LogicalTime } from '../../llm/flights.js'
import { linkedController, onceAborted } from '../../runtime/abort.js'
import {
  type AnswerRecord,
  copied,
  isAnswerRecord,
  isInimitable,
  marked,
  type Part,
  recordOfParts,
  tokensOf,
  usageOf,
  withoutTexts,
} from './answer-record.js'
import {
  type CallParams,
  type CallReader,
  type MiddlewareUse,
  type ModelCall,
  type ModelLike,
  recordOptionsOf,
} from './model-call.js'
import { createPartLog, type PartLog } from './part-log.js'
import { tellCall } from './tell-call.js'

/** A call to stream, of any version of the SDK. */
export interface StreamCall<R> {
  readonly doStream: () => PromiseLike<R>
  readonly params: CallParams
  readonly model: ModelLike
}

/** What the hooks of one middleware share, and streams with all over one namespace. */
export interface MiddlewareSite {
  /** Of the namespace. */
  readonly name: string
  readonly records: Records<AnswerRecord>
  readonly use: MiddlewareUse
  readonly reader: CallReader
  /** Streams on their way, by call. */
  readonly flights: Map<string, StreamFlight>
  /** Of the namespace. */
  readonly time: LogicalTime
}

/** A stream on its way, for those who want it meanwhile. */
export interface StreamFlight {
  /** At which logical time it was begun. */
  startSeq: number | undefined
  log: PartLog | undefined
  result: object | undefined
  readonly waiting: Set<() => void>
}

const FLIGHTS = Symbol('flights')

/** The streams of a namespace on their way, whichever middleware over it began them. */
export function streamFlightsOf(state: object): Map<string, StreamFlight> {
  const held = state as { [FLIGHTS]?: Map<string, StreamFlight> }
  held[FLIGHTS] ??= new Map()
  return held[FLIGHTS]
}

/** Streams an answer: the one that is on its way, or one that is kept, or a new one. */
export function stream<R extends { readonly stream: ReadableStream }>(
  site: MiddlewareSite,
  asked: StreamCall<R>,
): Promise<R> {
  const call = site.reader.read('stream', asked.model, asked.params)
  const boarding = createBoarding(site, flightId(call))
  return follow(site, asked, call, boarding, {}) as Promise<R>
}

/** Takes what comes first: the stream that is on its way, or an answer that is kept. */
function follow(
  site: MiddlewareSite,
  asked: StreamCall<{ readonly stream: ReadableStream }>,
  call: ModelCall,
  boarding: Boarding,
  more: { readonly forceFresh?: true; readonly noStore?: true },
): Promise<object> {
  const leaving = linkedController(call.signal)
  const { flight, isFirst } = boarding
  const tell = tellCall(site.name, asked.model)
  return new Promise((resolve, reject) => {
    let isDecided = false
    const decide = (how: () => void): void => {
      if (isDecided) return
      isDecided = true
      flight.waiting.delete(takeLive)
      how()
    }
    const takeLive = (): void => {
      const { log, result } = flight
      if (log === undefined || result === undefined) return
      // From here on his leaving is a matter of those who read with him.
      leaving.release()
      const left = (reason: unknown): void => leaving.abort(reason)
      const head = isFirst ? result : copied(withoutTexts(result))
      decide(() => resolve({ ...head, stream: live(log, { left, isFirst, loaded }, call.signal) }))
    }
    const load = (context: RecordContext): Promise<AnswerRecord> => {
      flight.startSeq = site.time.seq
      const led = lead(asked, call, context, flight).finally(boarding.over)
      tell.led = led
      return led
    }
    const loaded = site.records.load(call.key, load, {
      ...recordOptionsOf<AnswerRecord>(call, leaving.signal),
      cacheable: (record) => isStorable(site, record),
      ...more,
    })
    flight.waiting.add(takeLive)
    takeLive()
    loaded.then(
      ({ value, status, ageMs }) => {
        if (isAnswerRecord(value, true)) tell({ record: value, status, ageMs })
        // Whoever comes from here on finds the answer, too; what is loaded behind it is for later.
        if (flight.log === undefined || status === 'stale' || status === 'hit') boarding.over()
        decide(() => {
          leaving.release()
          const again = (how: typeof more) => resolve(follow(site, asked, call, createBoarding(site, undefined), how))
          // A store may hold anything.
          if (!isAnswerRecord(value, true) && more.forceFresh !== true) again({ forceFresh: true })
          else if (!isAnswerRecord(value, true)) reject(new TypeError('No answer of a model came back'))
          else if (isInimitable(value) && more.noStore !== true) again({ noStore: true })
          else resolve(replayed(value, status, ageMs))
        })
      },
      (error: unknown) => {
        tell({ failed: error, isAborted: call.signal?.aborted === true })
        if (flight.log === undefined) boarding.over()
        decide(() => {
          leaving.release()
          reject(error)
        })
      },
    )
  })
}

async function lead(
  { doStream }: StreamCall<{ readonly stream: ReadableStream }>,
  call: ModelCall,
  context: RecordContext,
  flight: StreamFlight,
): Promise<AnswerRecord> {
  const unlisten = onceAborted(context.signal, call.abort)
  try {
    const { stream: source, ...result } = await doStream()
    flight.result = result
    const log = createPartLog(source as ReadableStream<Part>)
    flight.log = log
    for (const take of [...flight.waiting]) take()
    const record = recordOfParts(result, await log.whole)
    context.usage.add({ tokens: tokensOf(usageOf(record)) })
    return record
  } finally {
    unlisten()
  }
}

/** A caller's place in a flight that may be shared. */
interface Boarding {
  readonly flight: StreamFlight
  readonly isFirst: boolean
  /** Nobody else boards. */
  over(): void
}

function createBoarding({ flights, time }: MiddlewareSite, id: string | undefined): Boarding {
  const present = id === undefined ? undefined : flights.get(id)
  // What began before an invalidation is not handed out as it comes: the namespace tells what may still be had of it.
  const isOpen = present !== undefined && present.log?.spent !== true && (present.startSeq ?? time.seq) === time.seq
  const flight: StreamFlight = isOpen
    ? present
    : { startSeq: undefined, log: undefined, result: undefined, waiting: new Set() }
  if (id !== undefined) flights.set(id, flight)
  return {
    flight,
    isFirst: !isOpen,
    over() {
      if (id !== undefined && flights.get(id) === flight) flights.delete(id)
    },
  }
}

interface LiveReader {
  readonly left: (reason: unknown) => void
  readonly isFirst: boolean
  /** What the namespace makes of the call: who has everything finds it kept, and nobody shares what is not. */
  readonly loaded: Promise<unknown>
}

/** A stream of its own for one caller, which ends with its signal at once: the call itself may go on for others. */
function live(
  log: PartLog,
  { left, isFirst, loaded }: LiveReader,
  signal: AbortSignal | undefined,
): ReadableStream<Part> {
  const each = (part: Part): Part => (part.type === 'finish' ? marked(part, isFirst ? 'miss' : 'coalesced', 0) : part)
  return failing(log.reader(each, left, loaded), signal)
}

function replayed({ result, parts = [] }: AnswerRecord, status: string, ageMs: number): object {
  let at = 0
  const stream = new ReadableStream<Part>({
    pull(controller) {
      const part = parts[at++]
      if (part === undefined) return controller.close()
      const own = copied(part)
      controller.enqueue(part.type === 'finish' ? marked(own, status, ageMs) : own)
    },
  })
  return { ...copied(result), stream }
}

function failing(source: ReadableStream<Part>, signal: AbortSignal | undefined): ReadableStream<Part> {
  if (signal === undefined) return source
  const reader = source.getReader()
  let unlisten = (): void => {}
  return new ReadableStream<Part>(
    {
      start(controller) {
        unlisten = onceAborted(signal, (reason) => {
          controller.error(reason)
          reader.cancel(reason).catch(() => undefined)
        })
      },
      async pull(controller) {
        const { done, value } = await reader.read().catch((error: unknown) => {
          unlisten()
          throw error
        })
        if (signal.aborted) return
        if (!done) return controller.enqueue(value)
        unlisten()
        controller.close()
      },
      cancel(reason) {
        unlisten()
        return reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
}

/** Whether an answer may be kept. */
export function isStorable({ use }: MiddlewareSite, { unstorable }: AnswerRecord): boolean {
  return unstorable === undefined || use.alsoStore.has(unstorable)
}

/** What calls share a stream by; `undefined` for those that share nothing. */
function flightId({ key, directives }: ModelCall): string | undefined {
  const { noStore, forceFresh, onlyIfCached, scope = '' } = directives
  if (noStore === true || forceFresh === true || onlyIfCached === true) return undefined
  try {
    return digestOf([scope, key])
  } catch {
    return undefined
  }
}
