import { readAdminStats } from './admin-stats.js'
import type { Call, Command } from './command.js'
import { examineFolder } from './doctor-folder.js'
import { examineHits } from './doctor-hits.js'
import { examineRedis } from './doctor-redis.js'
import { Failure, UsageError } from './failure.js'
import { type Finding, trouble } from './finding.js'
import { isFolderUrl, storeUrl } from './open-view.js'
import { count, jsonText, shown } from './text.js'

/** `hopstash doctor` */
export const doctorCommand: Command = {
  name: 'doctor',
  summary: 'Examines the store, and with --url the hit rates, and says what to change.',
  takes: '',
  atLeast: 0,
  atMost: 0,
  options: ['store', 'sentinel', 'prefix', 'url', 'token', 'max-bytes', 'json'],
  notes: [
    'Exit code 1 if there is trouble; advice alone is 0.',
    'Redis: writes and removes two keys of its own, within one script, to find out what the user may do.',
  ],
  async run(call) {
    const url = storeUrl(call)
    const adminUrl = call.values.url
    if (url === undefined && adminUrl === undefined)
      throw new UsageError('Examine what? Give --store URL, set CACHE_URL, or give --url.')
    const findings: Finding[] = []
    if (url !== undefined) findings.push(...(await (isFolderUrl(url) ? examineFolder : examineRedis)(call, url)))
    if (adminUrl !== undefined) findings.push(...(await hits(call, adminUrl)))
    const troubles = findings.filter(({ level }) => level === 'trouble').length
    if (call.values.json) call.io.out(jsonText({ healthy: troubles === 0, findings }))
    else print(call, findings, troubles)
    return troubles === 0 ? 0 : 1
  },
}

async function hits(call: Call, url: string): Promise<Finding[]> {
  try {
    return examineHits(await readAdminStats(call, url))
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return [
      trouble('admin handler', error.message, 'Open /stats there yourself; docs/admin.md tells how it is mounted.'),
    ]
  }
}

function print({ io, paint }: Call, findings: readonly Finding[], troubles: number): void {
  const width = Math.max(...findings.map(({ check }) => check.length))
  const paints = { ok: paint.good, advice: paint.warn, trouble: paint.bad }
  for (const { check, level, found, change } of findings) {
    io.out(`${paints[level](level.padEnd(7))}  ${check.padEnd(width)}  ${shown(found)}\n`)
    if (change !== undefined) io.out(`${' '.repeat(width + 11)}-> ${shown(change)}\n`)
  }
  const pieces = findings.filter(({ level }) => level === 'advice').length
  const words = [
    troubles === 0 ? paint.good('no trouble') : paint.bad(count(troubles, 'trouble')),
    pieces === 0 ? 'no advice' : count(pieces, 'piece of advice', 'pieces of advice'),
  ]
  io.out(`\n${words.join(', ')}\n`)
}
