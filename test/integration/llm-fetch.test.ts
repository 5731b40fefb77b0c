import { describe, expect, it } from 'vitest'
import { ASK, FORMATS, gate, openWorld, post } from './llm-world.js'

describe.each(FORMATS)('%s', (format) => {
  it.each([false, true])('answers a second equal call with the bytes of the first (stream: %s)', async (stream) => {
    const { wire, fetch } = await openWorld()
    const first = await post(fetch, wire, ASK[format]('hello', stream))
    const said = Buffer.from(await first.arrayBuffer())
    const second = await post(fetch, wire, ASK[format]('hello', stream))
    expect(Buffer.from(await second.arrayBuffer()).equals(said)).toBe(true)
    expect(said.toString()).toMatch(serial(1))
    expect(wire.requests).toHaveLength(1)
    expect(second.status).toBe(200)
    expect(second.headers.get('content-type')).toBe(first.headers.get('content-type'))
    expect(second.headers.get('x-request-id')).toBe('req_1')
    expect(first.headers.get('cache-status')).toBe('hopstash; fwd=uri-miss')
    expect(second.headers.get('cache-status')).toMatch(/^hopstash; hit; ttl=\d+$/)
    expect(second.headers.get('age')).toBe('0')
    expect(second.url).toBe(first.url)
  })

  it('keeps refused and truncated answers where the host opted in', async () => {
    const { wire, fetch } = await openWorld({ alsoStore: ['refused', 'truncated', 'filtered'] })
    for (const ends of ['refused', 'truncated'] as const) {
      wire.scripts.push({ ends })
      const first = await (await post(fetch, wire, ASK[format](ends))).text()
      expect(await (await post(fetch, wire, ASK[format](ends))).text()).toBe(first)
    }
    expect(wire.requests).toHaveLength(2)
    expect(fetch.stats().unstored).toEqual({})
  })

  it.each([1, 3, 7, 'whole'] as const)('records a stream in chunks of %s, with any newline', async (chunks) => {
    for (const newline of ['\n', '\r\n', '\r'] as const) {
      const { wire, fetch } = await openWorld()
      wire.scripts.push({ chunks, newline })
      const first = Buffer.from(await (await post(fetch, wire, ASK[format]('hello', true))).arrayBuffer())
      const second = Buffer.from(await (await post(fetch, wire, ASK[format]('hello', true))).arrayBuffer())
      expect(second.equals(first)).toBe(true)
      expect(wire.requests).toHaveLength(1)
    }
  })
})

describe('a reader with memory of his own', () => {
  it('reads a body as he does that of any fetch: of a call, of what is under way, of what is kept, paced or not', async () => {
    const { wire, fetch, open } = await openWorld()
    wire.scripts.push({ chunks: 7 })
    const ask = ASK['openai-chat']('hello', true)
    const live = await Promise.all([post(fetch, wire, ask), post(fetch, wire, ask)])
    const said = await Promise.all(live.map(intoOwn))
    expect(said[0]).toMatch(/\[DONE\]\n\n$/)
    const paced = open({ pacing: { fixed: '1ms' } })
    for (const one of [fetch, paced]) said.push(await intoOwn(await post(one, wire, ask)))
    expect(new Set(said).size).toBe(1)
    expect(wire.requests).toHaveLength(1)
  })

  it('hears that the call was given up', async () => {
    const { wire, fetch } = await openWorld()
    const { passed, open } = gate()
    wire.scripts.push({ holdAfter: { events: 1, until: passed } })
    const controller = new AbortController()
    const response = await post(fetch, wire, ASK['openai-chat']('hello', true), { signal: controller.signal })
    const reading = intoOwn(response)
    controller.abort(new Error('enough'))
    await expect(reading).rejects.toThrow('enough')
    open()
  })
})

/** The text of a body, read into memory of the reader's own. */
async function intoOwn(response: Response): Promise<string> {
  const reader = (response.body as ReadableStream).getReader({ mode: 'byob' })
  const parts: Uint8Array[] = []
  for (;;) {
    const { done, value } = await reader.read(new Uint8Array(16))
    if (done) return Buffer.concat(parts).toString()
    parts.push(value)
  }
}

/** Which of the server's answers a body is. */
function serial(count: number): RegExp {
  return new RegExp(`(?:chatcmpl-|resp_|msg_|gem-)${count}"`)
}
