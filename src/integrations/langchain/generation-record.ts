import { type BaseMessage, mapStoredMessageToChatMessage, type StoredMessage } from '@langchain/core/messages'
import type { Generation } from '@langchain/core/outputs'

/** A generation as it is kept: plain data. */
export interface GenerationRecord {
  readonly text: string
  readonly message?: StoredMessage
  readonly generationInfo?: Readonly<Record<string, unknown>>
}

const GOOD = new Set([
  'stop',
  'end_turn',
  'stop_sequence',
  'tool_calls',
  'tool_use',
  'function_call',
  'complete',
  'completed',
  'eos',
  'eos_token',
])
/** Words of OpenAI's Responses, which tell no reason. A `status` of another kind says nothing here. */
const UNDONE = new Set(['incomplete', 'failed', 'cancelled', 'in_progress', 'queued'])

/** Why generations are not kept; `undefined` where they are complete and good. */
export function unstorable(generations: readonly Generation[]): 'empty' | 'unfinished' | undefined {
  if (generations.length === 0) return 'empty'
  for (const generation of generations) {
    const reason = finishOf(generation)
    if (reason !== undefined && !GOOD.has(reason.toLowerCase())) return 'unfinished'
    if (generation.text.trim() === '' && !callsTools(generation)) return 'empty'
  }
  return undefined
}

/** What is kept of generations; not theirs alone before it is {@link cloned}. */
export function recordsOf(generations: readonly Generation[]): readonly GenerationRecord[] {
  return generations.map((generation) => {
    const { text, generationInfo } = generation
    const message = messageOf(generation)
    return {
      text,
      ...(message !== undefined && { message: message.toDict() }),
      ...(generationInfo !== undefined && { generationInfo }),
    }
  })
}

/** A copy that shares nothing with the value; `undefined` of one that holds what cannot be cloned, such as a function. */
export function cloned<T>(value: T): T | undefined {
  try {
    return structuredClone(value)
  } catch {
    return undefined
  }
}

/**
 * Generations of their own for each caller: LangChain writes into what a cache gives it. `undefined` for what is no record:
 * a folder of them may have been edited by hand.
 */
export function generationsOf(value: unknown): Generation[] | undefined {
  try {
    return areRecords(value) ? value.map(generationOf) : undefined
  } catch {
    return undefined
  }
}

function areRecords(value: unknown): value is readonly GenerationRecord[] {
  return Array.isArray(value) && value.every((one) => typeof (one as GenerationRecord | null)?.text === 'string')
}

function generationOf(record: GenerationRecord): Generation {
  const { text, message, generationInfo } = structuredClone(record)
  return {
    text,
    ...(message !== undefined && { message: mapStoredMessageToChatMessage(message) }),
    ...(generationInfo !== undefined && { generationInfo }),
  } as Generation
}

/** Tokens of the answers. */
export function tokensOf(generations: readonly Generation[]): number {
  return generations.reduce((sum, generation) => {
    const usage = (messageOf(generation) as { usage_metadata?: { total_tokens?: unknown } } | undefined)?.usage_metadata
    return sum + (typeof usage?.total_tokens === 'number' ? usage.total_tokens : 0)
  }, 0)
}

function messageOf(generation: Generation): BaseMessage | undefined {
  return (generation as { message?: BaseMessage }).message
}

// Every provider has a name of its own for it.
function finishOf(generation: Generation): string | undefined {
  const about = { ...generation.generationInfo, ...messageOf(generation)?.response_metadata } as Record<string, unknown>
  for (const name of ['finish_reason', 'stop_reason', 'finishReason', 'stopReason', 'done_reason']) {
    if (typeof about[name] === 'string') return about[name]
  }
  return UNDONE.has(about.status as string) ? (about.status as string) : undefined
}

function callsTools(generation: Generation): boolean {
  const { tool_calls: calls } = (messageOf(generation) ?? {}) as { tool_calls?: unknown }
  return Array.isArray(calls) && calls.length > 0
}
