import { getEventListeners } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { namespace } from '../../src/cache/presets.js'
import { createStash } from '../../src/cache/stash.js'
import { cachedFetch } from '../../src/llm/cached-fetch.js'
import type { Pacing } from '../../src/llm/replay.js'
import { createFakeClock, type FakeClock } from '../../src/testing/fake-clock.js'
import { ASK, FORMATS, gate, openWorld, post, until } from './llm-world.js'

const ask = ASK['openai-chat']('hello', true)
const longText = (words: number) => Array.from({ length: words }, (_, index) => `word${index}`).join(' ')

describe('one stream for many readers', () => {
  it('100 concurrent identical streaming calls make one upstream request, and all get its bytes', async () => {
    const { wire, fetch } = await openWorld()
    const texts = await Promise.all(Array.from({ length: 100 }, async () => (await post(fetch, wire, ask)).text()))
    expect(new Set(texts).size).toBe(1)
    expect(texts[0]).toContain('[DONE]')
    expect(wire.requests).toHaveLength(1)
    expect(fetch.stats()).toMatchObject({ misses: 1, joined: 99 })
  })

  it('readers that join at random moments get the same bytes from the beginning', async () => {
    const { wire, fetch } = await openWorld()
    wire.scripts.push({ text: longText(300), chunks: 97 })
    const first = post(fetch, wire, ask).then((response) => response.text())
    const others = Array.from({ length: 40 }, async () => {
      await pause(Math.random() * 30)
      return (await post(fetch, wire, ask)).text()
    })
    const texts = await Promise.all([first, ...others])
    expect(new Set(texts).size).toBe(1)
    expect(wire.requests).toHaveLength(1)
  })

  it('a joiner reads what has come so far while the stream still runs', async () => {
    const { wire, fetch } = await openWorld()
    const end = gate()
    wire.scripts.push({ holdAfter: { events: 3, until: end.passed } })
    const leader = await post(fetch, wire, ask)
    const joiner = await post(fetch, wire, ask)
    expect(joiner.headers.get('cache-status')).toBe('hopstash; fwd=uri-miss; collapsed')
    const reader = (joiner.body as ReadableStream<Uint8Array>).getReader()
    const { value } = await reader.read()
    expect(new TextDecoder().decode(value)).toContain('"role":"assistant"')
    end.open()
    let rest = ''
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      rest += new TextDecoder().decode(read.value)
    }
    expect(rest).toContain('[DONE]')
    expect(await leader.text()).toContain(rest)
  })

  it('is joined by whoever asks over the same namespace, through whichever `cachedFetch`', async () => {
    const { wire, fetch, open } = await openWorld()
    const other = open({ maxSharedBytes: 16 })
    const end = gate()
    wire.scripts.push({ holdAfter: { events: 3, until: end.passed } })
    const leader = await post(fetch, wire, ask)
    const joiner = await post(other, wire, ask)
    expect(joiner.headers.get('cache-status')).toBe('hopstash; fwd=uri-miss; collapsed')
    end.open()
    expect(await joiner.text()).toBe(await leader.text())
    expect([wire.requests.length, fetch.stats().misses, other.stats().joined]).toEqual([1, 1, 1])
    // A bound is that of the call which began the stream.
    const long = ASK['openai-chat']('long', true)
    await (await post(other, wire, long)).text()
    expect(other.stats().unstored).toEqual({ 'too-large': 1 })
  })

  it('99 of 100 leave: the upstream call lives, and the last one gets everything', async () => {
    const { wire, fetch, answers } = await openWorld()
    const end = gate()
    wire.scripts.push({ holdAfter: { events: 3, until: end.passed } })
    const leavers = Array.from({ length: 99 }, () => new AbortController())
    const left = leavers.map(async ({ signal }) => (await post(fetch, wire, ask, { signal })).text())
    const stays = post(fetch, wire, ask).then((response) => response.text())
    const refusals = Promise.allSettled(left)
    await until(() => wire.requests.length === 1 && answers.stats().coalesced === 99)
    for (const leaver of leavers) leaver.abort(new Error('left'))
    expect((await refusals).every(({ status }) => status === 'rejected')).toBe(true)
    end.open()
    expect(await stays).toContain('[DONE]')
    expect(wire.requests).toHaveLength(1)
    expect(wire.requests[0]?.aborted).toBe(false)
    await (await post(fetch, wire, ask)).text()
    expect(wire.requests).toHaveLength(1)
  })

  it.each(['by its signal', 'by cancelling the body'])(
    'the last reader leaves %s: upstream is aborted, nothing is kept',
    async (how) => {
      const { wire, fetch, answers } = await openWorld()
      wire.scripts.push({ holdAfter: { events: 3, until: gate().passed } })
      const readers = [new AbortController(), new AbortController()]
      const responses = await Promise.all(readers.map(({ signal }) => post(fetch, wire, ask, { signal })))
      await pause(10)
      expect(wire.requests[0]?.aborted).toBe(false)
      for (const [index, response] of responses.entries()) {
        if (how === 'by its signal') {
          readers[index]?.abort(new Error('left'))
          await expect(response.text()).rejects.toThrow('left')
        } else await response.body?.cancel()
      }
      await until(() => wire.requests[0]?.aborted === true)
      await until(() => answers.stats().inFlight === 0)
      expect(fetch.stats().unstored).toEqual({ aborted: 1 })
      await (await post(fetch, wire, ask)).text()
      expect(wire.requests).toHaveLength(2)
    },
  )

  it.each(['by its signal', 'by cancelling the body'])(
    'a reader that hangs up %s at the last event, before the body ends, has read it all: the answer is kept',
    async (how) => {
      for (const format of FORMATS) {
        const { wire, fetch, answers } = await openWorld()
        const whole = await (await post(fetch, wire, ASK[format]('events', true))).text()
        const events = whole.split('\n\n').length - 1
        wire.scripts.push({ holdAfter: { events, until: gate().passed }, tail: ': and then nothing' })
        const hasty = new AbortController()
        const response = await post(fetch, wire, ASK[format]('hello', true), { signal: hasty.signal })
        const reader = (response.body as ReadableStream<Uint8Array>).getReader()
        for (let read = 0; read < whole.length; ) read += (await reader.read()).value?.length ?? whole.length
        if (how === 'by its signal') hasty.abort()
        else await reader.cancel()
        await until(() => answers.stats().inFlight === 0)
        expect(answers.stats().size, format).toBe(2)
        expect(await (await post(fetch, wire, ASK[format]('hello', true))).text()).toMatch(/"/)
        expect(wire.requests).toHaveLength(2)
        await until(() => wire.requests[1]?.aborted === true)
        expect(fetch.stats().unstored).toEqual({})
      }
    },
  )

  it('with finishOnAbort an abandoned stream is read to its end and kept', async () => {
    const { wire, fetch, answers } = await openWorld({ finishOnAbort: true })
    const end = gate()
    wire.scripts.push({ holdAfter: { events: 3, until: end.passed } })
    const leaver = new AbortController()
    const response = await post(fetch, wire, ask, { signal: leaver.signal })
    leaver.abort(new Error('left'))
    await expect(response.text()).rejects.toThrow('left')
    end.open()
    await until(() => answers.stats().size === 1)
    expect(wire.requests[0]?.aborted).toBe(false)
    expect(await (await post(fetch, wire, ask)).text()).toContain('[DONE]')
    expect(wire.requests).toHaveLength(1)
  })

  it('a caller that aborts before the answer gets its own reason, whatever the others do', async () => {
    const { wire, fetch } = await openWorld()
    const end = gate()
    wire.scripts.push({ holdAfter: { events: 0, until: end.passed } })
    const leaver = new AbortController()
    const stays = post(fetch, wire, ask).then((response) => response.text())
    const leaves = post(fetch, wire, ask, { signal: leaver.signal }).then((response) => response.text())
    await until(() => wire.requests.length === 1)
    leaver.abort(new Error('my own reason'))
    await expect(leaves).rejects.toThrow('my own reason')
    end.open()
    expect(await stays).toContain('[DONE]')
    await expect(post(fetch, wire, ask, { signal: leaver.signal })).rejects.toThrow('my own reason')
  })

  it('leaves no listener on a signal that lives long, however a call ends', async () => {
    const { wire, fetch, open } = await openWorld()
    const { signal } = new AbortController()
    const paced = open({ pacing: { fixed: '1ms' } })
    wire.scripts.push({}, { status: 400 }, { breakAfter: 1 }, {})
    for (const each of [fetch, fetch, paced, paced]) await (await post(each, wire, ask, { signal })).text()
    for (const text of ['bad', 'broken', 'left']) {
      const response = await post(fetch, wire, ASK['openai-chat'](text, true), { signal })
      if (text === 'left') await response.body?.cancel()
      else await response.text().catch(() => {})
    }
    await (
      await post(fetch, wire, { path: '/v1/embeddings', body: { model: 'm', input: ['a', 'b'] } }, { signal })
    ).text()
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })

  it('a chunk changed by its reader changes nobody else\u2019s', async () => {
    const { wire, fetch } = await openWorld()
    const [one, two] = await Promise.all([post(fetch, wire, ask), post(fetch, wire, ask)])
    const chunks: Uint8Array[] = []
    for await (const chunk of one.body as unknown as AsyncIterable<Uint8Array>) {
      chunks.push(chunk.slice())
      chunk.fill(0)
    }
    expect(await two.text()).toBe(Buffer.concat(chunks).toString())
    expect(await (await post(fetch, wire, ask)).text()).toBe(Buffer.concat(chunks).toString())
  })
})

