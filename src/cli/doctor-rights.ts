import { randomBytes } from 'node:crypto'
import { defineScript, runScript } from '../redis/script.js'
import type { ServerFacts } from './doctor-server.js'
import { type Finding, ok, trouble } from './finding.js'
import type { RedisPatient } from './redis-patient.js'

/**
 * PROBE: tries every command that the package's scripts use, on two keys that are gone again when it ends. What is missing is what the user may not do.
 *
 * Input   KEYS one of the control keys' form, one of the entries' form
 * Output  names of what failed for want of a right, or is not there
 */
const probeScript = defineScript(`
local control, entry, missing = KEYS[1], KEYS[2], {}
local function try(name, ...)
  local reply = redis.pcall(name, ...)
  if type(reply) == 'table' and reply.err then
    local err = string.lower(reply.err)
    if string.find(err, 'noperm') or string.find(err, 'permission') or string.find(err, 'acl') or string.find(err, 'unknown')
      or string.find(err, "can't run this command") then missing[#missing + 1] = string.lower(name) end
  end
end
for _, key in ipairs(KEYS) do
  try('DEL', key)
  try('SET', key, 'probe', 'PX', '1000')
  try('GET', key)
  try('MGET', key)
  try('EXISTS', key)
  try('GETRANGE', key, 0, 1)
  try('SETRANGE', key, 0, 'p')
  try('PTTL', key)
  try('PEXPIRE', key, 1000)
  try('RENAME', key, key)
  try('UNLINK', key)
end
try('HSET', control, 'n', '0')
try('HGET', control, 'n')
try('HMGET', control, 'n')
try('HINCRBY', control, 'n', 1)
try('DEL', control)
try('ZADD', control, 1, 'probe')
try('ZSCORE', control, 'probe')
try('ZCARD', control)
try('ZRANGE', control, 0, 0)
try('ZREM', control, 'probe')
try('ZREMRANGEBYSCORE', control, '-inf', 0)
try('ZREMRANGEBYRANK', control, 0, 0)
redis.pcall('DEL', control, entry)
try('TIME')
if not struct then missing[#missing + 1] = 'the struct library of scripts' end
return missing
`)

/** Whether a script may touch a key that it was not told of before. */
const undeclaredScript = defineScript(`return redis.call('EXISTS', ARGV[1])`)

const COMMANDS =
  'Allow ~{PREFIX}* ~{PREFIX:* &{PREFIX}:bus +@read +@write +@scripting +@pubsub +@connection +info +time.'

/** Finds out whether scripts work, and whether the user may do what a stash does. */
export async function examineRights(patient: RedisPatient, facts: ServerFacts): Promise<Finding[]> {
  // A replica refuses every write: that has been found already, and says nothing of rights.
  if (facts.get('role') === 'slave') return []
  const { connection, keys } = patient
  const name = `doctor-${randomBytes(6).toString('hex')}`
  const control = `${keys.control}${name}`
  const prefix = keys.control.slice(1, -'}:'.length)
  const { send } = connection
  const change = COMMANDS.replaceAll('PREFIX', prefix)
  const probed = await probe(patient, control, `{${prefix}:${name}}:x`)
  if (!Array.isArray(probed)) return [trouble('scripts', `scripts do not work: ${wordOf(probed)}`, change)]
  const undeclared = await runScript(send, undeclaredScript, [], [control]).catch((error: unknown) => error)
  const plain = await Promise.all([
    ...[
      ['GET', control],
      ['MGET', control],
      ['SCAN', '0', 'MATCH', control, 'COUNT', '1'],
      ['STRLEN', control],
    ].map(async ([command = '', ...args]) =>
      (await refuses(send([command, ...args]))) ? command.toLowerCase() : undefined,
    ),
  ])
  const missing = [...new Set([...probed.map(String), ...plain.filter((command) => command !== undefined)])]
  return [
    undeclared instanceof Error
      ? trouble(
          'scripts',
          `scripts may not touch keys they were not told of: ${wordOf(undeclared)}`,
          'The names of tags are known from the entry only: use Redis or Valkey, or allow undeclared keys.',
        )
      : ok('scripts', 'work'),
    missing.length === 0
      ? ok('rights', 'everything a stash needs is allowed')
      : trouble('rights', `not allowed: ${missing.join(', ')}`, change),
  ]
}

async function refuses(sent: Promise<unknown>): Promise<boolean> {
  return sent.then(
    () => false,
    () => true,
  )
}

/** What may not be done; or why that was not to be found out. */
async function probe({ source, connection }: RedisPatient, control: string, entry: string): Promise<unknown> {
  // Within one node the keys may be of two slots; within a Cluster each brings another one of its own.
  const pairs =
    source.cluster === undefined
      ? [[control, entry]]
      : [
          [control, `${control}x`],
          [entry, `${entry}x`],
        ]
  const replies = await Promise.all(
    pairs.map((keys) => runScript(connection.send, probeScript, keys, []).catch((error: unknown) => error)),
  )
  return replies.every(Array.isArray) ? replies.flat() : replies.find((reply) => !Array.isArray(reply))
}

function wordOf(error: unknown): string {
  return error instanceof Error ? (error.message.split('\n')[0] as string).slice(0, 160) : 'unexpected reply'
}
