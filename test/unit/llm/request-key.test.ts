import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { digestOf } from '../../../src/keys/digest.js'
import { byCredentials, credentialsOf, keyParts } from '../../../src/llm/request-key.js'
import type { LlmRequest, WireFormatName } from '../../../src/llm/wire-format.js'

const URL_OF_CHAT = 'https://api.openai.com/v1/chat/completions'

interface Sketch {
  readonly url?: string
  readonly headers?: Record<string, string>
  readonly body?: object
  readonly method?: string
}

const requestOf = ({
  url = URL_OF_CHAT,
  headers = {},
  body = { model: 'm' },
  method = 'POST',
}: Sketch): LlmRequest => ({
  method,
  url: new URL(url),
  headers: new Headers(headers),
  body: JSON.parse(JSON.stringify(body)),
})

const keyOf = (sketch: Sketch, format: WireFormatName = 'openai-chat', sample = 0, options = {}): string =>
  digestOf(keyParts(requestOf(sketch), format, options, sample))

/** Bodies as SDKs send them: nested JSON without `undefined`. */
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.string({ unit: 'grapheme' }),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (Object.is(value, -0) ? 0 : value)),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    tie('object'),
  ),
  object: fc.dictionary(
    fc.string({ maxLength: 12 }).filter((name) => name !== '__proto__'),
    tie('value'),
    { maxKeys: 5 },
  ),
}))

const body = json.object as fc.Arbitrary<Record<string, unknown>>

describe('the key of a request', () => {
  it('changes with any field, at any depth', () => {
    fc.assert(
      fc.property(body, fc.infiniteStream(fc.nat()), json.value, (before, picks, value) => {
        const after = structuredClone(before)
        replaceSomewhere(after, picks, value)
        fc.pre(JSON.stringify(sorted(after)) !== JSON.stringify(sorted(before)))
        expect(keyOf({ body: after }, 'json')).not.toBe(keyOf({ body: before }, 'json'))
      }),
      { numRuns: 500 },
    )
  })

  it('is the same for the same body in another order of names', () => {
    fc.assert(
      fc.property(body, (before) => {
        expect(keyOf({ body: reversed(before) as object })).toBe(keyOf({ body: before }))
      }),
      { numRuns: 300 },
    )
  })

  it('is stable: these are the keys of version 1, for ever', () => {
    const messages = [{ role: 'user', content: 'hello' }]
    expect(keyOf({ body: { model: 'gpt-5', messages } })).toBe(GOLDEN[0])
    expect(keyOf({ body: { messages, model: 'gpt-5', metadata: { a: 1 } } }, 'openai-chat', 2)).toBe(GOLDEN[1])
    const headers = { 'anthropic-version': '2023-06-01', 'anthropic-beta': 'b, a', 'x-api-key': 'k' }
    expect(
      keyOf({ url: 'https://api.anthropic.com/v1/messages', headers, body: { messages } }, 'anthropic-messages'),
    ).toBe(GOLDEN[2])
  })

  it('leaves out who asks, and takes in what changes the answer', () => {
    const same = [
      'authorization',
      'x-api-key',
      'api-key',
      'user-agent',
      'x-stainless-retry-count',
      'traceparent',
      'cookie',
    ]
    for (const name of same) expect(keyOf({ headers: { [name]: 'a' } }), name).toBe(keyOf({}))
    const other = ['anthropic-version', 'anthropic-beta', 'openai-organization', 'openai-project', 'openai-beta']
    for (const name of other) expect(keyOf({ headers: { [name]: 'a' } }), name).not.toBe(keyOf({}))
    expect(keyOf({ headers: { 'x-tenant': 'a' } }, 'openai-chat', 0, { keyHeaders: ['x-tenant'] })).not.toBe(keyOf({}))
  })

  it('knows the address without credentials, and a query in any order', () => {
    const url = (query: string, host = 'api.openai.com') => ({ url: `https://${host}/v1/chat/completions${query}` })
    expect(keyOf(url('?key=secret'))).toBe(keyOf({}))
    expect(keyOf(url('', 'user:secret@api.openai.com'))).toBe(keyOf({}))
    expect(keyOf(url('?b=2&a=1'))).toBe(keyOf(url('?a=1&b=2')))
    expect(keyOf(url('?access_token=secret'))).toBe(keyOf({}))
    for (const other of ['?api-version=1', '?alt=sse', '?page_token=2', '?next-token=2', '?continuation_token=2'])
      expect(keyOf(url(other))).not.toBe(keyOf({}))
    expect(keyOf(url('', 'api.other.com'))).not.toBe(keyOf({}))
  })

  it('ignores trace fields of known formats only, and those the host names', () => {
    for (const name of ['metadata', 'user', 'safety_identifier', 'prompt_cache_key', 'prompt_cache_retention']) {
      const sketch = { body: { model: 'm', [name]: 'x' } }
      expect(keyOf(sketch), name).toBe(keyOf({}))
      expect(keyOf(sketch, 'json'), name).not.toBe(keyOf({}, 'json'))
    }
    const traced = { body: { model: 'm', trace: 1 } }
    expect(keyOf(traced)).not.toBe(keyOf({}))
    expect(keyOf(traced, 'openai-chat', 0, { ignoreFields: ['trace'] })).toBe(keyOf({}))
    expect(keyOf({ body: { model: 'm', nested: { metadata: 1 } } })).not.toBe(
      keyOf({ body: { model: 'm', nested: {} } }),
    )
  })

  it('tells samples and formats apart; sample 0 is the plain answer', () => {
    const keys = [0, 1, 2].map((sample) => keyOf({}, 'openai-chat', sample))
    expect(new Set(keys).size).toBe(3)
    expect(keyOf({}, 'json')).not.toBe(keys[0])
  })
})

