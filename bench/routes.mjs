import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Pool } from 'undici'
import { median, quartiles, ratios, verdict } from './harness.mjs'

const FRAMEWORKS = ['express', 'fastify', 'hono', 'node:http']
const CONNECTIONS = 32
const REQUESTS = 1500

/** Processor time of a server for one request: its route cached, against the same route returning a constant. */
export async function bench(pace) {
  const tables = []
  for (const framework of FRAMEWORKS) tables.push(await compare(framework, pace))
  return tables
}

async function compare(framework, { rounds }) {
  const lanes = await Promise.all([
    startLane(framework, 'constant', 'limit'),
    startLane(framework, 'cached', 'ours'),
    startLane(framework, 'cached', 'twin'),
    // As middleware a cache makes two handlers of one, which are more work for Hono: what of the distance is its own?
    ...(framework === 'hono' ? [startLane(framework, 'middleware', 'form'), startLane(framework, 'bare', 'peer')] : []),
  ])
  try {
    for (const lane of lanes) for (let warm = 0; warm < 3; warm++) await sample(lane)
    for (let round = 0; round < rounds; round++) {
      for (let index = 0; index < lanes.length; index++) {
        const lane = lanes[(index + round) % lanes.length]
        lane.nanos.push(((await sample(lane)) / REQUESTS) * 1e6)
      }
    }
  } finally {
    for (const { child, pool } of lanes) {
      await pool.close()
      child.disconnect()
    }
  }
  const [base, ours, twin] = lanes
  return {
    title: `${framework}: a cached route, processor time of the server`,
    operation: 'one request of 1 KB',
    base: base.name,
    rows: lanes.map(({ name, kind, nanos }) => ({
      name,
      kind,
      nanos: quartiles(nanos),
      speed: quartiles(ratios(base.nanos, nanos)),
    })),
    noise: quartiles(ratios(ours.nanos, twin.nanos)),
    goals: [verdict({ of: ours.name, to: base.name, atMost: 1.25 }, median(ratios(ours.nanos, base.nanos)))],
  }
}

async function startLane(framework, form, kind) {
  const child = fork(fileURLToPath(new URL('./routes-child.mjs', import.meta.url)), [framework, form])
  const [{ port }] = await once(child, 'message')
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: CONNECTIONS })
  const what = {
    limit: 'constant',
    ours: 'cached',
    twin: 'cached (A/A)',
    form: 'cached, as middleware',
    peer: 'bare middleware, the same answer',
  }[kind]
  const name = `${framework}, ${what}`
  return { name, kind, child, pool, nanos: [] }
}

async function sample({ child, pool }) {
  const before = await cpuMsOf(child)
  let left = REQUESTS
  const ask = async () => {
    while (left-- > 0) {
      const { statusCode, body } = await pool.request({ path: '/jobs', method: 'GET' })
      await body.dump()
      if (statusCode !== 200) throw new Error(`the server answers ${statusCode}`)
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, ask))
  return (await cpuMsOf(child)) - before
}

async function cpuMsOf(child) {
  const told = once(child, 'message')
  child.send('cpu')
  const [{ cpuMs }] = await told
  return cpuMs
}
