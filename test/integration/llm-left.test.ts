import { describe, expect, it } from 'vitest'
import { directives } from '../../src/llm/directives.js'
import { ASK, FORMATS, gate, openWorld, post, until } from './llm-world.js'

/** What a stream has told of its tokens when most of it has come; those of the answer are more by its end. */
const TOLD = {
  'openai-chat': undefined,
  'openai-responses': undefined,
  'anthropic-messages': { input: 1000, cacheRead: 600, cacheWrite: 100 },
  gemini: { input: 1000 },
} as const

describe.each(FORMATS)('a stream that nobody reads to its end, %s', (format) => {
  it.each(['left by its reader', 'broken off by the network', 'left past the bound'])(
    'costs at least what it told: %s',
    async (how) => {
      const { wire, open } = await openWorld()
      const isBounded = how === 'left past the bound'
      const fetch = open(isBounded ? { maxSharedBytes: 500 } : {})
      const tokens = { input: 1000, output: 50, read: 600, written: 100 }
      const end =
        how === 'broken off by the network' ? { breakAfter: 3 } : { holdAfter: { events: 3, until: gate().passed } }
      wire.scripts.push({ tokens, ...(isBounded && { text: 'word '.repeat(500) }), ...end })
      const response = await post(fetch, wire, ASK[format]('hi', true))
      const reader = (response.body as ReadableStream<Uint8Array>).getReader()
      if (how === 'broken off by the network') {
        await expect(drained(reader)).rejects.toThrow()
      } else {
        await reader.read()
        await reader.cancel()
        await until(() => fetch.stats().misses === 1)
      }
      const { billed, saved, withoutUsage, unstored, models } = fetch.stats()
      expect(unstored).toEqual(how === 'broken off by the network' ? { network: 1 } : { aborted: 1 })
      const told = TOLD[format]
      expect(billed).toMatchObject({ calls: 1, input: 0, ...told })
      expect(withoutUsage).toBe(told === undefined ? 1 : 0)
      expect(billed.money > 0).toBe(told !== undefined)
      expect(saved).toMatchObject({ calls: 0, money: 0 })
      expect(Object.keys(models)).not.toContain('(other)')
    },
  )
})

describe.each([{ forceFresh: true }, { maxAge: 0 }])('a call that something kept would not do for, %j', (asked) => {
  it.each(['his signal', 'cancelling the body'])(
    'goes on for whoever has joined it, though there is something kept for him, when its caller leaves by %s',
    async (how) => {
      const { wire, fetch } = await openWorld()
      const ask = ASK['openai-chat']('hi', true)
      const kept = await (await post(fetch, wire, ask)).text()
      const end = gate()
      wire.scripts.push({ holdAfter: { events: 1, until: end.passed } })
      const leaver = new AbortController()
      const first = await post(fetch, wire, ask, { signal: leaver.signal, headers: directives(asked) })
      const joined = await post(fetch, wire, ask)
      expect(joined.headers.get('cache-status')).toContain('collapsed')
      if (how === 'his signal') leaver.abort(new Error('left'))
      else await first.body?.cancel()
      const whole = joined.text()
      end.open()
      expect(await whole).not.toBe(kept)
      expect(await (await post(fetch, wire, ask)).text()).toBe(await whole)
      expect(wire.requests.map(({ aborted }) => aborted)).toEqual([false, false])

      wire.scripts.push({ holdAfter: { events: 1, until: gate().passed } })
      const both = [await post(fetch, wire, ask, { headers: directives(asked) }), await post(fetch, wire, ask)]
      for (const { body } of both) await body?.cancel()
      await until(() => wire.requests[2]?.aborted === true)
    },
  )
})

it.each(['his signal', 'cancelling the body'])(
  'who comes in the turn in which the last reader leaves by %s has a call of his own, and no reason of another',
  async (how) => {
    // So many turns later: the namespace takes some of them to give the call up.
    for (let turns = 0; turns < 6; turns++) {
      const { wire, fetch } = await openWorld()
      wire.scripts.push({ holdAfter: { events: 1, until: gate().passed } })
      const ask = ASK['openai-chat']('hi', true)
      const leaver = new AbortController()
      const left = await post(fetch, wire, ask, { signal: leaver.signal })
      const reader = (left.body as ReadableStream<Uint8Array>).getReader()
      await reader.read()
      if (how === 'his signal') leaver.abort(new Error('left'))
      else void reader.cancel()
      for (let turn = 0; turn < turns; turn++) await Promise.resolve()
      expect(await (await post(fetch, wire, ask)).text()).toMatch(/\[DONE\]\n\n$/)
      expect(wire.requests).toHaveLength(2)
    }
  },
)

it('what never began to be answered costs nothing, and lacks no usage', async () => {
  const { wire, open } = await openWorld()
  const fetch = open({ fetch: (_url, init) => new Promise((_, reject) => rejectWith(init?.signal, reject)) })
  const leaver = new AbortController()
  const left = post(fetch, wire, ASK['anthropic-messages']('hi'), { signal: leaver.signal })
  const refused = expect(left).rejects.toThrow('left')
  await new Promise((resolve) => setImmediate(resolve))
  leaver.abort(new Error('left'))
  await refused
  await until(() => fetch.stats().misses === 1)
  expect(fetch.stats()).toMatchObject({ unstored: { aborted: 1 }, billed: { calls: 1, input: 0 }, withoutUsage: 0 })
})

function rejectWith(signal: AbortSignal | null | undefined, reject: (reason: unknown) => void): void {
  signal?.addEventListener('abort', () => reject(signal.reason))
}

async function drained(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  for (;;) if ((await reader.read()).done) return
}
