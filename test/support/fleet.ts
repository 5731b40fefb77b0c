import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { WorkerNews, WorkerOrder } from './cluster-worker.js'

const SCRIPT = fileURLToPath(new URL('./cluster-worker.ts', import.meta.url))

/** A process of its own, with a stash over a store that others share. */
export interface Worker {
  /** Instants of its loads so far, ms of the machine's clock. */
  readonly loads: readonly { readonly key: string; readonly at: number }[]
  ask<T>(verb: WorkerOrder['verb'], key?: string, more?: Partial<WorkerOrder>): Promise<T>
  /** When the answer to the last order of this verb came. */
  answeredAt(verb: WorkerOrder['verb']): number
  /** SIGKILL, SIGSTOP, SIGCONT. */
  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void
  end(): Promise<void>
}

/**
 * Starts processes over one store and waits until they are connected. `offsets`: how wrong the clock of each is, ms;
 * `source`: what loaders that ask get, as soon as it is there.
 */
export async function startFleet(
  url: string,
  count: number,
  offsets: readonly number[] = [],
  source: (key: string) => unknown = () => undefined,
  storeTimeoutMs = 250,
): Promise<Worker[]> {
  const workers = Array.from({ length: count }, (_, index) =>
    startWorker(url, offsets[index] ?? 0, source, storeTimeoutMs),
  )
  await Promise.all(workers.map((worker) => worker.ask('ready')))
  return workers
}

function startWorker(url: string, offsetMs: number, source: (key: string) => unknown, storeTimeoutMs: number): Worker {
  const child: ChildProcess = fork(SCRIPT, [url, String(offsetMs), String(storeTimeoutMs)], {
    execArgv: ['--import', 'tsx'],
  })
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)
  const waiting = new Map<number, { verb: string; resolve: (result: never) => void; reject: (error: Error) => void }>()
  const loads: { key: string; at: number }[] = []
  const answered = new Map<string, number>()
  let orders = 0
  child.on('message', (news: WorkerNews) => {
    if ('load' in news) {
      loads.push({ key: news.load, at: news.at })
      if (news.wants !== undefined) {
        void Promise.resolve(source(news.load)).then(
          (value) => child.connected && child.send({ gives: news.wants, value }),
        )
      }
      return
    }
    const order = waiting.get(news.id)
    waiting.delete(news.id)
    answered.set(order?.verb ?? '', news.at)
    if ('error' in news) order?.reject(new Error(news.error))
    else order?.resolve(news.result as never)
  })
  child.on('exit', () => {
    process.off('exit', kill)
    for (const { reject } of waiting.values()) reject(new Error('the process ended'))
  })
  return {
    loads,
    ask(verb, key = '', more = {}) {
      const id = ++orders
      const answer = new Promise<never>((resolve, reject) => void waiting.set(id, { verb, resolve, reject }))
      answer.catch(() => {})
      child.send({ ...more, id, verb, key })
      return answer
    },
    answeredAt: (verb) => answered.get(verb) ?? 0,
    signal: (signal) => void child.kill(signal),
    async end() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const over = once(child, 'exit')
      child.kill('SIGKILL')
      await over
    },
  }
}
