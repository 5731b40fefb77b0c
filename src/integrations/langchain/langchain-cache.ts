import { BaseCache } from '@langchain/core/caches'
import type { Generation } from '@langchain/core/outputs'
import { modeOf } from '../../cache/mode.js'
import type { RecordHost, RecordOptions, Records } from '../../cache/records.js'
import { HopstashError } from '../../errors/base-error.js'
import { notReplayable } from '../../errors/load-error.js'
import { optionInvalid, optionUnknown } from '../../errors/option-error.js'
import { scrubJsonText, scrubText } from '../../keys/secrets.js'
import { taggedJson } from '../../keys/tagged-json.js'
import { checkDirectives } from '../../llm/directives.js'
import { brokenRecording } from '../../llm/pass.js'
import { type Duration, parseDuration } from '../../runtime/duration.js'
import { cloned, type GenerationRecord, generationsOf, recordsOf, tokensOf, unstorable } from './generation-record.js'
import { hidesParts, modelText } from './model-text.js'

/** Options of {@link langChainCache}. */
export interface LangChainCacheOptions {
  /** Lifetime of the answers. @defaultValue the namespace's */
  readonly ttl?: Duration
  readonly tags?: readonly string[]
  /**
   * A hard partition, such as a tenant. LangChain tells a cache nothing of the call, so a function has to know it from
   * elsewhere, an `AsyncLocalStorage` for instance.
   */
  readonly scope?: string | (() => string | undefined)
}

const OPTIONS = ['ttl', 'tags', 'scope']

/**
 * A cache for models of LangChain, kept in a namespace: `new ChatModel({ cache: langChainCache(stash.aiResponse) })`.
 *
 * Every caller gets copies. Answers that were cut off, filtered or empty are not kept, and neither are those to prompts
 * with pictures or files, of which LangChain shows a cache nothing but a placeholder, or with results of several tools,
 * which it shows without their calls. It asks no cache for streams, and
 * calls that run at one time are not shared: `cachedFetch` of `hopstash/llm`, given to the model's SDK, does both.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID`
 * @example
 * import { FakeListChatModel } from '@langchain/core/utils/testing'
 * import { createStash } from 'hopstash'
 * import { langChainCache } from 'hopstash/integrations/langchain'
 * const stash = createStash()
 * const model = new FakeListChatModel({ responses: ['one', 'two'], cache: langChainCache(stash.aiResponse) })
 * await model.invoke('Hi')
 * ;(await model.invoke('Hi')).content // => 'one'
 */
export function langChainCache(namespace: RecordHost, options: LangChainCacheOptions = {}): BaseCache {
  if (typeof (namespace as RecordHost | undefined)?.records !== 'function') {
    throw optionInvalid('namespace', 'a namespace of a stash, such as stash.aiResponse', namespace)
  }
  for (const name of Object.keys(options))
    if (!OPTIONS.includes(name)) throw optionUnknown('langChainCache', name, OPTIONS)
  const { ttl, tags, scope } = options
  if (ttl !== undefined) parseDuration(ttl, 'ttl')
  if (tags !== undefined && !Array.isArray(tags)) throw optionInvalid('tags', 'an array of strings', tags)
  if (scope !== undefined && typeof scope !== 'string' && typeof scope !== 'function') {
    throw optionInvalid('scope', 'a text, or a function that returns one', scope)
  }
  return new LangChainCache(namespace, options)
}

type Generations = readonly GenerationRecord[]

class LangChainCache extends BaseCache {
  readonly #namespace: RecordHost
  readonly #records: Records<Generations>
  readonly #options: LangChainCacheOptions

  constructor(namespace: RecordHost, options: LangChainCacheOptions) {
    super()
    this.#namespace = namespace
    this.#records = namespace.records('langchain')
    this.#options = options
  }

  override async lookup(prompt: string, llmKey: string): Promise<Generation[] | null> {
    // In a replay a miss is an error: LangChain would go to the network.
    const onlyIfCached = modeOf(this.#namespace) !== 'replay'
    if (hidesParts(prompt)) {
      if (onlyIfCached) return null
      throw neverRecorded(this.#namespace)
    }
    try {
      const key = keyOf(prompt, llmKey)
      const { value } = await this.#records.load(key, notHere, {
        ...this.#use(key),
        ...(onlyIfCached && { onlyIfCached }),
      })
      const generations = generationsOf(value)
      if (generations === undefined && !onlyIfCached) throw brokenRecording(this.#namespace)
      return generations ?? null
    } catch (error) {
      if (HopstashError.isInstance(error) && error.code === 'ERR_NOT_CACHED') return null
      throw error
    }
  }

  override async update(prompt: string, llmKey: string, value: Generation[]): Promise<void> {
    if (hidesParts(prompt) || unstorable(value) !== undefined) return
    const key = keyOf(prompt, llmKey)
    const whole = recordsOf(value)
    const records = cloned(whole)
    const load = async (context: { readonly usage: { add(used: { tokens: number }): void } }): Promise<Generations> => {
      context.usage.add({ tokens: tokensOf(value) })
      return records ?? whole
    }
    const use = this.#use(key)
    if (records !== undefined) await this.#records.load(key, load, { ...use, forceFresh: true })
    // Counted as a value that nothing keeps; its caller has it, whatever the namespace makes of such a value.
    else await this.#records.load(key, load, { ...use, noStore: true }).catch(() => undefined)
  }

  #use(key: CallKey): RecordOptions<Generations> {
    const { ttl, tags, scope } = this.#options
    const inScope = typeof scope === 'function' ? scope() : scope
    if (inScope !== undefined) checkDirectives({ scope: inScope }, 'langChainCache')
    return {
      describe: () => described(key),
      ...(ttl !== undefined && { ttl }),
      ...(tags !== undefined && { tags }),
      ...(inScope !== undefined && { scope: inScope }),
    }
  }
}

interface CallKey {
  readonly prompt: string
  readonly model: string
}

function keyOf(prompt: string, llmKey: string): CallKey {
  return { prompt, model: modelText(llmKey) }
}

// The JSON in the text of a model has names of its own.
function described({ prompt, model }: CallKey): string {
  return scrubText(taggedJson({ prompt, model: scrubJsonText(model, []) }, undefined), [])
}

function neverRecorded({ name }: RecordHost): Error {
  const what = `a prompt that LangChain does not show in full is nothing that namespace '${name}' records`
  return notReplayable(name, what, 'Give the SDK of the model `cachedFetch` of hopstash/llm instead.')
}

/** Never called: nothing is loaded by a look-up. */
function notHere(): Promise<never> {
  return Promise.reject(new Error('A look-up loads nothing'))
}