describe('a stream over the bound', () => {
  it('is neither joined nor kept; its readers get all of it', async () => {
    const { wire, fetch } = await openWorld({ maxSharedBytes: 2_000 })
    const end = gate()
    const script = { text: longText(200), chunks: 'event', holdAfter: { events: 100, until: end.passed } } as const
    wire.scripts.push(script, script)
    const first = (await post(fetch, wire, ask)).body?.getReader() as ReadableStreamDefaultReader<Uint8Array>
    const decoder = new TextDecoder()
    let text = ''
    while (text.length <= 3_000) text += decoder.decode((await first.read()).value, { stream: true })
    const second = (await post(fetch, wire, ask)).text()
    end.open()
    for (let part = await first.read(); !part.done; part = await first.read()) text += decoder.decode(part.value)
    expect(text).toContain('word199')
    expect(await second).toContain('word199')
    expect(wire.requests).toHaveLength(2)
    expect(fetch.stats().unstored).toEqual({ 'too-large': 2 })
    await (await post(fetch, wire, ask)).text()
    expect(wire.requests).toHaveLength(3)
  })

  it('goes at the pace of its slowest reader, which holds no more than the bound', async () => {
    const bound = 64 * 1024
    const { wire, open } = await openWorld()
    let sent = 0
    const piece = Buffer.alloc(16 * 1024, 'x')
    const endless = async () =>
      new Response(
        new ReadableStream<Uint8Array>(
          {
            pull(controller) {
              sent += piece.length
              controller.enqueue(piece)
              if (sent >= 4 * 1024 * 1024) controller.close()
            },
          },
          { highWaterMark: 0 },
        ),
        { headers: { 'content-type': 'text/event-stream' } },
      )
    const streaming = open({ maxSharedBytes: bound, fetch: endless })
    const [fast, slow] = await Promise.all([post(streaming, wire, ask), post(streaming, wire, ask)])
    const fastText = fast.text()
    await pause(50)
    expect(sent).toBeLessThanOrEqual(bound + 2 * piece.length)
    const slowText = slow.text()
    expect((await fastText).length).toBe((await slowText).length)
    expect(sent).toBe(4 * 1024 * 1024)
  })

  it('below the bound a reader that reads nothing keeps nobody waiting', async () => {
    const { wire, fetch } = await openWorld()
    wire.scripts.push({ text: longText(500) })
    const [idle, busy] = await Promise.all([post(fetch, wire, ask), post(fetch, wire, ask)])
    expect(await busy.text()).toContain('word499')
    expect(await (await post(fetch, wire, ask)).text()).toContain('word499')
    expect(await idle.text()).toContain('word499')
    expect(wire.requests).toHaveLength(1)
  })

  it('of one reader that leaves lets the others go on', async () => {
    const { wire, fetch } = await openWorld({ maxSharedBytes: 1_000 })
    wire.scripts.push({ text: longText(400) })
    const leaver = new AbortController()
    const [idle, busy] = await Promise.all([post(fetch, wire, ask, { signal: leaver.signal }), post(fetch, wire, ask)])
    const read = busy.text()
    await pause(20)
    leaver.abort()
    expect(await read).toContain('word399')
    await expect(idle.text()).rejects.toThrow()
  })
})

