/** The wire formats the server of the tests speaks. */
export type WireName = 'openai-chat' | 'openai-responses' | 'anthropic-messages' | 'gemini'

/** What a model says, whatever the format. */
export interface Said {
  readonly text?: string
  readonly tool?: { readonly name: string; readonly args: object }
  readonly ends?: 'done' | 'truncated' | 'filtered' | 'refused' | 'empty' | 'unknown' | 'unfinished'
  /** Prompt tokens in all, answer tokens, and what of the prompt the provider read from or wrote to its own cache. */
  readonly tokens?: {
    readonly input: number
    readonly output: number
    readonly read?: number
    readonly written?: number
  }
}

/** An answer in a format: JSON, or the blocks of an event stream without the blank lines between them. */
export type Rendered = { readonly json: object } | { readonly events: readonly string[] }

/** One choice of a model; every answer of a test server has another `serial`. */
export interface Frame {
  readonly serial: number
  readonly model: string
  readonly choices: number
  readonly withUsage: boolean
}

const TOKENS: NonNullable<Said['tokens']> = { input: 20, output: 5 }

export function textOf(said: Said, serial: number): string {
  if (said.ends === 'empty') return ''
  return said.text ?? (said.tool === undefined ? `answer ${serial} – grüße, 世界 👋` : '')
}

/** Renders an answer in a format. */
export function render(format: WireName, said: Said, frame: Frame, stream: boolean): Rendered {
  return RENDERERS[format](said, frame, stream)
}

/** What a provider sends in the middle of a stream when it fails. */
export const ERROR_EVENTS: Readonly<Record<WireName, string>> = {
  'openai-chat': data({ error: { message: 'The server had an error', type: 'server_error', code: null } }),
  'openai-responses': named('error', { type: 'error', code: 'server_error', message: 'boom', sequence_number: 9 }),
  'anthropic-messages': named('error', { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }),
  gemini: data({ error: { code: 503, message: 'The model is overloaded', status: 'UNAVAILABLE' } }),
}

const RENDERERS: Readonly<Record<WireName, (said: Said, frame: Frame, stream: boolean) => Rendered>> = {
  'openai-chat': chat,
  'openai-responses': responses,
  'anthropic-messages': messages,
  gemini,
}

function chat(said: Said, frame: Frame, stream: boolean): Rendered {
  const base = { id: `chatcmpl-${frame.serial}`, created: 1_700_000_000 + frame.serial, model: frame.model }
  const text = textOf(said, frame.serial)
  const finish = {
    done: said.tool === undefined ? 'stop' : 'tool_calls',
    truncated: 'length',
    filtered: 'content_filter',
    refused: 'stop',
    empty: 'stop',
    unknown: 'solar_flare',
    unfinished: null,
  }[said.ends ?? 'done']
  const { input, output, read = 0 } = said.tokens ?? TOKENS
  const usage = {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: read },
  }
  const call = said.tool && {
    id: `call_${frame.serial}`,
    type: 'function',
    function: { name: said.tool.name, arguments: JSON.stringify(said.tool.args) },
  }
  const refused = said.ends === 'refused'
  const indexes = Array.from({ length: frame.choices }, (_, index) => index)
  if (!stream) {
    const choices = indexes.map((index) => ({
      index,
      message: {
        role: 'assistant',
        content: refused || call !== undefined ? null : suffixed(text, index),
        refusal: refused ? 'I cannot help with that.' : null,
        ...(call !== undefined && { tool_calls: [call] }),
      },
      finish_reason: finish,
    }))
    return { json: { ...base, object: 'chat.completion', choices, usage } }
  }
  const chunk = (index: number, delta: object, finishReason: string | null = null) =>
    data({ ...base, object: 'chat.completion.chunk', choices: [{ index, delta, finish_reason: finishReason }] })
  const events = indexes.flatMap((index) => [
    chunk(index, { role: 'assistant', content: '' }),
    ...(call === undefined
      ? pieces(suffixed(text, index)).map((piece) => chunk(index, refused ? { refusal: piece } : { content: piece }))
      : [
          chunk(index, { tool_calls: [{ index: 0, ...call, function: { name: call.function.name, arguments: '' } }] }),
          ...pieces(call.function.arguments).map((piece) =>
            chunk(index, { tool_calls: [{ index: 0, function: { arguments: piece } }] }),
          ),
        ]),
    ...(finish === null ? [] : [chunk(index, {}, finish)]),
  ])
  if (frame.withUsage) events.push(data({ ...base, object: 'chat.completion.chunk', choices: [], usage }))
  return { events: [...events, 'data: [DONE]'] }
}

