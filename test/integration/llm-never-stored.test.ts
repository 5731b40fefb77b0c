import { describe, expect, it } from 'vitest'
import type { Unstorable } from '../../src/llm/wire-format.js'
import type { Script } from '../support/wire-server.js'
import { ASK, FORMATS, gate, openWorld, post, until } from './llm-world.js'

/** The server's second answer, in any format. */
const SECOND = /(?:chatcmpl-|resp_|msg_|gem-)2"/

const raw = (contentType: string, body: string): Script => ({ raw: { contentType, body } })
const ERROR_BODY = '{"type":"error","error":{"message":"The server had an error","type":"server_error","code":503}}'

/** What goes wrong, and how it is counted; of single formats where providers have other words for it. */
const CAUSES: readonly {
  readonly what: string
  readonly script: Script
  readonly form?: 'json' | 'stream'
  readonly reason: Unstorable
  readonly of?: Readonly<Record<string, Unstorable>>
}[] = [
  { what: 'ends at a token limit', script: { ends: 'truncated' }, reason: 'truncated' },
  {
    what: 'was filtered',
    script: { ends: 'filtered' },
    reason: 'filtered',
    of: { 'anthropic-messages': 'truncated' },
  },
  { what: 'is a refusal', script: { ends: 'refused' }, reason: 'refused', of: { gemini: 'filtered' } },
  { what: 'says nothing', script: { ends: 'empty' }, reason: 'empty' },
  {
    what: 'is not finished',
    script: { ends: 'unfinished' },
    reason: 'unfinished',
    // Nothing else tells it from a stream that was cut.
    of: { gemini: 'cut', 'openai-responses streamed': 'cut' },
  },
  {
    what: 'ends for a reason nobody knows',
    script: { ends: 'unknown' },
    reason: 'unknown-finish',
    of: { 'openai-responses': 'error' },
  },
  { what: 'is cut in the middle', script: { cutAfter: 2 }, reason: 'cut' },
  { what: 'is cut before its first event', script: { cutAfter: 0 }, form: 'stream', reason: 'cut' },
  { what: 'comes over a connection that breaks', script: { breakAfter: 2 }, reason: 'network' },
  { what: 'ends in an error event', script: { failAfter: 2 }, form: 'stream', reason: 'error' },
  { what: 'is an error of status 200', script: raw('application/json', ERROR_BODY), form: 'json', reason: 'error' },
  { what: 'has no body', script: raw('application/json', ''), form: 'json', reason: 'cut' },
  { what: 'is no JSON', script: raw('application/json', '<html>502</html>'), form: 'json', reason: 'cut' },
  { what: 'is of another shape', script: raw('application/json', '"hello"'), form: 'json', reason: 'malformed' },
  {
    what: 'has an event that is no JSON',
    script: raw('text/event-stream', 'data: {"cho\n\ndata: [DONE]\n\n'),
    form: 'stream',
    reason: 'malformed',
  },
  { what: 'is of status 400', script: { status: 400 }, reason: 'status' },
  { what: 'is of status 429', script: { status: 429 }, reason: 'status' },
  { what: 'is of status 500', script: { status: 500 }, reason: 'status' },
]

describe.each(FORMATS)('%s', (format) => {
  const cases = CAUSES.flatMap((cause) =>
    [false, true]
      .filter((stream) => cause.form === undefined || stream === (cause.form === 'stream'))
      .map((stream) => ({ ...cause, as: stream ? 'streamed' : 'JSON', stream })),
  )

  it.each(cases)('never stores an answer that $what ($as)', async ({ script, stream, reason, of, as }) => {
    const { wire, fetch } = await openWorld()
    wire.scripts.push(script)
    const ask = () => post(fetch, wire, ASK[format]('hello', stream)).then((response) => response.text())
    const first = await ask().catch((error: unknown) => error)
    expect(first instanceof Error).toBe(reason === 'network')
    const second = await ask()
    expect(second).not.toBe(first)
    expect(second).toMatch(SECOND)
    expect(await ask()).toBe(second)
    expect(wire.requests).toHaveLength(2)
    expect(fetch.stats().unstored).toEqual({ [of?.[`${format} ${as}`] ?? of?.[format] ?? reason]: 1 })
  })

  it.each([
    { as: 'JSON', stream: false },
    { as: 'streamed', stream: true },
  ])('never stores an answer that its only reader leaves in the middle ($as)', async ({ stream }) => {
    const { wire, fetch, answers } = await openWorld()
    wire.scripts.push({ holdAfter: { events: 2, until: gate().passed } })
    const leaver = new AbortController()
    const asking = post(fetch, wire, ASK[format]('hello', stream), { signal: leaver.signal })
    const response = await asking
    leaver.abort(new Error('left'))
    await expect(response.text()).rejects.toThrow('left')
    await until(() => wire.requests[0]?.aborted === true && answers.stats().inFlight === 0)
    expect(await (await post(fetch, wire, ASK[format]('hello', stream))).text()).toMatch(SECOND)
    expect(fetch.stats().unstored).toEqual({ aborted: 1 })
  })
})

describe('embeddings', () => {
  const ask = { path: '/v1/embeddings', body: { model: 'm', input: ['cat', 'dog'] } }
  const ONE = '{"object":"list","data":[{"object":"embedding","index":0,"embedding":[1]}],"model":"m"}'
  it.each<{ what: string; script: Script; breaks?: boolean }>([
    { what: 'is cut in the middle', script: { cutAfter: 1 } },
    { what: 'comes over a connection that breaks', script: { breakAfter: 1 }, breaks: true },
    { what: 'is an error of status 200', script: raw('application/json', ERROR_BODY) },
    { what: 'has no body', script: raw('application/json', '') },
    { what: 'is no JSON', script: raw('application/json', '<html>502</html>') },
    { what: 'has fewer vectors than were asked for', script: raw('application/json', ONE) },
    { what: 'is of status 400', script: { status: 400 } },
    { what: 'is of status 429', script: { status: 429 } },
    { what: 'is of status 500', script: { status: 500 } },
  ])('never stores an answer that $what', async ({ script, breaks = false }) => {
    const { wire, fetch, answers } = await openWorld()
    wire.scripts.push(script)
    const first = await post(fetch, wire, ask)
      .then((response) => response.text())
      .catch((error: unknown) => error)
    expect(first instanceof Error).toBe(breaks)
    expect(answers.stats().size).toBe(0)
    const calls = wire.requests.length
    expect(await (await post(fetch, wire, ask)).json()).toMatchObject({ data: [{ index: 0 }, { index: 1 }] })
    expect(wire.requests).toHaveLength(calls + 1)
    expect(answers.stats().size).toBe(2)
  })
})
