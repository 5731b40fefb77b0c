import type { Clock } from '../runtime/clock.js'
import { Refusal } from './answer.js'

const MAX_BYTES = 4096
const MAX_MS = 5000

/**
 * The JSON object in a request's body; `undefined` without a body.
 *
 * @throws {Refusal} 400, 408, 413 or 415
 */
export async function readBody(request: Request, clock: Clock): Promise<Readonly<Record<string, unknown>> | undefined> {
  const bytes = await readBytes(request, clock)
  if (bytes.length === 0) return undefined
  const type = request.headers.get('content-type') ?? ''
  if (!/^application\/json\s*(?:;|$)/i.test(type))
    throw new Refusal(415, 'content_type', 'Expected a body of content type application/json.')
  const body = parsed(bytes)
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new Refusal(400, 'body', 'Expected a JSON object as body.')
  return body as Readonly<Record<string, unknown>>
}

async function readBytes(request: Request, clock: Clock): Promise<Uint8Array> {
  if (request.body === null) return new Uint8Array()
  // Read as none, it could ask for more than was meant.
  if (request.bodyUsed || request.body.locked) throw new Refusal(400, 'body', 'The body was read before.')
  if (Number(request.headers.get('content-length') ?? 0) > MAX_BYTES) {
    await request.body.cancel().catch(() => undefined)
    throw tooLarge()
  }
  const reader = request.body.getReader()
  const chunks: Uint8Array[] = []
  let length = 0
  let timer: unknown
  const late = new Promise<never>((_, reject) => {
    timer = clock.setTimer(
      () => reject(new Refusal(408, 'timeout', `The body took longer than ${MAX_MS} ms.`)),
      MAX_MS,
      true,
    )
  })
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), late])
      if (done) break
      length += value.length
      if (length > MAX_BYTES) throw tooLarge()
      chunks.push(value)
    }
  } catch (error) {
    reader.cancel().catch(() => undefined)
    throw error instanceof Refusal ? error : new Refusal(400, 'body', 'The body could not be read.')
  } finally {
    clock.clearTimer(timer)
  }
  return Buffer.concat(chunks)
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw new Refusal(400, 'body', 'Expected JSON as body.')
  }
}

function tooLarge(): Refusal {
  return new Refusal(413, 'too_large', `Expected a body of at most ${MAX_BYTES} bytes.`)
}
