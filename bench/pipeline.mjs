import { setMaxListeners } from 'node:events'
import CircuitBreaker from 'opossum'
import pLimit from 'p-limit'
import pRetry from 'p-retry'
import { importHopstash } from './build.mjs'
import { measure, same, verdict } from './harness.mjs'

// Cockatiel listens on one signal for all its calls in flight; the warning about it would stand between the tables.
setMaxListeners(0)
const cockatiel = await import('cockatiel')

const inputs = Array.from({ length: 100 }, (_, index) => index)
const step = async (value) => value

/** What a run of six hops costs whose calls cost nothing: four at once, one that needs them, one behind it. */
export async function bench(pace) {
  const hopstash = await importHopstash('pipeline')
  if (hopstash === undefined) return []
  const contenders = [
    { name: 'plain await', kind: 'limit', call: graphOf(() => step) },
    { name: 'hopstash, resilient', kind: 'ours', call: pipelineOf(hopstash, 'resilient') },
    { name: 'hopstash, resilient (A/A)', kind: 'twin', call: pipelineOf(hopstash, 'resilient') },
    { name: 'hopstash, resilient + deadline', kind: 'ours', call: pipelineOf(hopstash, 'deadline') },
    { name: 'hopstash, no policies', kind: 'ours', call: pipelineOf(hopstash, 'bare') },
    ...Object.entries(peers).map(([name, guard]) => ({ name, kind: 'peer', call: graphOf(guard) })),
  ]
  const check = same((input) => 4 * input)
  const single = { title: 'six hops, one run at a time', operation: 'one run', inputs, contenders, check }
  const goals = (atMost) => [{ of: 'hopstash, resilient', to: 'plain await', atMost }]
  return [
    await measure({ ...single, goals: goals(8) }, pace),
    await measure({ ...hundred(contenders), goals: goals(12) }, pace),
    ...(await besideFrameworks(contenders.slice(0, 2), { check }, pace)),
    await storm(hopstash),
  ]
}

/**
 * Last, and in tables of their own: LangGraph keeps its context in async storage, which makes every promise of the
 * process dearer from its first run on, those of `plain await` most.
 */
async function besideFrameworks([plain, ours], { check }, pace) {
  const effect = await import('effect')
  const contenders = [
    plain,
    ours,
    { name: 'effect, retry + timeout + semaphore', kind: 'peer', call: effectGraph(effect) },
    { name: 'langgraph, retry policy', kind: 'peer', call: stateGraph(await import('@langchain/langgraph')) },
  ]
  const one = {
    title: 'six hops, one run at a time, beside frameworks',
    operation: 'one run',
    inputs,
    contenders,
    check,
  }
  const many = { ...hundred(contenders), title: 'six hops, 100 runs at a time, beside frameworks' }
  return [await measure(one, pace), await measure(many, pace)]
}

function hundred(contenders) {
  return {
    title: 'six hops, 100 runs at a time',
    operation: 'one run',
    contenders: contenders.map(({ name, kind, call }) => ({
      name,
      kind,
      run: async (count) => {
        for (let done = 0; done < count; done += inputs.length) {
          await Promise.all(inputs.slice(0, count - done).map(call))
        }
      },
    })),
  }
}

/** How often an upstream that fails is called by 1,000 runs at once. Counts, so one round is enough. */
async function storm({ defineHop, pipeline, resilient }) {
  const { Effect, Schedule } = await import('effect')
  const fast = { attempts: 3, backoff: 1, maxBackoff: 5 }
  const hop = (policies) => (call) => {
    const run = pipeline('storm', { defaults: { ...resilient, concurrency: { limit: 50, queue: 1000 }, ...policies } })
      .hop('a', defineHop({ name: 'a', call, retry: fast }), {})
      .assemble(({ a }) => a)
    return () => run.run(0)
  }
  const retry = cockatiel.retry(cockatiel.handleAll, { maxAttempts: 2, backoff: new cockatiel.ConstantBackoff(1) })
  const withEffect = (call) => {
    const attempt = Effect.tryPromise(call).pipe(Effect.retry({ times: 2, schedule: Schedule.spaced('1 millis') }))
    return () => Effect.runPromise(attempt)
  }
  const ways = {
    'hopstash, resilient without breaker': hop({ breaker: false }),
    'hopstash, resilient': hop({}),
    'cockatiel, retry': (call) => () => retry.execute(call),
    'p-retry': (call) => () => pRetry(call, { retries: 2, minTimeout: 1 }),
    'effect, retry': withEffect,
  }
  const rows = []
  for (const [name, way] of Object.entries(ways)) {
    let calls = 0
    const down = async () => {
      calls++
      await new Promise((resolve) => setTimeout(resolve, 5))
      throw Object.assign(new Error('down'), { status: 503 })
    }
    const call = way(down)
    await Promise.allSettled(Array.from({ length: 1000 }, () => call()))
    const kind = name.startsWith('hopstash') ? 'ours' : 'peer'
    rows.push({ name, kind, bytes: { low: calls, middle: calls, high: calls } })
  }
  const [ours] = rows
  const goals = [verdict({ of: ours.name, atMost: 1203, unit: ' calls' }, ours.bytes.middle)]
  return {
    title: 'calls of an upstream that fails, 1,000 runs at once',
    operation: 'all runs',
    unit: 'calls',
    rows,
    goals,
  }
}

