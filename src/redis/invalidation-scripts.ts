import { lua } from './lua-pieces.js'
import { defineScript } from './script.js'

/**
 * KILL: entry and token removed, peers told.
 *
 * Input   KEYS entry, token, ctl, log; ARGV candidate inc, channel, sender, x
 * Output  inc, gen, seq, now
 */
export const killScript = defineScript(`${lua.GROUND}${lua.CONTROL}${lua.BUS}
redis.call('UNLINK', KEYS[1], KEYS[2])
local c = peek(KEYS[3], nil, ARGV[1])
if c.new then keep(KEYS[3], KEYS[4], c) end
tell(KEYS[3], c, ARGV[2], ARGV[3], 'key', ARGV[4])
return stamp(c)
`)

/**
 * EXPIRE: the entry's freshness ends, the token is removed, peers told.
 *
 * Input   KEYS entry, token, ctl, log; ARGV candidate inc, channel, sender, x
 * Output  inc, gen, seq, now
 */
export const expireScript = defineScript(`${lua.GROUND}${lua.CONTROL}${lua.BUS}${lua.HEADER}${lua.SOFTEN}
redis.call('DEL', KEYS[2])
soften(KEYS[1], millis())
local c = peek(KEYS[3], nil, ARGV[1])
if c.new then keep(KEYS[3], KEYS[4], c) end
tell(KEYS[3], c, ARGV[2], ARGV[3], 'key', ARGV[4])
return stamp(c)
`)

/**
 * BUMP: the next sequence number into each marker and the log, peers told. The log keeps so many names; the score of the
 * newest one dropped becomes its floor.
 *
 * Input   KEYS ctl, log, a key that does not exist, markers; ARGV candidate inc, 'delete' or 'expire', where names
 *         begin in marker keys, channel, sender, x, most names in the log
 * Output  inc, gen, seq, now
 */
export const bumpScript = defineScript(`${lua.GROUND}${lua.CONTROL}${lua.MARKERS}${lua.BUS}
local c = peek(KEYS[1], KEYS[2], ARGV[1])
local nameAt = tonumber(ARGV[3])
local list = wouldBe(c, KEYS[2], KEYS, 4, nameAt)
redis.call('DEL', KEYS[3])
keep(KEYS[1], KEYS[2], c)
c.seq = redis.call('HINCRBY', KEYS[1], 'seq', 1)
for _, m in ipairs(list) do
  if ARGV[2] == 'delete' then m.hard = c.seq else m.soft = c.seq end
  local life = whole(math.max(91 * 86400000, redis.call('PTTL', m.key)))
  redis.call('SET', m.key, c.inc .. ':' .. whole(m.hard) .. ':' .. whole(m.soft), 'PX', life)
  redis.call('ZADD', KEYS[2], whole(c.seq), string.sub(m.key, nameAt))
end
local over = redis.call('ZCARD', KEYS[2]) - tonumber(ARGV[7])
if over > 0 then
  local dropped = redis.call('ZPOPMIN', KEYS[2], over)
  redis.call('ZADD', KEYS[2], dropped[#dropped], '')
end
tell(KEYS[1], c, ARGV[4], ARGV[5], 'names', ARGV[2] .. '|' .. ARGV[6])
return stamp(c)
`)
