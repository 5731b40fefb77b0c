import type { ResolvedSource } from '../redis/redis-source.js'
import type { SendCommand } from '../redis/script.js'
import { listOf, textOf } from '../stores/redis-replies.js'
import type { Call } from './command.js'
import { examineMessages } from './doctor-messages.js'
import { examineRights } from './doctor-rights.js'
import { examineServer, type ServerFacts } from './doctor-server.js'
import { advice, type Finding, ok, trouble } from './finding.js'
import type { RedisPatient } from './redis-patient.js'
import { type RedisPlace, reach } from './redis-place.js'
import { durationText } from './text.js'
import { Unreachable } from './unreachable.js'

const PINGS = 100
/** The default budget of a command. */
const BUDGET_MS = 250
const SLOW_MS = 25
const MOST_SKEW_MS = 5000
const SECTIONS = ['server', 'replication', 'memory', 'persistence', 'stats']

/** Examines a Redis or Valkey. Never rejects for what is wrong with it: that is a finding. */
export async function examineRedis(call: Call, url: string): Promise<Finding[]> {
  const { values, clock } = call
  let place: RedisPlace
  try {
    place = await reach(call, url)
  } catch (error) {
    if (error instanceof Unreachable) return [trouble('connection', error.message, error.change)]
    throw error
  }
  const patient: RedisPatient = { ...place, clock }
  const { source, connection } = place
  try {
    const servers = await Promise.all(place.nodes().map(serverFacts))
    const [first] = servers as [ServerReport]
    return [
      ok('connection', `${source.address} answers`),
      transport(source),
      ...(source.cluster === undefined
        ? []
        : [ok('cluster', `${servers.length} primaries, all slots are served; ${NOT_BY_URL}`)]),
      ...worstOf(servers.map(({ facts, forbidden }) => examineServer(facts, forbidden))),
      ...(await examineRights(patient, first.facts)),
      await examineMessages(patient),
      ...(await examineTime(patient)),
      await examineUse(patient, values.prefix),
    ]
  } finally {
    await connection.close()
  }
}

/** What is typed here is a URL, which a stash takes for one server. */
const NOT_BY_URL = 'a stash needs { rootNodes: [{ url }] } here, not the URL alone'

function transport({ warnings }: ResolvedSource): Finding {
  return warnings.length === 0
    ? ok('transport', 'local, or encrypted and with a password')
    : advice(
        'transport',
        `remote and ${warnings.join(', and ')}`,
        'Outside of a private network use rediss://user:password@host.',
      )
}

/** Of several servers, of each thing that was examined the worst that was found. */
function worstOf(reports: readonly Finding[][]): Finding[] {
  const worst = new Map<string, Finding>()
  for (const finding of reports.flat()) {
    const known = worst.get(finding.check)
    if (known === undefined || LEVELS.indexOf(finding.level) > LEVELS.indexOf(known.level))
      worst.set(finding.check, finding)
  }
  return [...worst.values()]
}

const LEVELS: readonly Finding['level'][] = ['ok', 'advice', 'trouble']

interface ServerReport {
  readonly facts: ServerFacts
  readonly forbidden: boolean
}

async function serverFacts(send: SendCommand): Promise<ServerReport> {
  const facts = new Map<string, string>()
  let forbidden = false
  for (const section of SECTIONS) {
    const text = await send(['INFO', section]).then(textOf, () => undefined)
    forbidden ||= text === undefined
    for (const line of text?.split('\r\n') ?? []) {
      const colon = line.indexOf(':')
      if (colon > 0) facts.set(line.slice(0, colon), line.slice(colon + 1))
    }
  }
  return { facts, forbidden }
}

async function examineTime({ connection, clock }: RedisPatient): Promise<Finding[]> {
  const times: number[] = []
  try {
    for (let left = PINGS; left > 0; left--) {
      const sentAt = clock.now()
      await connection.send(['PING'])
      times.push(clock.now() - sentAt)
    }
    const sentAt = clock.wall()
    const [seconds, micros] = listOf(await connection.send(['TIME'])).map(textOf)
    const skewMs = Number(seconds) * 1000 + Number(micros) / 1000 - (sentAt + clock.wall()) / 2
    return [latency(times), skew(skewMs)]
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error)
    return [trouble('latency', `PING or TIME failed: ${what}`, 'Allow +@connection +time, and look at the connection.')]
  }
}

function latency(times: number[]): Finding {
  times.sort((a, b) => a - b)
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0
  const found = `${PINGS} pings: p50 ${at(0.5).toFixed(2)} ms, p99 ${at(0.99).toFixed(2)} ms`
  if (at(0.5) > BUDGET_MS / 2) {
    return trouble('latency', found, `A command has ${BUDGET_MS} ms: move the store nearer, or raise storeTimeout.`)
  }
  if (at(0.99) <= SLOW_MS) return ok('latency', found)
  return advice(
    'latency',
    found,
    'Look at SLOWLOG, at large values, at swapping, and at the way there; is it in the same region?',
  )
}

function skew(skewMs: number): Finding {
  const found = `${Math.abs(skewMs) < 100 ? 'the same as here' : `${durationText(Math.abs(skewMs))} ${skewMs > 0 ? 'ahead' : 'behind'}`}`
  if (Math.abs(skewMs) < MOST_SKEW_MS) return ok('clock', found)
  return advice('clock', found, 'Nothing is decided by it, but logs of both hosts will not fit: run NTP on both.')
}

async function examineUse({ connection, keys }: RedisPatient, prefix: string): Promise<Finding> {
  const reply = await connection.send(['HMGET', keys.control, 'inc', 'seq']).catch((error: unknown) => error)
  if (reply instanceof Error) {
    return trouble(
      'stash',
      `${keys.control} cannot be read: ${reply.message}`,
      'Another application may use the prefix: give the stash one of its own.',
    )
  }
  const [inc] = listOf(reply)
  if (inc === null)
    return advice(
      'stash',
      `no stash has used the prefix '${prefix}' here yet`,
      'If one should have: give its --prefix, and the database in the URL.',
    )
  return ok('stash', `the prefix '${prefix}' is in use`)
}
