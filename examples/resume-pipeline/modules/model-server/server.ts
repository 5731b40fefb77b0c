import { createHash } from 'node:crypto'
import type { Latency } from '../latency.js'
import { type Module, startModule } from '../module-server.js'
import { type Completion, type CompletionRequest, modelContract } from './contract.js'
import { answerPrompt } from './stand-in.js'

/** What the model was asked so far. */
export interface ModelUsage {
  calls: number
  inputTokens: number
  outputTokens: number
}

/** A running stand-in for a model, with a meter. */
export interface ModelServer extends Module {
  usage(): ModelUsage
}

/** Starts a server that speaks OpenAI's chat completions and answers out of its own head, at the pace of a model. */
export async function startModelServer(options: { token: string; latencyMs?: Latency }): Promise<ModelServer> {
  const meter: ModelUsage = { calls: 0, inputTokens: 0, outputTokens: 0 }
  const module = await startModule({
    name: 'model',
    ...options,
    contract: modelContract,
    handle(request) {
      const completion = complete(request)
      meter.calls += 1
      meter.inputTokens += completion.usage.prompt_tokens
      meter.outputTokens += completion.usage.completion_tokens
      return completion
    },
  })
  // Not a spread: `fault` must stay the very property that the server reads.
  return Object.assign(module, { usage: () => ({ ...meter }) })
}

function complete({ model, messages }: CompletionRequest): Completion {
  const content = answerPrompt(messages.findLast(({ role }) => role === 'user')?.content ?? '')
  const prompt_tokens = messages.reduce((sum, message) => sum + tokensIn(message.content), 0)
  const completion_tokens = tokensIn(content)
  const id = createHash('sha256')
    .update(JSON.stringify([model, messages]))
    .digest('hex')
    .slice(0, 24)
  return {
    id: `chatcmpl-${id}`,
    object: 'chat.completion',
    created: Math.floor(Date.now() / 1000),
    model,
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
    usage: { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens },
  }
}

/** The rule of thumb: four characters a token. */
function tokensIn(text: string): number {
  return Math.ceil(text.length / 4)
}