function responses(said: Said, frame: Frame, stream: boolean): Rendered {
  const text = textOf(said, frame.serial)
  const { input, output, read = 0 } = said.tokens ?? TOKENS
  const usage = {
    input_tokens: input,
    input_tokens_details: { cached_tokens: read },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: input + output,
  }
  const part =
    said.ends === 'refused'
      ? { type: 'refusal', refusal: 'I cannot help with that.' }
      : { type: 'output_text', text, annotations: [] }
  const item =
    said.tool === undefined
      ? { id: 'msg_1', type: 'message', role: 'assistant', status: 'completed', content: [part] }
      : {
          id: 'fc_1',
          type: 'function_call',
          call_id: `call_${frame.serial}`,
          name: said.tool.name,
          arguments: JSON.stringify(said.tool.args),
          status: 'completed',
        }
  const status = {
    done: 'completed',
    refused: 'completed',
    empty: 'completed',
    truncated: 'incomplete',
    filtered: 'incomplete',
    unknown: 'failed',
    unfinished: 'in_progress',
  }[said.ends ?? 'done']
  const reason = { truncated: 'max_output_tokens', filtered: 'content_filter' }[said.ends as string]
  const whole = {
    id: `resp_${frame.serial}`,
    object: 'response',
    created_at: 1_700_000_000 + frame.serial,
    status,
    error: status === 'failed' ? { code: 'server_error', message: 'boom' } : null,
    incomplete_details: reason === undefined ? null : { reason },
    model: frame.model,
    output: said.ends === 'empty' ? [] : [item],
    usage,
  }
  if (!stream) return { json: whole }
  let sequence = 0
  const event = (type: string, body: object) => named(type, { type, sequence_number: sequence++, ...body })
  const begun = { ...whole, status: 'in_progress', output: [], usage: null, error: null, incomplete_details: null }
  const at = { item_id: item.id, output_index: 0 }
  const inText = { ...at, content_index: 0 }
  const [kind, whole_text] = part.type === 'refusal' ? ['refusal', part.refusal ?? ''] : ['output_text', text]
  const middle =
    said.tool !== undefined
      ? pieces(JSON.stringify(said.tool.args)).map((delta) =>
          event('response.function_call_arguments.delta', { ...at, delta }),
        )
      : pieces(whole_text).map((delta) => event(`response.${kind}.delta`, { ...inText, delta }))
  return {
    events: [
      event('response.created', { response: begun }),
      event('response.in_progress', { response: begun }),
      event('response.output_item.added', { output_index: 0, item: { ...item, status: 'in_progress' } }),
      ...middle,
      event('response.output_item.done', { output_index: 0, item }),
      ...(status === 'in_progress' ? [] : [event(`response.${status}`, { response: whole })]),
    ],
  }
}

