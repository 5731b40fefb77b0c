import { expect, it } from 'vitest'
import { bytesOf, isRecording, ownHeaders, replayableHeaders, textOrBytes } from '../../../src/llm/recording.js'

it('headers of a connection, a transfer, an account or a limit, and secrets, are not replayed; the rest is, in order', () => {
  const headers = new Headers({
    'content-type': 'application/json',
    'x-request-id': 'req_1',
    'cache-status': 'edge; hit',
    connection: 'keep-alive, X-Hop',
    'x-hop': '1',
    'keep-alive': 'timeout=5',
    'transfer-encoding': 'chunked',
    'content-length': '5',
    'content-encoding': 'gzip',
    'set-cookie': 'a=b',
    'access-control-allow-credentials': 'true',
    'retry-after': '1',
    'x-ratelimit-remaining-requests': '9',
    'anthropic-ratelimit-tokens-remaining': '9',
    'ratelimit-policy': '1',
    'x-rate-limit': '1',
    'openai-organization': 'acme',
    'www-authenticate': 'Bearer',
    authorization: 'Bearer of a gateway',
    'x-api-key': 'k',
    'x-session-token': 't',
  })
  expect(replayableHeaders(headers)).toEqual([
    ['access-control-allow-credentials', 'true'],
    ['cache-status', 'edge; hit'],
    ['content-type', 'application/json'],
    ['x-request-id', 'req_1'],
  ])
  const own = ownHeaders(headers)
  expect(own.get('x-ratelimit-remaining-requests')).toBe('9')
  expect(own.get('content-encoding')).toBeNull()
  expect(own.get('x-hop')).toBeNull()
})

it('a body is text where its bytes are, byte by byte; else it stays bytes', () => {
  for (const text of ['', 'plain', 'grüße 👋', '\ufeffwith a mark']) {
    const bytes = new TextEncoder().encode(text)
    expect(textOrBytes(bytes)).toBe(text)
    expect(bytesOf(textOrBytes(bytes))).toEqual(bytes)
  }
  const broken = Uint8Array.of(0x61, 0xff, 0xc3)
  expect(textOrBytes(broken)).toBe(broken)
})

it.each([
  undefined,
  null,
  7,
  {},
  { v: 2 },
  { v: 1, status: 200, headers: [], body: 7 },
  { v: 1, status: 99, headers: [], body: '' },
])('%j is no recording', (value) => {
  expect(isRecording(value)).toBe(false)
})
