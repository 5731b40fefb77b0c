import { z } from 'zod'
import type { Contract } from '../module-server.js'

const message = z.object({ role: z.enum(['system', 'developer', 'user', 'assistant']), content: z.string() })

/** The part of OpenAI's chat completions that the stand-in speaks: one answer, no tools, no streaming. */
export const modelContract = {
  path: '/v1/chat/completions',
  input: z.looseObject({
    model: z.string().min(1),
    messages: z.array(message).min(1),
    stream: z.literal(false).optional(),
  }),
  output: z.object({
    id: z.string(),
    object: z.literal('chat.completion'),
    created: z.number().int(),
    model: z.string(),
    choices: z.array(
      z.object({
        index: z.number().int(),
        message: z.object({ role: z.literal('assistant'), content: z.string() }),
        finish_reason: z.literal('stop'),
      }),
    ),
    usage: z.object({
      prompt_tokens: z.number().int(),
      completion_tokens: z.number().int(),
      total_tokens: z.number().int(),
    }),
  }),
} satisfies Contract

export type CompletionRequest = z.output<typeof modelContract.input>
export type Completion = z.output<typeof modelContract.output>
