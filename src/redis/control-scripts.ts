import { lua } from './lua-pieces.js'
import { defineScript } from './script.js'

/**
 * STAMP: whether the store answers, and which life it lives.
 *
 * Input   KEYS ctl, log; ARGV candidate inc
 * Output  inc, gen, seq, now
 */
export const stampScript = defineScript(`${lua.GROUND}${lua.CONTROL}
local c = peek(KEYS[1], nil, ARGV[1])
if c.new then keep(KEYS[1], KEYS[2], c) end
return stamp(c)
`)

/**
 * BEAT: a sign of life for everybody, with the number of the newest message; counts nothing.
 *
 * Input   KEYS ctl; ARGV channel, sender
 * Output  1 sent, 0 there is no control record
 */
export const beatScript = defineScript(`
local c = redis.call('HMGET', KEYS[1], 'inc', 'gen', 'n', 'seq')
if not c[1] then return 0 end
redis.call('PUBLISH', ARGV[1], table.concat({ '1', c[1] .. '.' .. (c[2] or '0'), c[3], c[4], ARGV[2], 'beat', '' }, '|'))
return 1
`)

/**
 * RUN: compares the server's run id with the one seen last. Another one means that what was acknowledged in its last moments may be
 * gone: `replay` begins a new generation and leaps over every sequence number that may have been lost, `distrust` begins
 * a new incarnation, `trust` takes note.
 *
 * Input   KEYS ctl, log, a key that does not exist; ARGV candidate inc, run id, policy
 * Output  inc, gen, seq, now
 */
export const runIdScript = defineScript(`${lua.GROUND}${lua.CONTROL}
local run = redis.call('HGET', KEYS[1], 'run')
local changed = run and run ~= ARGV[2]
if changed and ARGV[3] == 'distrust' then redis.call('DEL', KEYS[1], KEYS[2]) end
local c = peek(KEYS[1], KEYS[2], ARGV[1])
keep(KEYS[1], KEYS[2], c)
if changed and ARGV[3] == 'replay' then
  redis.call('DEL', KEYS[3])
  c.seq = redis.call('HINCRBY', KEYS[1], 'seq', 4294967296)
  c.gen = whole(redis.call('HINCRBY', KEYS[1], 'gen', 1))
end
if run ~= ARGV[2] then
  redis.call('DEL', KEYS[3])
  redis.call('HSET', KEYS[1], 'run', ARGV[2])
end
return stamp(c)
`)