function messages(said: Said, frame: Frame, stream: boolean): Rendered {
  const text = textOf(said, frame.serial)
  const { input, output, read = 0, written = 0 } = said.tokens ?? TOKENS
  const usage = {
    input_tokens: input - read - written,
    cache_creation_input_tokens: written,
    cache_read_input_tokens: read,
    output_tokens: output,
  }
  const stop = {
    done: said.tool === undefined ? 'end_turn' : 'tool_use',
    truncated: 'max_tokens',
    filtered: 'model_context_window_exceeded',
    refused: 'refusal',
    empty: 'end_turn',
    unknown: 'solar_flare',
    unfinished: 'pause_turn',
  }[said.ends ?? 'done']
  const block =
    said.tool === undefined
      ? { type: 'text', text }
      : { type: 'tool_use', id: `toolu_${frame.serial}`, name: said.tool.name, input: said.tool.args }
  const base = { id: `msg_${frame.serial}`, type: 'message', role: 'assistant', model: frame.model }
  const content = said.ends === 'empty' ? [] : [block]
  if (!stream) return { json: { ...base, content, stop_reason: stop, stop_sequence: null, usage } }
  const opened = { ...base, content: [], stop_reason: null, stop_sequence: null, usage: { ...usage, output_tokens: 1 } }
  const [start, deltas] =
    said.tool === undefined
      ? [{ type: 'text', text: '' }, pieces(text).map((piece) => ({ type: 'text_delta', text: piece }))]
      : [
          { ...block, input: {} },
          pieces(JSON.stringify(said.tool.args)).map((piece) => ({ type: 'input_json_delta', partial_json: piece })),
        ]
  const event = (type: string, body: object) => named(type, { type, ...body })
  return {
    events: [
      event('message_start', { message: opened }),
      event('ping', {}),
      ...(content.length === 0
        ? []
        : [
            event('content_block_start', { index: 0, content_block: start }),
            ...deltas.map((delta) => event('content_block_delta', { index: 0, delta })),
            event('content_block_stop', { index: 0 }),
          ]),
      event('message_delta', { delta: { stop_reason: stop, stop_sequence: null }, usage: { output_tokens: output } }),
      event('message_stop', {}),
    ],
  }
}

function gemini(said: Said, frame: Frame, stream: boolean): Rendered {
  const text = textOf(said, frame.serial)
  const { input, output, read = 0 } = said.tokens ?? TOKENS
  const usageMetadata = {
    promptTokenCount: input,
    candidatesTokenCount: output,
    totalTokenCount: input + output,
    cachedContentTokenCount: read,
  }
  const finishReason = {
    done: 'STOP',
    truncated: 'MAX_TOKENS',
    filtered: 'SAFETY',
    refused: 'PROHIBITED_CONTENT',
    empty: 'STOP',
    unknown: 'SOLAR_FLARE',
    unfinished: undefined,
  }[said.ends ?? 'done']
  const parts = (piece: string) =>
    said.tool !== undefined ? [{ functionCall: { name: said.tool.name, args: said.tool.args } }] : [{ text: piece }]
  const base = { modelVersion: frame.model, responseId: `gem-${frame.serial}` }
  const whole = (piece: string, isLast: boolean) => ({
    candidates: [
      {
        ...(said.ends !== 'empty' && { content: { parts: parts(piece), role: 'model' } }),
        index: 0,
        ...(isLast && finishReason !== undefined && { finishReason }),
      },
    ],
    ...base,
    // Totals so far.
    usageMetadata: isLast ? usageMetadata : { promptTokenCount: input, totalTokenCount: input },
  })
  if (!stream) return { json: whole(text, true) }
  const parted = said.tool === undefined ? pieces(text) : ['']
  const all = parted.length === 0 ? [''] : parted
  return { events: all.map((piece, index) => data(whole(piece, index === all.length - 1))) }
}

function suffixed(text: string, index: number): string {
  return index === 0 || text === '' ? text : `${text} #${index}`
}

function pieces(text: string): string[] {
  return text.match(/\S+\s*/gu) ?? []
}

function data(value: object): string {
  return `data: ${JSON.stringify(value)}`
}

function named(event: string, value: object): string {
  return `event: ${event}\n${data(value)}`
}
