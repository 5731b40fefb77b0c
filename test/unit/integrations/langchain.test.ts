import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BaseChatModel } from '@langchain/core/language_models/chat_models'
import { AIMessage, type BaseMessage, HumanMessage, ToolMessage } from '@langchain/core/messages'
import type { ChatResult } from '@langchain/core/outputs'
import { FakeListChatModel, FakeStreamingLLM } from '@langchain/core/utils/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { namespace } from '../../../src/cache/presets.js'
import { createStash, type Stash } from '../../../src/cache/stash.js'
import { type LangChainCacheOptions, langChainCache } from '../../../src/integrations/langchain/index.js'
import { hidesParts, modelText } from '../../../src/integrations/langchain/model-text.js'
import { textIn } from '../../support/folder-text.js'

let stash: Stash

beforeEach(() => {
  stash = createStash()
})

afterEach(() => stash.close())

/** A model that counts its calls, and says what it is told to. */
class CountingModel extends BaseChatModel {
  calls = 0
  readonly says: (calls: number) => AIMessage

  constructor(options: LangChainCacheOptions, says?: (calls: number) => AIMessage) {
    super({ cache: langChainCache(stash.aiResponse, options) })
    this.says = says ?? ((calls) => Object.assign(new AIMessage(`answer ${calls}`), { usage_metadata: USAGE }))
  }

  override _llmType(): string {
    return 'counting'
  }

  override async _generate(_messages: BaseMessage[]): Promise<ChatResult> {
    const message = this.says(++this.calls)
    return { generations: [{ text: String(message.content), message }] }
  }
}

const USAGE = { input_tokens: 3, output_tokens: 4, total_tokens: 7 }
const modelOf = (says?: (calls: number) => AIMessage, options: LangChainCacheOptions = {}) =>
  new CountingModel(options, says)

