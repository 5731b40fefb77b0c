import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createStash } from 'hopstash'
import { embeddingCacheMiddleware } from 'hopstash/integrations/ai-sdk'
import { describe, expect, it } from 'vitest'
import { textIn } from '../../support/folder-text.js'

interface Told {
  readonly embeddings: number[][]
  readonly usage: { readonly tokens: number }
  readonly providerMetadata: { readonly hopstash: object }
}

/** A model whose vector of a text is its length and the number of the call; a call costs 10 tokens. */
function modelOf(tokens = 10) {
  const asked: (readonly string[])[] = []
  const doEmbed = async ({ values }: { readonly values: readonly string[] }) => {
    asked.push(values)
    return { embeddings: values.map((value) => [value.length, asked.length]), usage: { tokens }, warnings: [] }
  }
  return { asked, model: { provider: 'test', modelId: 'small', specificationVersion: 'v3', doEmbed } }
}

function askerOf(namespace: Parameters<typeof embeddingCacheMiddleware>[0], { model } = modelOf()) {
  const middleware = embeddingCacheMiddleware(namespace)
  return async (values: readonly string[], more: object = {}): Promise<Told> => {
    const params = await middleware.transformParams({ params: { values, ...more } })
    const told: object = await middleware.wrapEmbed<object>({ doEmbed: () => model.doEmbed(params), params, model })
    return told as Told
  }
}

describe('the middleware for embeddings', () => {
  it('tells the usage of a call as the model told it, and shares all of it out', async () => {
    await using stash = createStash()
    const ask = askerOf(stash.aiResponse)
    const values = ['aaa', 'bbb', 'ccc']
    expect((await ask(values)).usage.tokens).toBe(10)
    const apart = await Promise.all(values.map(async (value) => (await ask([value])).usage.tokens))
    expect(apart).toEqual([4, 3, 3])
    expect((await ask(['ddd', 'aaa'])).usage.tokens).toBe(14)
  })

  it.each([Number.NaN, -1, Infinity])('takes a usage of %s for none', async (tokens) => {
    await using stash = createStash()
    const ask = askerOf(stash.aiResponse, modelOf(tokens))
    for (let round = 0; round < 2; round++) expect((await ask(['aaa', 'bbb'])).usage.tokens).toBe(0)
    expect(stash.aiResponse.stats().saved.tokens).toBe(0)
  })

  it.each([
    ['nothing', undefined],
    ['a text', 'x'],
    ['a record without a vector', { v: 1, tokens: 1 }],
    ['a vector of something else than numbers', { v: 1, tokens: 1, embedding: ['x'] }],
    ['a record of another version', { v: 2, tokens: 1, embedding: [1] }],
  ])('asks again where a store gives back %s', async (_what, kept) => {
    await using stash = createStash()
    const key = { kind: 'embed', provider: 'test', model: 'small', spec: 'v3', params: {}, value: 'bbb' }
    await stash.aiResponse.records('ai-sdk-embedding').load(key, async () => kept)
    const small = modelOf()
    const { embeddings } = await askerOf(stash.aiResponse, small)(['a', 'bbb'])
    expect(embeddings.map(([length]) => length)).toEqual([1, 3])
    expect(small.asked.flat().sort()).toEqual(['a', 'bbb'])
  })

  it('leaves no secret of a call in a folder', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hopstash-embeddings-'))
    try {
      await using stash = createStash({ store: { folder } })
      const providerOptions = { test: { apiKey: 'plain-canary-1', dimensions: 64 } }
      await askerOf(stash.aiResponse)(['my key is sk-canary-12345678, keep it'], { providerOptions })
      await stash.close()
      const text = textIn(folder)
      expect(text).toContain('my key is [scrubbed], keep it')
      expect(text).not.toContain('canary')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
