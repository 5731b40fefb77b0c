import * as ai5 from 'ai-5'
import * as ai6 from 'ai-6'
import * as ai7 from 'ai-7'
import { createOpenAI as createOpenAI2 } from 'ai-openai-2'
import { createOpenAI as createOpenAI3 } from 'ai-openai-3'
import { createOpenAI as createOpenAI4 } from 'ai-openai-4'
import { createStash } from 'hopstash'
import { cacheMiddleware, embeddingCacheMiddleware } from 'hopstash/integrations/ai-sdk'
import { expectTypeOf, test } from 'vitest'

const stash = createStash()

test('one middleware fits the language models of every version', () => {
  const middleware = cacheMiddleware(stash.aiResponse, { ttl: '1h', alsoStore: ['truncated'] })
  const five = ai5.wrapLanguageModel({ model: createOpenAI2({})('m'), middleware })
  const six = ai6.wrapLanguageModel({ model: createOpenAI3({})('m'), middleware: [middleware] })
  const seven = ai7.wrapLanguageModel({ model: createOpenAI4({})('m'), middleware })
  expectTypeOf(five.specificationVersion).toEqualTypeOf<'v2'>()
  expectTypeOf(six.specificationVersion).toEqualTypeOf<'v3'>()
  expectTypeOf(seven.specificationVersion).toEqualTypeOf<'v4'>()
})

test('one middleware fits the embedding models of every version that can wrap them', () => {
  const middleware = embeddingCacheMiddleware(stash.aiResponse)
  ai6.wrapEmbeddingModel({ model: createOpenAI3({}).textEmbeddingModel('m'), middleware })
  ai7.wrapEmbeddingModel({ model: createOpenAI4({}).embeddingModel('m'), middleware })
})

test('options are those of the middleware', () => {
  // @ts-expect-error no such kind of answer
  cacheMiddleware(stash.aiResponse, { alsoStore: ['cut'] })
  // @ts-expect-error no namespace
  cacheMiddleware({})
})
