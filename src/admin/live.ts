import { statsDocument } from '../observe/stats-json.js'
import type { TopKeys } from '../observe/top-keys.js'
import { Refusal, stream } from './answer.js'
import { type Desk, healthDocument, pipelinesDocument } from './endpoints.js'

const INTERVAL_MS = 1000
const MAX_STREAMS = 16
/** A page asks again after it, and so proves again that it may look. */
const MAX_MS = 10 * 60_000

/** Streams of what the dashboard shows. */
export interface Live {
  /** `GET /live`: server-sent events, the whole picture every second. @throws {Refusal} 503 */
  open(desk: Desk, signal: AbortSignal): Response
}

/** Returns the streams of one handler. */
export function createLive(topKeys: TopKeys): Live {
  let open = 0
  return {
    open(desk, signal) {
      if (open >= MAX_STREAMS) throw new Refusal(503, 'busy', `There are ${MAX_STREAMS} live streams already.`)
      open++
      const unwatch = topKeys.watch()
      let end = (): void => {}
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          end = pictures(desk, topKeys, signal, controller, () => {
            open--
            unwatch()
          })
        },
        cancel: () => end(),
      })
      return stream(body, 'text/event-stream; charset=utf-8')
    },
  }
}

/** Sends pictures until somebody has had enough; returns what ends it. */
function pictures(
  desk: Desk,
  topKeys: TopKeys,
  signal: AbortSignal,
  controller: ReadableStreamDefaultController<Uint8Array>,
  onEnd: () => void,
): () => void {
  const { clock } = desk.options
  const encoder = new TextEncoder()
  const until = clock.now() + MAX_MS
  let timer: unknown
  let isOver = false
  const end = (): void => {
    if (isOver) return
    isOver = true
    clock.clearTimer(timer)
    signal.removeEventListener('abort', end)
    onEnd()
    try {
      controller.close()
    } catch {
      // Its reader has cancelled it.
    }
  }
  const send = (): void => {
    if (isOver) return
    if (clock.now() >= until) {
      end()
      return
    }
    try {
      // A reader that does not read misses pictures, and nothing grows.
      if ((controller.desiredSize ?? 0) > 0)
        controller.enqueue(encoder.encode(`data: ${JSON.stringify(picture(desk, topKeys))}\n\n`))
    } catch {
      // A pool of the host's that cannot be asked must not end the process from a timer.
      end()
      return
    }
    timer = clock.setTimer(send, INTERVAL_MS)
  }
  if (signal.aborted) end()
  else {
    signal.addEventListener('abort', end, { once: true })
    send()
  }
  return end
}

function picture(desk: Desk, topKeys: TopKeys) {
  const { stash, options, history } = desk
  return {
    at: new Date(options.clock.wall()).toISOString(),
    stats: statsDocument(stash),
    health: healthDocument(desk),
    pipelines: pipelinesDocument(options),
    runs: history.read(8),
    top_keys: topKeys.read(),
  }
}
