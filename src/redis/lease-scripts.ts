import { lua } from './lua-pieces.js'
import { defineScript } from './script.js'

/**
 * LEASE: the token of a key for one loader alone, if the key's entry is the one its reader saw.
 *
 * Input   KEYS entry, token; ARGV candidate, life in ms, id seen or '' for no entry, '1' to compare it
 * Output  outcome, token, ms left: 0 the candidate has it, 1 somebody else has, 2 another entry is there
 */
export const leaseScript = defineScript(`
if ARGV[4] == '1' then
  local e, shown = redis.pcall('GETRANGE', KEYS[1], 0, 133), ''
  if type(e) == 'string' and #e == 134 and string.sub(e, 1, 3) == '\\193\\72\\1' then
    shown = string.sub(e, 9, 24)
    if struct.unpack('<d', e, 57) % 1 ~= 0 then shown = shown .. 'x' end
  end
  if shown ~= ARGV[3] then return { 2, '', 0 } end
end
local token = redis.pcall('GET', KEYS[2])
if type(token) == 'string' then
  local left = redis.call('PTTL', KEYS[2])
  if left > 0 then return { 1, token, left } end
end
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return { 0, ARGV[1], tonumber(ARGV[2]) }
`)

/**
 * RENEW: a lease that is still held lives on.
 *
 * Input   KEYS token; ARGV token, life in ms
 * Output  1 renewed, 0 it is gone, or somebody else's
 */
export const renewScript = defineScript(`
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`)

/**
 * RELEASE: a lease that is still held is given back, and followers are told.
 *
 * Input   KEYS token; ARGV token, channel, sender, 'done' or 'alone', x
 * Output  1 given back, 0 it is gone, or somebody else's
 */
export const releaseScript = defineScript(`${lua.BUS}
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
whisper(ARGV[2], ARGV[3], ARGV[4], ARGV[5])
return 1
`)
