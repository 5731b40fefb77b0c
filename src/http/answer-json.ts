import { httpAnswer } from '../errors/http-error.js'
import type { Answer } from './exchange.js'

const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json$/

/** The value of an answer that promised JSON; `undefined` where it has no body. @throws HttpError `ERR_HTTP_ANSWER` */
export function answerJson({ status, headers, body }: Answer, provider: string, method: string): unknown {
  if (method === 'HEAD' || body.length === 0) return undefined
  const type = mediaType(headers['content-type'])
  if (!JSON_TYPE.test(type)) throw httpAnswer(provider, method, status, `is no JSON but ${type}`)
  if (headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity') {
    throw httpAnswer(provider, method, status, 'is compressed, which was not asked for')
  }
  try {
    // Unlike `toString`, it leaves a byte order mark out.
    return JSON.parse(new TextDecoder().decode(body))
  } catch {
    throw httpAnswer(provider, method, status, 'says it is JSON, and is not')
  }
}

// Anything but a plain media type may hold somebody's text.
function mediaType(header: string | readonly string[] | undefined): string {
  const first = typeof header === 'string' ? header : header?.[0]
  const type = (first ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
  return /^[a-z]+\/[a-z0-9.+-]{1,60}$/.test(type) ? type : 'of unknown type'
}
