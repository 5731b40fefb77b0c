import { lua } from './lua-pieces.js'
import { defineScript } from './script.js'

// The index of a subject is a sorted set at the control key: texts of keys, scored by when their entries end at the latest.

/**
 * MARK: an entry about the subject is going to be written. Passes at the server's memory limit, as invalidations do: what
 * cannot be found cannot be erased.
 *
 * Input   KEYS index, a key that does not exist, the subject's marker; ARGV text of the key, life of the entry
 * Output  the marker, '' if there is none
 */
export const markScript = defineScript(`${lua.GROUND}
redis.call('DEL', KEYS[2])
local now, life = millis(), tonumber(ARGV[2])
local pruned = redis.pcall('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if type(pruned) == 'table' then redis.call('DEL', KEYS[1]) end
redis.call('ZADD', KEYS[1], whole(now + life), ARGV[1])
if redis.call('PTTL', KEYS[1]) < life + 86400000 then redis.call('PEXPIRE', KEYS[1], whole(life + 86400000)) end
local marker = redis.pcall('GET', KEYS[3])
return type(marker) == 'string' and marker or ''
`)

/**
 * LIST: the first of what is marked.
 *
 * Input   KEYS index; ARGV how many at most
 * Output  how many there are, then text and score of each
 */
export const listScript = defineScript(`
local size = redis.pcall('ZCARD', KEYS[1])
if type(size) == 'table' then return { 0 } end
local list = redis.call('ZRANGE', KEYS[1], 0, tonumber(ARGV[1]) - 1, 'WITHSCORES')
table.insert(list, 1, size)
return list
`)

/**
 * UNMARK: what has been erased, unless it was marked anew meanwhile.
 *
 * Input   KEYS index; ARGV text and score of each
 * Output  how many were taken out
 */
export const unmarkScript = defineScript(`
local out = 0
for at = 1, #ARGV, 2 do
  if redis.call('ZSCORE', KEYS[1], ARGV[at]) == ARGV[at + 1] then out = out + redis.call('ZREM', KEYS[1], ARGV[at]) end
end
return out
`)