describe('scopes by credentials', () => {
  const scope = byCredentials('sixteen characters, or more')

  it('are one for one caller and another for another, wherever the credentials stand', () => {
    const asked = [
      { headers: { authorization: 'Bearer a' } },
      { headers: { authorization: 'Bearer b' } },
      { headers: { 'x-api-key': 'a' } },
      { headers: { 'api-key': 'a' } },
      { headers: { 'x-goog-api-key': 'a' } },
      { url: `${URL_OF_CHAT}?key=a` },
      { url: 'https://a:b@api.openai.com/v1/chat/completions' },
      {},
    ].map(requestOf)
    expect(new Set(asked.map(scope)).size).toBe(asked.length)
    expect(new Set(asked.map(credentialsOf)).size).toBe(asked.length)
    expect(scope(requestOf({ headers: { authorization: 'Bearer a' }, body: { other: 1 } }))).toBe(
      scope(asked[0] as LlmRequest),
    )
  })

  it('show nothing of the credentials, and depend on the secret', () => {
    const request = requestOf({ headers: { authorization: 'Bearer visible' } })
    expect(scope(request)).toMatch(/^[\w-]{43}$/)
    expect(byCredentials('another secret of a service')(request)).not.toBe(scope(request))
    expect(() => byCredentials('short')).toThrow(expect.objectContaining({ code: 'ERR_OPTION_INVALID' }))
    expect(() => byCredentials('short')).not.toThrow(/'short'/)
  })
})

const GOLDEN = [
  'KRtsNHkQ7YIVbeLhX_8J8Il5YWaAkNq4Uczm1J6T1QE',
  'ic0tR03Jjn5-nt2rjBLPkI5kznZzKW_66V3J1dP5Y3M',
  'ov0s5zh9JYHNUvFafB7NhGaxae2hK91C8phA1zmTfT4',
]

/** Replaces, adds or removes something at a random place. */
function replaceSomewhere(target: Record<string, unknown>, picks: fc.Stream<number>, value: unknown): void {
  let at: Record<string, unknown> | unknown[] = target
  for (const pick of picks) {
    const names = Object.keys(at)
    const name = names[pick % (names.length + 1)]
    if (name === undefined) {
      if (Array.isArray(at)) at.push(value)
      else at[`added ${pick}`] = value
      return
    }
    const inner = (at as Record<string, unknown>)[name]
    if (typeof inner === 'object' && inner !== null && pick % 3 > 0) at = inner as typeof at
    else {
      if (pick % 2 === 0 && !Array.isArray(at)) delete at[name]
      else (at as Record<string, unknown>)[name] = value
      return
    }
  }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return entries.map(([name, inner]) => [name, sorted(inner)])
}

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, inner]) => [name, reversed(inner)]),
  )
}
