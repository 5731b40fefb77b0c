import { advice, type Finding, ok, trouble } from './finding.js'
import { bytesText } from './text.js'

/** What `INFO` says, by field. */
export type ServerFacts = ReadonlyMap<string, string>

const LEAST_VERSION = [6, 2] as const
const NEARLY_FULL = 0.9

/** Pure: version, role, memory and persistence of a server, by what it says of itself. */
export function examineServer(facts: ServerFacts, isForbidden: boolean): Finding[] {
  const findings: Finding[] = []
  if (isForbidden) {
    const change = 'Allow +info: without it a restart of the server that kept old data goes unnoticed.'
    findings.push(advice('INFO', 'the user may not ask, or not for all of it', change))
  }
  const known = [version(facts), role(facts), eviction(facts), memory(facts), persistence(facts)]
  return [...findings, ...known.filter((finding) => finding !== undefined)]
}

function version(facts: ServerFacts): Finding | undefined {
  const valkey = facts.get('valkey_version')
  if (valkey !== undefined) return ok('version', `Valkey ${valkey}`)
  const redis = facts.get('redis_version')
  if (redis === undefined) return undefined
  const [major = 0, minor = 0] = redis.split('.').map(Number)
  const isEnough = major > LEAST_VERSION[0] || (major === LEAST_VERSION[0] && minor >= LEAST_VERSION[1])
  return isEnough
    ? ok('version', `Redis ${redis}`)
    : trouble('version', `Redis ${redis} is older than 6.2`, 'Use Redis 6.2 or later, or Valkey.')
}

function role(facts: ServerFacts): Finding | undefined {
  const found = facts.get('role')
  if (found === undefined) return undefined
  if (found === 'master') return ok('role', 'primary')
  const primary = facts.get('master_host')
  const where = primary === undefined ? 'the primary' : `the primary, ${primary}:${facts.get('master_port')}`
  return trouble(
    'role',
    'read-only replica: a stash does not use it, its reads may be old',
    `Name ${where}, or give the stash the options of the Sentinels.`,
  )
}

function eviction(facts: ServerFacts): Finding | undefined {
  const policy = facts.get('maxmemory_policy')
  if (policy === undefined) return undefined
  const limit = Number(facts.get('maxmemory') ?? 0)
  const isBounded = limit > 0
  const found = `maxmemory-policy ${policy}, maxmemory ${isBounded ? bytesText(limit) : 'not set'}`
  if (/^allkeys-l[rf]u$/.test(policy)) {
    return isBounded
      ? ok('eviction', found)
      : advice('eviction', found, 'Set maxmemory, or nothing is ever evicted and the host runs out of memory.')
  }
  const change =
    'Set maxmemory-policy allkeys-lru (or allkeys-lfu) and maxmemory: evicted entries are misses, never old values.'
  if (policy === 'noeviction') {
    const what = isBounded ? `${found}: once it is full, nothing more is stored` : `${found}: it grows without a bound`
    return advice('eviction', what, change)
  }
  const what = policy.startsWith('volatile-')
    ? `${found}: works, for entries have lifetimes; data of others without one are never evicted`
    : `${found}: works, but evicts what is used most, too`
  return advice('eviction', what, change)
}

function memory(facts: ServerFacts): Finding | undefined {
  const used = Number(facts.get('used_memory') ?? Number.NaN)
  if (Number.isNaN(used)) return undefined
  const limit = Number(facts.get('maxmemory') ?? 0)
  const evicted = Number(facts.get('evicted_keys') ?? 0)
  const found = `${bytesText(used)} used${limit > 0 ? ` of ${bytesText(limit)}` : ''}, ${evicted} keys evicted since the start`
  const isFull = limit > 0 && used >= limit * NEARLY_FULL
  if (!isFull) return ok('memory', found)
  return facts.get('maxmemory_policy') === 'noeviction'
    ? trouble(
        'memory',
        `${found}: nearly full, and nothing is evicted`,
        'Raise maxmemory, or set maxmemory-policy allkeys-lru.',
      )
    : advice('memory', `${found}: full, so it evicts`, 'If hit rates are low, raise maxmemory.')
}

function persistence(facts: ServerFacts): Finding | undefined {
  const aof = facts.get('aof_enabled')
  if (aof === undefined) return undefined
  const failures = [
    facts.get('rdb_last_bgsave_status') === 'err' && 'the last snapshot failed',
    facts.get('aof_last_write_status') === 'err' && 'the last append failed',
    facts.get('aof_last_bgrewrite_status') === 'err' && 'the last rewrite of the append-only file failed',
  ].filter((text) => text !== false)
  if (failures.length > 0) {
    const change = "Look at the server's log and disk: by default it takes no writes until a snapshot works again."
    return trouble('persistence', failures.join(', '), change)
  }
  if (facts.get('loading') === '1') return trouble('persistence', 'it is loading its data', 'Wait until it has.')
  if (aof === '1')
    return ok('persistence', 'append-only file: a crash loses a second at most, which onStoreRestart makes good')
  const found = 'no append-only file: after a restart the cache is cold, or as old as its last snapshot'
  return ok('persistence', `${found}, which onStoreRestart makes good`)
}
