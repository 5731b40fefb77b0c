import { createServer, type IncomingMessage, type Server } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Namespace } from 'hopstash'
import { cachedFetch } from 'hopstash/llm'

/** A server that streams the answers of a model to the text of a POST. */
export function startChatServer(to: { modelUrl: string; answers: Namespace }): Server {
  const ask = cachedFetch(to.answers)
  return createServer(async (request, response) => {
    // The visitor who closes the window leaves; the call to the model goes on for the others.
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    const answer = await ask(`${to.modelUrl}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'demo',
        stream: true,
        messages: [{ role: 'user', content: await textOf(request) }],
      }),
      signal: gone.signal,
    }).catch(() => undefined)
    if (answer?.body == null) return void response.writeHead(502).end()
    response.writeHead(answer.status, {
      'content-type': 'text/plain; charset=utf-8',
      'cache-status': answer.headers.get('cache-status') ?? '',
    })
    await pipeline(Readable.from(wordsOf(answer.body)), response).catch(() => {})
  })
}

/** The text pieces of a stream of chat completions. */
async function* wordsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = ''
  const decoder = new TextDecoder()
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
    rest += decoder.decode(chunk, { stream: true })
    const events = rest.split('\n\n')
    rest = events.pop() ?? ''
    for (const event of events) {
      if (event !== 'data: [DONE]') yield JSON.parse(event.slice('data: '.length)).choices[0]?.delta.content ?? ''
    }
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += chunk
  return text
}
