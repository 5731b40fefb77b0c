import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/** Stands in for a provider: one word every few milliseconds. */
export interface Model {
  readonly url: string
  /** Calls so far. */
  readonly calls: number
  /** Resolves when so many words of the latest call have left. */
  words(count: number): Promise<void>
  /** Resolves when no call is under way. */
  stopped(): Promise<void>
  close(): Promise<void>
}

const ANSWER = 'Because the short waves of the light are scattered the most .'.split(' ')

/** Starts a model on a free local port. */
export async function startModel(): Promise<Model> {
  let calls = 0
  let sent = 0
  let underWay = 0
  const server = createServer(async (request, response) => {
    for await (const _chunk of request);
    calls++
    underWay++
    sent = 0
    await speak(response, () => sent++).finally(() => underWay--)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get calls() {
      return calls
    },
    async words(count) {
      while (underWay === 0 || sent < count) await pause(2)
    },
    async stopped() {
      while (underWay > 0) await pause(2)
    },
    async close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

async function speak(to: ServerResponse, onWord: () => void): Promise<void> {
  to.writeHead(200, { 'content-type': 'text/event-stream' })
  const say = (delta: object, finish_reason: string | null) =>
    to.write(`data: ${JSON.stringify({ model: 'demo', choices: [{ index: 0, delta, finish_reason }] })}\n\n`)
  for (const [index, word] of ANSWER.entries()) {
    if (to.destroyed) return
    say({ content: index === 0 || word === '.' ? word : ` ${word}` }, null)
    onWord()
    await pause(10)
  }
  say({}, 'stop')
  to.end('data: [DONE]\n\n')
}
