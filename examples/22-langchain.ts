// A model of LangChain over the cache. What this cannot do, and `cachedFetch` can: docs/langchain.md.
import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { FakeListChatModel } from '@langchain/core/utils/testing'
import { createStash } from 'hopstash'
import { langChainCache } from 'hopstash/integrations/langchain'

const stash = createStash()
const tenants = new AsyncLocalStorage<string>()
const model = new FakeListChatModel({
  responses: ['for tenant a', 'for tenant b'],
  cache: langChainCache(stash.aiResponse, { ttl: '1h', tags: ['prompt:v3'], scope: () => tenants.getStore() }),
})
const ask = (tenant: string) => tenants.run(tenant, async () => (await model.invoke('Who am I?')).content)

assert.equal(await ask('a'), 'for tenant a')
assert.equal(await ask('a'), 'for tenant a')
assert.equal(await ask('b'), 'for tenant b') // one prompt, two tenants, two entries

await stash.invalidateTags(['prompt:v3'])
console.log(`'${await ask('a')}', and ${stash.aiResponse.stats().hits} hit before`)
await stash.close()
