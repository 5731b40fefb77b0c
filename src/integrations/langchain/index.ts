export { type LangChainCacheOptions, langChainCache } from './langchain-cache.js'
