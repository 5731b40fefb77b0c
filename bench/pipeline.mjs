import { setMaxListeners } from 'node:events'
import CircuitBreaker from 'opossum'
import pLimit from 'p-limit'
import pRetry from 'p-retry'
import { importHopstash } from './build.mjs'
import { measure, same } from './harness.mjs'

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
  const goals = [{ of: 'hopstash, resilient', to: 'plain await', atMost: 12 }]
  return [await measure({ ...single, goals }, pace), await measure(hundred(contenders), pace)]
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
