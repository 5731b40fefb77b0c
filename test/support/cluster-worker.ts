import { createStash, namespace } from '../../src/index.js'

// One process of a fleet, told by its parent what to do; times are those of the one machine all of them run on.
const [url = '', offsetText = '0', storeTimeout = '250'] = process.argv.slice(2)
const RealDate = Date.now.bind(Date)
const offsetMs = Number(offsetText)
// A host whose clock is wrong.
Date.now = () => RealDate() + offsetMs

export interface WorkerOrder {
  readonly id: number
  readonly verb: 'ready' | 'read' | 'get' | 'set' | 'delete' | 'tag' | 'clear' | 'peek' | 'entry' | 'close' | 'save'
  readonly key: string
  /** Callers of one read. */
  readonly callers?: number
  readonly loadMs?: number
  readonly value?: unknown
  /** The loader throws. */
  readonly fails?: boolean
  /** The loader asks the parent, who keeps the source, once it runs. */
  readonly asks?: boolean
}

/** What a source holds now. */
export interface SourceAnswer {
  readonly gives: number
  readonly value: unknown
}

export type WorkerNews =
  | { readonly id: number; readonly result: unknown; readonly at: number }
  | { readonly id: number; readonly error: string; readonly at: number }
  | { readonly load: string; readonly at: number; readonly wants: number | undefined }

const every = namespace<unknown, string>({
  ttl: '1h',
  jitter: 0,
  max: 10_000,
  coalesce: 'cluster',
  tags: (_value, key) => [`tag:${key}`],
})
const stash = createStash({
  store: url as `redis://${string}`,
  storeTimeout: Number(storeTimeout),
  namespaces: { things: every, marks: every },
})
/** Keys of marks are in a namespace of their own, which nobody clears. */
const spaceOf = (key: string) => (key.startsWith('mark ') ? stash.marks : stash.things)

function tell(news: WorkerNews): void {
  process.send?.(news)
}

const asked = new Map<number, (value: unknown) => void>()

async function load({ id, key, value: given, loadMs = 0, fails = false, asks = false }: WorkerOrder): Promise<unknown> {
  tell({ load: key, at: RealDate(), wants: asks ? id : undefined })
  const value = asks ? await new Promise((resolve) => void asked.set(id, resolve)) : given
  await new Promise((resolve) => setTimeout(resolve, loadMs))
  if (fails) throw new Error('down')
  return value
}

async function obey(order: WorkerOrder): Promise<unknown> {
  const { verb, key, callers = 1, value } = order
  const things = spaceOf(key)
  switch (verb) {
    case 'ready':
      return stash.ready(30_000)
    case 'read': {
      const answers = Array.from({ length: callers }, () => things.getOrSet(key, () => load(order)))
      const values = (await Promise.all(answers)).map((answer) => JSON.stringify(answer))
      return { callers: values.length, values: [...new Set(values)].map((text) => JSON.parse(text) as unknown) }
    }
    case 'get':
      return things.get(key)
    case 'peek':
      return things.peek(key)
    case 'entry':
      return things.getEntry(key)
    case 'set':
      return things.set(key, value)
    case 'delete':
      return things.delete(key)
    case 'tag':
      return things.invalidateTags([`tag:${key}`])
    case 'clear':
      return stash.things.clear()
    case 'save':
      return things.writeThrough(key, value, () => load(order).then(() => undefined))
    default:
      return stash.close()
  }
}

process.on('message', (order: WorkerOrder | SourceAnswer) => {
  if ('gives' in order) {
    asked.get(order.gives)?.(order.value)
    asked.delete(order.gives)
    return
  }
  const { id } = order
  obey(order).then(
    (result) => {
      tell({ id, result, at: RealDate() })
      if (order.verb === 'close') process.disconnect()
    },
    (error: Error) => tell({ id, error: error.message, at: RealDate() }),
  )
})
