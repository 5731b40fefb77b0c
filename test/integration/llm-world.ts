import { afterEach } from 'vitest'
import type { Namespace } from '../../src/cache/namespace.js'
import type { NamespaceOptions } from '../../src/cache/namespace-options.js'
import { namespace } from '../../src/cache/presets.js'
import { createStash } from '../../src/cache/stash.js'
import { type CachedFetch, cachedFetch } from '../../src/llm/cached-fetch.js'
import type { CachedFetchOptions } from '../../src/llm/fetch-options.js'
import { startWireServer, type WireServer } from '../support/wire-server.js'

/** A wire server, a namespace in memory and a `cachedFetch` over them, all gone after the test. */
export interface LlmWorld {
  readonly wire: WireServer
  readonly answers: Namespace<unknown, unknown>
  readonly fetch: CachedFetch
  /** A second `cachedFetch` over the same namespace. */
  open(options?: CachedFetchOptions): CachedFetch
}

const closers: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

export async function openWorld(
  options: CachedFetchOptions = {},
  answersOptions: NamespaceOptions<unknown, unknown> = {},
): Promise<LlmWorld> {
  const wire = await startWireServer()
  const stash = createStash({ namespaces: { answers: namespace<unknown, unknown>({ jitter: 0, ...answersOptions }) } })
  closers.push(
    () => wire.close(),
    () => stash.close(),
  )
  const { answers } = stash
  return { wire, answers, fetch: cachedFetch(answers, options), open: (more) => cachedFetch(answers, more) }
}

/** The request of each format, as plain fetch arguments. */
export const ASK = {
  'openai-chat': (text: string, stream = false) => ({
    path: '/v1/chat/completions',
    body: { model: 'gpt-5', messages: [{ role: 'user', content: text }], ...(stream && { stream }) },
  }),
  'openai-responses': (text: string, stream = false) => ({
    path: '/v1/responses',
    body: { model: 'gpt-5', input: text, ...(stream && { stream }) },
  }),
  'anthropic-messages': (text: string, stream = false) => ({
    path: '/v1/messages',
    body: {
      model: 'claude-sonnet-4-5',
      max_tokens: 100,
      messages: [{ role: 'user', content: text }],
      ...(stream && { stream }),
    },
  }),
  gemini: (text: string, stream = false) => ({
    path: `/v1beta/models/gemini-2.5-pro:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`,
    body: { contents: [{ role: 'user', parts: [{ text }] }] },
  }),
} as const

/** Names of the formats. */
export const FORMATS = Object.keys(ASK) as (keyof typeof ASK)[]

/** Posts JSON. */
export function post(
  fetch: CachedFetch,
  wire: WireServer,
  { path, body }: { path: string; body: object },
  init: { headers?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<Response> {
  const { headers = {}, signal } = init
  return fetch(wire.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer test-key', ...headers },
    body: JSON.stringify(body),
    ...(signal !== undefined && { signal }),
  })
}

/** Resolves when `isSo` is. */
export async function until(isSo: () => boolean): Promise<void> {
  for (let left = 4000; !isSo(); left--) {
    if (left === 0) throw new Error(`never came true: ${isSo}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** A promise, and what settles it. */
export function gate(): { readonly passed: Promise<void>; open(): void } {
  let open!: () => void
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { passed, open }
}
