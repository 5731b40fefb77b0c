import type { OutgoingHttpHeaders } from 'node:http'

type Chunk = string | Uint8Array
type Done = (error?: Error | null) => void

/** Header fields as pairs, from any form `writeHead` takes. */
export function headerPairs(
  given: OutgoingHttpHeaders | unknown[] | undefined,
): [string, number | string | string[]][] {
  if (given === undefined) return []
  if (!Array.isArray(given)) {
    return Object.entries(given).filter((pair): pair is [string, string] => pair[1] !== undefined)
  }
  if (Array.isArray(given[0])) return given as [string, string][]
  const pairs: [string, string][] = []
  for (let index = 0; index + 1 < given.length; index += 2) pairs.push([String(given[index]), String(given[index + 1])])
  return pairs
}

/** @throws {RangeError} `ERR_HTTP_INVALID_STATUS_CODE`, as `node:http` does when it writes the head */
export function checkStatus(status: unknown): void {
  const number = Number(status)
  if (Number.isInteger(number) && number >= 100 && number <= 999) return
  throw Object.assign(new RangeError(`Invalid status code: ${String(status)}`), {
    code: 'ERR_HTTP_INVALID_STATUS_CODE',
  })
}

/**
 * What `write` and `end` were given.
 *
 * @throws {TypeError} `ERR_INVALID_ARG_TYPE` for a chunk that is neither text nor bytes, as `node:http` does
 */
export function argumentsOf(given: unknown[]): {
  readonly chunk: Uint8Array | undefined
  readonly done: Done | undefined
} {
  const done = given.find((one): one is Done => typeof one === 'function')
  const [first, second] = given as [Chunk | null | undefined | Done, BufferEncoding | Done | undefined]
  if (typeof first === 'string')
    return { chunk: Buffer.from(first, typeof second === 'string' ? second : 'utf8'), done }
  if (first !== undefined && first !== null && typeof first !== 'function' && !(first instanceof Uint8Array))
    throw Object.assign(new TypeError('Expected a chunk that is a string or a Uint8Array.'), {
      code: 'ERR_INVALID_ARG_TYPE',
    })
  // A copy: its owner may use the buffer again once it is written.
  return { chunk: first instanceof Uint8Array ? Uint8Array.from(first) : undefined, done }
}

/** Chunks as one. */
export function joined(chunks: readonly Uint8Array[]): Uint8Array {
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks)
}
