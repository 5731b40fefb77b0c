import { textOr } from './json-value.js'
import type { LlmRequest, WireFormatName } from './wire-format.js'

/** Name of the diagnostics channel on which every call is published when it begins, as an {@link LlmCall}. */
export const LLM_CALL_CHANNEL = 'hopstash:llm:call'

/** A call to a model as it was asked; the same object in all events of one call. Never a prompt or a credential. */
export interface LlmCall {
  /** The wire format; of middleware, whose calls have none, its name. */
  readonly format: WireFormatName | 'ai-sdk'
  /** The model that was asked for; it may answer by a longer name. */
  readonly model: string | undefined
  /** Where it goes: host and port, 443 where there is none; or the provider by the name its SDK has for it. */
  readonly host?: string | undefined
  readonly provider?: string | undefined
}

/** A name that is longer is no name: what is told goes into names of spans and labels. */
const MOST_NAME = 120

/** What of a request is told. */
export function callOf({ url, body }: LlmRequest, format: WireFormatName): LlmCall {
  return { format, model: (textOr(body.model) ?? modelIn(url))?.slice(0, MOST_NAME), host: siteOf(url) }
}

/** Of formats that name the model in the path: `/models/gemini-2.5-pro:generateContent`. */
function modelIn({ pathname }: URL): string | undefined {
  return /\/models\/([^/:]+)/.exec(pathname)?.[1]
}

/** A URL leaves out the port its scheme has anyway; without the scheme it cannot be told. */
function siteOf({ host, port, protocol }: URL): string {
  return port === '' && protocol === 'http:' ? `${host}:80` : host
}
