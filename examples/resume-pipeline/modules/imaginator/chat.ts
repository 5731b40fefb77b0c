import { z } from 'zod'
import { ModuleError } from '../wire.js'

/** Where the model lives; any endpoint that speaks OpenAI's chat completions will do. */
export interface ChatOptions {
  /** With its version, as in `OPENAI_BASE_URL`: `http://127.0.0.1:4000/v1`. */
  baseUrl: string
  apiKey: string
  model: string
}

/** One answer of the model, and what it cost. */
export interface ChatAnswer {
  text: string
  inputTokens: number
  outputTokens: number
}

/** Asks the model one thing. */
export type Chat = (system: string, user: string, signal: AbortSignal) => Promise<ChatAnswer>

const completion = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string().min(1) }) })).min(1),
  usage: z.object({ prompt_tokens: z.number(), completion_tokens: z.number() }),
})

/** Makes a client for a model. A busy model becomes 503 with its `Retry-After`; any other trouble with it becomes 502. */
export function createChat({ baseUrl, apiKey, model }: ChatOptions): Chat {
  const url = `${baseUrl.replace(/\/+$/, '')}/chat/completions`

  return async function chat(system, user, signal) {
    const messages = [
      { role: 'system', content: system },
      { role: 'user', content: user },
    ]
    const response = await fetch(url, {
      method: 'POST',
      signal,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey}`, 'x-caller': 'imaginator' },
      body: JSON.stringify({ model, messages, temperature: 0 }),
    }).catch(() => {
      throw new ModuleError(502, 'model_unreachable', 'The model did not answer.')
    })
    if (!response.ok) throw await refusalOf(response)
    const answer = completion.safeParse(await response.json().catch(() => undefined))
    if (!answer.success) throw new ModuleError(502, 'model_garbled', 'The model sent something else than a completion.')
    const { choices, usage } = answer.data
    return {
      text: choices[0]?.message.content.trim() ?? '',
      inputTokens: usage.prompt_tokens,
      outputTokens: usage.completion_tokens,
    }
  }
}

async function refusalOf(response: Response): Promise<ModuleError> {
  await response.body?.cancel()
  const busy = response.status === 429 || response.status === 503
  if (!busy) return new ModuleError(502, 'model_failed', `The model refused with ${response.status}.`)
  const retryAfter = response.headers.get('retry-after')
  const headers: Record<string, string> = retryAfter === null ? {} : { 'retry-after': retryAfter }
  return new ModuleError(503, 'model_busy', 'The model is busy.', { headers })
}