/** The graph written by hand, each step guarded by a policy of its own. */
function graphOf(guard) {
  const [a, b, c, d, e, f] = Array.from({ length: 6 }, () => guard(step))
  return async (input) => {
    const four = await Promise.all([a(input), b(input), c(input), d(input)])
    return f(await e(four[0] + four[1] + four[2] + four[3]))
  }
}

function pipelineOf({ defineHop, pipeline, resilient }, kind) {
  const hop = (name) => defineHop({ name, call: ({ input }) => step(input) })
  const run = pipeline('bench', kind === 'bare' ? {} : { defaults: resilient })
    .hop('a', hop('a'))
    .hop('b', hop('b'))
    .hop('c', hop('c'))
    .hop('d', hop('d'))
    .hop('e', hop('e'), { needs: ['a', 'b', 'c', 'd'], input: ({ a, b, c, d }) => a + b + c + d })
    .hop('f', hop('f'), { needs: ['e'], input: ({ e }) => e })
    .assemble(({ f }) => f)
  const options = { deadline: 30_000 }
  return kind === 'deadline'
    ? async (input) => (await run.run(input, options)).output
    : async (input) => (await run.run(input)).output
}

const peers = {
  'cockatiel, retry + breaker + timeout': (call) => {
    const retry = cockatiel.retry(cockatiel.handleAll, { maxAttempts: 2, backoff: new cockatiel.ExponentialBackoff() })
    const breaker = cockatiel.circuitBreaker(cockatiel.handleAll, {
      halfOpenAfter: 10_000,
      breaker: new cockatiel.ConsecutiveBreaker(5),
    })
    const policy = cockatiel.wrap(retry, breaker, cockatiel.timeout(10_000, cockatiel.TimeoutStrategy.Aggressive))
    return (value) => policy.execute(() => call(value))
  },
  'opossum, breaker + timeout': (call) => {
    const breaker = new CircuitBreaker(call, { timeout: 10_000 })
    return (value) => breaker.fire(value)
  },
  'p-retry + p-limit': (call) => {
    const limit = pLimit(16)
    return (value) => limit(() => pRetry(() => call(value), { retries: 2 }))
  },
}

/** The graph in Effect; it has no breaker. */
function effectGraph({ Effect, Schedule }) {
  const [a, b, c, d, e, f] = Array.from({ length: 6 }, () => {
    const semaphore = Effect.unsafeMakeSemaphore(16)
    return (input) =>
      semaphore
        .withPermits(1)(Effect.tryPromise(() => step(input)).pipe(Effect.timeout('10 seconds')))
        .pipe(Effect.retry({ times: 2, schedule: Schedule.jittered(Schedule.exponential('200 millis')) }))
  })
  const graph = (input) =>
    Effect.gen(function* () {
      const four = yield* Effect.all([a(input), b(input), c(input), d(input)], { concurrency: 'unbounded' })
      return yield* f(yield* e(four[0] + four[1] + four[2] + four[3]))
    })
  return (input) => Effect.runPromise(graph(input))
}

/** The graph in LangGraph, whose nodes write parts of one state. */
function stateGraph({ Annotation, END, START, StateGraph }) {
  const names = ['a', 'b', 'c', 'd', 'e', 'f']
  const State = Annotation.Root(
    Object.fromEntries(['input', ...names.map((name) => `${name}Out`)].map((name) => [name, Annotation()])),
  )
  const retryPolicy = { maxAttempts: 3 }
  const graph = new StateGraph(State)
  for (const name of names.slice(0, 4)) {
    graph.addNode(name, async ({ input }) => ({ [`${name}Out`]: await step(input) }), { retryPolicy })
    graph.addEdge(START, name)
  }
  const sum = ({ aOut, bOut, cOut, dOut }) => aOut + bOut + cOut + dOut
  graph.addNode('e', async (state) => ({ eOut: await step(sum(state)) }), { retryPolicy })
  graph.addNode('f', async ({ eOut }) => ({ fOut: await step(eOut) }), { retryPolicy })
  graph.addEdge(names.slice(0, 4), 'e').addEdge('e', 'f').addEdge('f', END)
  const compiled = graph.compile()
  return async (input) => (await compiled.invoke({ input })).fOut
}
