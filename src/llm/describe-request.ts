import { readCall } from './call.js'
import { type CachedFetchOptions, resolveOptions } from './fetch-options.js'

/** The options of `cachedFetch` that decide what a request amounts to. */
export type DescribeOptions = Pick<CachedFetchOptions, 'accept' | 'ignoreFields' | 'keyHeaders' | 'sample' | 'scrub'>

/**
 * What a request amounts to: its key, and the text a folder store keeps beside its answer, one line of JSON with names in
 * order, secrets scrubbed and images as digests. `undefined` for a request that passes through.
 *
 * @example
 * import { describeRequest } from 'hopstash/llm'
 * const described = await describeRequest('https://api.openai.com/v1/chat/completions?key=AIza', {
 *   method: 'POST',
 *   headers: { 'content-type': 'application/json', authorization: 'Bearer sk-secret-secret' },
 *   body: JSON.stringify({ model: 'gpt-5', messages: [{ role: 'user', content: 'Is sk-secret-secret safe?' }] }),
 * })
 * JSON.parse(described?.text ?? '{}').body.messages // => [{ content: 'Is [scrubbed] safe?', role: 'user' }]
 */
export async function describeRequest(
  input: string | URL | Request,
  init?: RequestInit,
  options: DescribeOptions = {},
): Promise<{ readonly key: string; readonly text: string } | undefined> {
  const from = input instanceof Request ? input.clone() : input
  const reading = await readCall(from, init, resolveOptions(options))
  return 'call' in reading ? { key: reading.call.key, text: reading.call.describe() } : undefined
}
