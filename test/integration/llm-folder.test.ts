import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Anthropic from '@anthropic-ai/sdk'
import { afterEach, describe, expect, it } from 'vitest'
import { namespace } from '../../src/cache/presets.js'
import { createStash } from '../../src/cache/stash.js'
import { cachedFetch } from '../../src/llm/cached-fetch.js'
import { filesIn } from '../support/folder-text.js'
import { openWorld, post } from './llm-world.js'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

// An address that stays: a recording is found again whatever port the server of the test got.
const ADDRESS = 'http://model.test'

describe('recordings in a folder', () => {
  it('are made with a key and replayed without one, streams and embeddings too, and cost nothing', async () => {
    const { wire } = await openWorld()
    const folder = newFolder()
    const recorded = await inRun(folder, 'record', wire.url, 'sk-ant-real-key-12345678', askEverything)
    const calls = wire.requests.length
    await wire.close()
    expect(await inRun(folder, 'replay', wire.url, 'none', askEverything)).toEqual(recorded)
    expect(calls).toBe(3)
    const text = filesIn(folder)
      .map((file) => readFileSync(file, 'utf8'))
      .join('\n')
    expect(text).toContain('"content":"hello"')
    expect(text).not.toContain('real-key')
  })

  it('hold no secret of headers, address or body: in no name, no line and no log', async () => {
    const CANARY = 'sk-canary-4f1d2c8a'
    const { wire } = await openWorld()
    const folder = newFolder()
    const ask = (stream: boolean) => ({
      path: `/v1/chat/completions?key=${CANARY}`,
      body: {
        model: 'gpt-5',
        stream,
        messages: [{ role: 'user', content: `my token is ${CANARY}, keep it` }],
        metadata: { api_key: CANARY },
        tools: [{ type: 'mcp', authorization: CANARY, headers: { 'x-token': CANARY } }],
      },
    })
    const headers = { authorization: `Bearer ${CANARY}`, 'x-api-key': CANARY, cookie: `session=${CANARY}` }
    {
      await using stash = createStash({ store: `file:${folder}`, namespaces: { answers: namespace({}) } })
      const fetch = cachedFetch(stash.answers)
      for (const stream of [false, true, false]) await (await post(fetch, wire, ask(stream), { headers })).text()
      expect(fetch.stats()).toMatchObject({ misses: 2, hits: 1 })
    }
    const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    const files = paths.map((path) => join(folder, path)).filter((path) => statSync(path).isFile())
    const text = files.map((path) => readFileSync(path, 'latin1')).join('\n')
    expect(text).toContain('my token is [scrubbed], keep it')
    expect(`${paths.join('\n')}\n${text}`).not.toContain(CANARY)
  })

  it('that are missing are an error at once, which names the nearest one and where it differs', async () => {
    const { wire } = await openWorld()
    const folder = newFolder()
    await inRun(folder, 'record', wire.url, 'key', ({ say }) => say('hello'))
    const missed = inRun(folder, 'replay', wire.url, 'key', ({ say }) => say('hello you'))
    await expect(missed).rejects.toMatchObject({ status: 404, message: expect.stringContaining('ERR_REPLAY_MISS') })
    await expect(missed).rejects.toThrow('$.body.messages[0].content')
    const item = inRun(folder, 'replay', wire.url, 'key', ({ embed }) => embed(['never seen']))
    await expect(item).rejects.toMatchObject({ code: 'ERR_REPLAY_MISS' })
    expect(wire.requests).toHaveLength(1)
  })
})

describe('a recording whose file was changed', () => {
  it.each<[string, (text: string) => string]>([
    ['by hand', (text) => text.replace('answer 1', 'answer 2')],
    ['by the line ends of a version control', (text) => text.replaceAll('\n', '\r\n')],
    ['by being cut', (text) => text.slice(0, -9)],
  ])('%s is a miss that says so', async (_how, change) => {
    const { wire } = await openWorld()
    const folder = newFolder()
    await inRun(folder, 'record', wire.url, 'key', ({ say }) => say('hello'))
    for (const file of filesIn(folder).filter((path) => path.endsWith('.entry')))
      writeFileSync(file, change(readFileSync(file, 'utf8')))
    const missed = inRun(folder, 'replay', wire.url, 'key', ({ say }) => say('hello'))
    await expect(missed).rejects.toThrow(/has the same request: its file is not as it was written, or scope, version/)
    expect(wire.requests).toHaveLength(1)
  })
})

interface Asking {
  say(content: string, stream?: boolean): Promise<unknown>
  embed(input: string[]): Promise<unknown>
}

const askEverything = async ({ say, embed }: Asking) => [
  await say('hello'),
  await say('hello', true),
  await embed(['cat', 'dog']),
  await embed(['dog']),
]

/** What a run of a script sees: a stash of its own over the folder. */
async function inRun<R>(
  folder: string,
  mode: 'record' | 'replay',
  url: string,
  apiKey: string,
  run: (asking: Asking) => Promise<R>,
): Promise<R> {
  const namespaces = { answers: namespace<unknown, unknown>({}) }
  await using stash = createStash({ store: `file:${folder}`, mode, namespaces })
  const fetch = cachedFetch(stash.answers, {
    fetch: (input, init) => globalThis.fetch(String(input).replace(ADDRESS, url), init),
  })
  const anthropic = new Anthropic({ apiKey, baseURL: ADDRESS, fetch })
  // Awaited here: the stash must live as long as the run.
  return await run({
    say(content, stream = false) {
      const body = { model: 'claude-test', max_tokens: 9, messages: [{ role: 'user' as const, content }] }
      return stream ? anthropic.messages.stream(body).finalMessage() : anthropic.messages.create(body)
    },
    async embed(input) {
      const response = await fetch(`${ADDRESS}/v1/embeddings`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` },
        body: JSON.stringify({ model: 'm', input }),
      })
      return response.json()
    },
  })
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hopstash-llm-'))
  folders.push(folder)
  return folder
}
