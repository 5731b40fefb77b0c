import { strictEqual } from 'node:assert'
import { importHopstash } from './build.mjs'
import { measure, quartiles, verdict } from './harness.mjs'

const URL_OF_CHAT = 'https://api.openai.com/v1/chat/completions'
const HEADERS = { 'content-type': 'application/json', authorization: 'Bearer key' }
const READERS = 500
const STREAM_BYTES = 256 * 1024
const WEIGHINGS = 5

/** Hits of `cachedFetch` beside a bare `Response`, replay of streams, and what a reader of a live stream holds. */
export async function bench(pace) {
  const [core, llm] = [await importHopstash(), await importHopstash('llm')]
  if (llm === undefined) return []
  const open = (upstream, max = 1000) => {
    const namespaces = { answers: core.namespace({ ttl: '1h', max }) }
    return llm.cachedFetch(core.createStash({ namespaces }).answers, { fetch: upstream })
  }
  return [
    await measure(await hits(open, 'a prompt of 2 KB, an answer of 2 KB', 2_000, 2_000), pace),
    await measure(await hits(open, 'a prompt of 100 KB, an answer of 2 KB', 100_000, 2_000), pace),
    await measure(await replays(open), pace),
    await weigh(open),
  ]
}

async function hits(open, title, promptBytes, answerBytes) {
  const request = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'x'.repeat(promptBytes) }] })
  const text = answerOf('y'.repeat(answerBytes))
  const upstream = async () => new Response(text, { headers: { 'content-type': 'application/json' } })
  const contenders = [
    { name: 'bare Response', kind: 'limit', fetch: upstream },
    { name: 'hopstash', kind: 'ours', fetch: open(upstream) },
    { name: 'hopstash (A/A)', kind: 'twin', fetch: open(upstream) },
    { name: 'Map of url + body', kind: 'peer', fetch: mapOf(upstream) },
  ]
  return trial(`a hit: ${title}`, contenders, request, text)
}

async function replays(open) {
  const request = JSON.stringify({ model: 'm', stream: true, messages: [{ role: 'user', content: 'hello' }] })
  const text = streamOf(STREAM_BYTES)
  const upstream = async () => new Response(text, { headers: { 'content-type': 'text/event-stream' } })
  const contenders = [
    { name: 'bare Response', kind: 'limit', fetch: upstream },
    { name: 'hopstash', kind: 'ours', fetch: open(upstream) },
    { name: 'hopstash (A/A)', kind: 'twin', fetch: open(upstream) },
  ]
  return trial('replay of a stream of 256 KB, read to its end', contenders, request, text)
}

async function trial(title, contenders, body, text) {
  const call = (fetch) => async () => (await fetch(URL_OF_CHAT, { method: 'POST', headers: HEADERS, body })).text()
  const lanes = contenders.map(({ name, kind, fetch }) => ({ name, kind, call: call(fetch) }))
  for (const lane of lanes) await lane.call()
  return { title, operation: 'one call, body read', contenders: lanes, check: (_, answer) => strictEqual(answer, text) }
}

/** What everybody writes first: no directives, no checks, no streams. */
function mapOf(upstream) {
  const kept = new Map()
  return async (url, init) => {
    const key = url + init.body
    const text = kept.get(key) ?? (await (await upstream()).text())
    kept.set(key, text)
    return new Response(text, { headers: { 'content-type': 'application/json' } })
  }
}

/** Heap and buffers per reader of one live stream of which 256 KB have come and nobody has read more than a chunk. */
async function weigh(open) {
  const ours = []
  const tees = []
  for (let round = 0; round < WEIGHINGS; round++) {
    ours.push(await heldBy(async (fetch) => Array.from({ length: READERS }, () => ask(fetch)), open))
    tees.push(await heldBy(cloned, (upstream) => upstream))
  }
  const rows = [
    { name: 'hopstash', kind: 'ours', bytes: quartiles(ours) },
    { name: 'response.clone()', kind: 'peer', bytes: quartiles(tees) },
  ]
  return {
    title: `${READERS} readers of one live stream, 256 KB behind`,
    operation: 'bytes per reader',
    rows,
    goals: [verdict({ of: 'hopstash', atMost: 16 * 1024, unit: ' B' }, rows[0].bytes.middle)],
  }
}

async function heldBy(readersOf, open) {
  let end
  const ended = new Promise((resolve) => {
    end = resolve
  })
  const upstream = async () => new Response(slowBody(ended), { headers: { 'content-type': 'text/event-stream' } })
  const fetch = open(upstream, 2)
  const before = await heap()
  const responses = await Promise.all(await readersOf(fetch))
  const readers = responses.map((response) => response.body.getReader())
  for (const reader of readers) await reader.read()
  const held = ((await heap()) - before) / READERS
  end()
  for (const reader of readers) for (let read = await reader.read(); !read.done; read = await reader.read());
  return held
}

function ask(fetch) {
  const body = JSON.stringify({ model: 'm', stream: true, messages: [] })
  return fetch(URL_OF_CHAT, { method: 'POST', headers: HEADERS, body })
}

async function cloned(fetch) {
  const responses = [await ask(fetch)]
  while (responses.length < READERS) responses.push(responses[responses.length - 1].clone())
  return responses
}

function slowBody(ended) {
  const chunks = streamOf(STREAM_BYTES).match(/[\s\S]{1,1024}/g)
  return new ReadableStream({
    async start(controller) {
      for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk))
      await ended
      controller.close()
    },
  })
}

async function heap() {
  await new Promise((resolve) => setTimeout(resolve, 50))
  globalThis.gc()
  globalThis.gc()
  const { heapUsed, external, arrayBuffers } = process.memoryUsage()
  return heapUsed + external + arrayBuffers
}

function answerOf(content) {
  const usage = { prompt_tokens: 500, completion_tokens: 500 }
  return JSON.stringify({ model: 'm', choices: [{ index: 0, finish_reason: 'stop', message: { content } }], usage })
}

function streamOf(bytes) {
  const chunk = (delta, finish_reason) =>
    `data: ${JSON.stringify({ id: 'chatcmpl-1', model: 'm', choices: [{ index: 0, delta, finish_reason }] })}\n\n`
  const words = chunk({ content: 'word ' }, null)
  return `${words.repeat(Math.ceil(bytes / words.length))}${chunk({}, 'stop')}data: [DONE]\n\n`
}