describe('replay', () => {
  it('comes all at once, as recorded, or with a fixed pause', async () => {
    const { wire } = await openWorld()
    const clock = createFakeClock()
    const { answers } = createStash({ clock, namespaces: { answers: namespace<unknown, unknown>({ jitter: 0 }) } })
    const replay = (pacing?: Pacing) => chunksOf(clock, post(cachedFetch(answers, pacing && { pacing }), wire, ask))
    const end = gate()
    wire.scripts.push({ holdAfter: { events: 3, until: end.passed } })
    const recording = await post(cachedFetch(answers), wire, ask)
    const reader = (recording.body as ReadableStream<Uint8Array>).getReader()
    let text = new TextDecoder().decode((await reader.read()).value)
    await clock.advance(120)
    end.open()
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      text += new TextDecoder().decode(part.value)
    }
    expect(await replay()).toEqual({ texts: [text], tookMs: 0 })
    const recorded = await replay('recorded')
    expect([recorded.texts.join(''), recorded.tookMs]).toEqual([text, 120])
    const fixed = await replay({ fixed: '20ms' })
    expect([fixed.texts.join(''), fixed.tookMs]).toEqual([text, 20 * fixed.texts.length])
    expect(fixed.texts.length).toBeGreaterThan(1)
    expect(wire.requests).toHaveLength(1)
  })

  it('that is paced ends with its caller', async () => {
    const { wire, fetch, open } = await openWorld()
    await (await post(fetch, wire, ask)).text()
    const leaver = new AbortController()
    const slow = await post(open({ pacing: { fixed: '1h' } }), wire, ask, { signal: leaver.signal })
    const read = slow.text()
    leaver.abort(new Error('left'))
    await expect(read).rejects.toThrow('left')
    const cancelled = await post(open({ pacing: { fixed: '1h' } }), wire, ask)
    const reader = (cancelled.body as ReadableStream).getReader()
    const pending = reader.read()
    await reader.cancel()
    expect(await pending).toMatchObject({ done: true })
  })
})

/** What comes of a response, and what it takes in made time: that goes on when nothing more comes without. */
async function chunksOf(clock: FakeClock, asked: Promise<Response>): Promise<{ texts: string[]; tookMs: number }> {
  const startedAt = clock.now()
  const texts: string[] = []
  let isOver = false
  const reading = (async () => {
    for await (const chunk of (await asked).body as unknown as AsyncIterable<Uint8Array>) {
      texts.push(new TextDecoder().decode(chunk))
    }
    isOver = true
  })()
  for (;;) {
    for (let turn = 0; turn < 20 && !isOver; turn++) await clock.settle()
    if (isOver) break
    await clock.advance(1)
  }
  await reading
  return { texts, tookMs: clock.now() - startedAt }
}