describe('the cache for LangChain', () => {
  it('answers the second call of a chat model of the core', async () => {
    const model = new FakeListChatModel({ responses: ['one', 'two'], cache: langChainCache(stash.aiResponse) })
    expect((await model.invoke('Hi')).content).toBe('one')
    expect((await model.invoke('Hi')).content).toBe('one')
    expect((await model.invoke('Other')).content).toBe('two')
  })

  it('answers models of texts, too', async () => {
    const llm = new FakeStreamingLLM({ responses: ['one', 'two'], cache: langChainCache(stash.aiResponse) })
    expect([await llm.invoke('Hi'), await llm.invoke('Hi')]).toEqual(['one', 'one'])
  })

  it('gives every caller copies: nobody sees what LangChain or another caller writes into them', async () => {
    const model = modelOf()
    const first = await model.invoke('Hi')
    const second = await model.invoke('Hi')
    expect(first.usage_metadata).toEqual(USAGE)
    expect(second).toBeInstanceOf(AIMessage)
    second.content = 'changed'
    first.content = 'changed'
    expect((await model.invoke('Hi')).content).toBe('answer 1')
    expect(model.calls).toBe(1)
  })

  it('keeps tool calls, metadata and ids', async () => {
    const tool_calls = [{ name: 'weather', args: { city: 'Bern' }, id: 'call_1', type: 'tool_call' as const }]
    const model = modelOf(
      () => new AIMessage({ content: '', tool_calls, id: 'msg_1', response_metadata: { finish_reason: 'tool_calls' } }),
    )
    await model.invoke('Weather?')
    expect(await model.invoke('Weather?')).toMatchObject({
      tool_calls,
      id: 'msg_1',
      response_metadata: { finish_reason: 'tool_calls' },
    })
    expect(model.calls).toBe(1)
  })

  it.each([
    ['cut off', { content: 'half', response_metadata: { finish_reason: 'length' } }],
    ['cut off, elsewhere', { content: 'half', response_metadata: { stop_reason: 'max_tokens' } }],
    ['cut off, as a response of OpenAI', { content: 'half', response_metadata: { status: 'incomplete' } }],
    ['filtered', { content: 'no', response_metadata: { finishReason: 'SAFETY' } }],
    ['empty', { content: ' ' }],
  ])('does not keep what is %s', async (_what, fields) => {
    const model = modelOf(() => new AIMessage(fields))
    for (let i = 0; i < 2; i++) await model.invoke('Hi')
    expect(model.calls).toBe(2)
  })

  it.each([
    ['end_turn', { stop_reason: 'end_turn' }],
    ['STOP', { finishReason: 'STOP' }],
    ['COMPLETE', { finish_reason: 'COMPLETE' }],
    ['a response that is completed', { status: 'completed' }],
    ['a status that is none of these', { status: 'ok' }],
  ])('keeps what ended well: %s', async (_what, response_metadata) => {
    const model = modelOf(() => new AIMessage({ content: 'yes', response_metadata }))
    for (let i = 0; i < 2; i++) await model.invoke('Hi')
    expect(model.calls).toBe(1)
  })

  it('never answers one picture with the answer to another', async () => {
    const model = modelOf()
    const ask = (url: string) =>
      model.invoke([
        new HumanMessage({
          content: [
            { type: 'text', text: 'What is it?' },
            { type: 'image_url', image_url: { url } },
          ],
        }),
      ])
    expect((await ask('https://example.org/cat.png')).content).toBe('answer 1')
    expect((await ask('https://example.org/dog.png')).content).toBe('answer 2')
  })

  it('never takes the result of one call of a tool for that of another', async () => {
    const model = modelOf()
    const callOf = (id: string, city: string) => ({ id, name: 'weather', args: { city } })
    const [rome, paris] = [callOf('1', 'Rome'), callOf('2', 'Paris')]
    const saysOf = (...tool_calls: ReturnType<typeof callOf>[]) => new AIMessage({ content: '', tool_calls })
    const resultOf = (content: string, { id }: { id: string }) => new ToolMessage({ content, tool_call_id: id })
    const ask = async (...messages: BaseMessage[]) => (await model.invoke(messages)).content
    expect(await ask(saysOf(rome, paris), resultOf('10', rome), resultOf('25', paris))).toBe('answer 1')
    expect(await ask(saysOf(rome, paris), resultOf('10', paris), resultOf('25', rome))).toBe('answer 2')
    // One result of one call is told.
    expect(await ask(saysOf(rome), resultOf('10', rome))).toBe('answer 3')
    expect(await ask(saysOf(paris), resultOf('10', paris))).toBe('answer 4')
    expect(await ask(saysOf(rome), resultOf('10', rome))).toBe('answer 3')
    const twice = [saysOf(rome), resultOf('10', rome), saysOf(paris), resultOf('20', paris)]
    expect([await ask(...twice), await ask(...twice)]).toEqual(['answer 5', 'answer 5'])
  })

  it('takes no notice of signals and timeouts, and tells every other option apart', async () => {
    const model = modelOf()
    await model.invoke('Hi')
    await model.invoke('Hi', { signal: new AbortController().signal })
    await model.invoke('Hi', { timeout: 1000 })
    expect(model.calls).toBe(1)
    await model.invoke('Hi', { stop: ['a,signal:{}'] })
    await model.invoke('Hi', { stop: ['a'] })
    expect(model.calls).toBe(3)
  })

  it('partitions by scope, by a function if need be', async () => {
    let tenant = 'a'
    const model = modelOf(undefined, { scope: () => tenant })
    await model.invoke('Hi')
    tenant = 'b'
    await model.invoke('Hi')
    expect(model.calls).toBe(2)
  })

  it.each([[async () => 'tenant'], [() => ''], [() => null]])('takes no scope that is none: %s', async (scope) => {
    const model = modelOf(undefined, { scope } as never)
    await expect(model.invoke('Hi')).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID', message: /scope/ })
  })

  it('counts what it saves', async () => {
    const model = modelOf()
    for (let i = 0; i < 3; i++) await model.invoke('Hi')
    expect(stash.aiResponse.stats().saved).toMatchObject({ calls: 2, tokens: 14 })
  })

  it('goes by the tags of its options', async () => {
    const model = modelOf(undefined, { tags: ['prompt:v1'] })
    await model.invoke('Hi')
    await stash.invalidateTags(['prompt:v1'])
    await model.invoke('Hi')
    expect(model.calls).toBe(2)
  })

  it('is an error in a replay, instead of a call, where nothing was recorded', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hopstash-langchain-'))
    try {
      const memory = stash
      stash = createStash({ store: { folder } })
      await modelOf().invoke('Hi')
      await stash.close()
      stash = createStash({ store: { folder }, mode: 'replay' })
      const model = modelOf()
      expect((await model.invoke('Hi')).content).toBe('answer 1')
      await expect(model.invoke('Other')).rejects.toMatchObject({
        code: 'ERR_REPLAY_MISS',
        context: { paths: ['$.prompt'] },
      })
      // Nor where nothing can ever be recorded.
      await expect(model.invoke('What is [image]?')).rejects.toMatchObject({ code: 'ERR_REPLAY_MISS' })
      expect(model.calls).toBe(0)
      await memory.close()
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('finds what was recorded with another key of the provider, and leaves no key in a folder', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hopstash-langchain-'))
    class KeyedModel extends CountingModel {
      key = 'plain-canary-1'
      // As models of several providers tell it: with the options of their client.
      override _identifyingParams() {
        return { model: 'm', apiKey: this.key, defaultHeaders: { 'x-api-key': 'plain-canary-2' } }
      }
    }
    try {
      await using records = createStash({ store: { folder } })
      const model = new KeyedModel({})
      model.cache = langChainCache(records.aiResponse)
      await model.invoke('my key is sk-canary-12345678, keep it')
      model.key = 'plain-canary-3'
      await model.invoke('my key is sk-canary-12345678, keep it')
      expect(model.calls).toBe(1)
      await records.close()
      const text = textIn(folder)
      expect(text).toContain('my key is [scrubbed], keep it')
      expect(text).not.toContain('canary')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it.each([
    [{ ttl: '5 parsecs' }, /ttl/],
    [{ tags: 'x' }, /tags/],
    [{ scope: 1 }, /scope/],
    [{ scop: 'a' }, /Did you mean `scope`/],
  ])('refuses options that cannot be used: %j', (options, message) => {
    expect(() => langChainCache(stash.aiResponse, options as object)).toThrow(message)
    expect(() => langChainCache({} as never)).toThrow(/a namespace of a stash/)
  })
})

describe('an answer that is no data', () => {
  it.each([
    ['by itself', {}],
    ['strictly', { strict: true }],
    ['shared', { isolation: 'share' as const }],
  ])('reaches its caller, is not kept, and is counted: in a namespace that keeps %s', async (_how, options) => {
    const own = createStash({ namespaces: { answers: namespace(options) } })
    const odd = () => 1
    const message = () => new AIMessage({ content: 'hi', additional_kwargs: { odd } })
    const model = modelOf(message)
    model.cache = langChainCache(own.answers)
    for (let calls = 1; calls < 3; calls++) {
      expect((await model.invoke('Hi')).additional_kwargs.odd).toBe(odd)
      expect(model.calls).toBe(calls)
    }
    expect(own.answers.stats()).toMatchObject({ size: 0, refused: { type: 'isolation' in options ? 0 : 2 } })
    await own.close()
  })

  it('but was kept all the same is a miss; in a replay, an error', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hopstash-langchain-'))
    try {
      const broken = [[{ text: 'x', message: { type: 'nobody', data: {} } }], [{ text: 1 }], 'x']
      await using records = createStash({ store: { folder } })
      for (const [index, value] of broken.entries()) {
        const key = { prompt: `prompt ${index}`, model: 'model:1' }
        await records.aiResponse.records('langchain').load(key, async () => value)
        expect(await langChainCache(records.aiResponse).lookup(key.prompt, key.model)).toBeNull()
      }
      await using replays = createStash({ store: { folder }, mode: 'replay' })
      for (const index of broken.keys()) {
        const looked = langChainCache(replays.aiResponse).lookup(`prompt ${index}`, 'model:1')
        await expect(looked).rejects.toMatchObject({ code: 'ERR_REPLAY_MISS' })
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('what LangChain says of a call', () => {
  it('is read entry by entry', () => {
    expect(modelText('_model:"m",signal:{},stop:["a,signal:{}","\\",b"],timeout:5')).toBe(
      '_model:"m",stop:["a,signal:{}","\\",b"]',
    )
    expect(modelText('a:1,apiKey:"x",max_tokens:5,openai_api_key:"y",prompt_cache_key:"p"')).toBe(
      'a:1,max_tokens:5,prompt_cache_key:"p"',
    )
    // These change the answer, and are no credentials for all their names.
    for (const same of ['a:1,stop_token:"x"', 'eos_token:["x"]', 'max_token:5', 'include_signature:true'])
      expect(modelText(same)).toBe(same)
    expect(modelText('a:1')).toBe('a:1')
    expect(modelText('')).toBe('')
  })

  it('hides pictures and files behind their names', () => {
    for (const text of ['Human: [image]', 'x [audio] y', '[input_file]', '[inlineData]', '[text-plain file]', '[json]'])
      expect(hidesParts(text)).toBe(true)
    for (const text of ['Human: hi', '[1] a source', '[JOB TITLE]', '{"a":[1]}', '- [ ] todo', '[x](y)'])
      expect(hidesParts(text)).toBe(false)
  })

  it('hides which call a result is of, unless it stands behind the calls', () => {
    for (const text of [
      'AI: \nTool: 25',
      'Tool: 25',
      'AI: [{"id":"1"}]\nTool: [{"a":1}]\nTool: 25',
      'AI: [{"id":"1"}]\nFunction: f, 1\nFunction: f, 2',
    ])
      expect(hidesParts(text)).toBe(true)
    for (const text of [
      'AI: [{"id":"1"}]\nTool: 25\nAI: so',
      'AI: [\n  {\n    "id": "1"\n  }\n]\nTool: 25',
      'a Tool: b',
    ])
      expect(hidesParts(text)).toBe(false)
  })
})
