import { lua } from './lua-pieces.js'
import { defineScript } from './script.js'

// On a Cluster a script has one slot: what one script does elsewhere are several here, in the order of docs/protocol.md.

/**
 * ENSURE, at the control key: absent markers are made of the log, present ones live long enough.
 *
 * Input   KEYS ctl, log, a key that does not exist, markers; ARGV candidate inc, life of the entry, where names begin
 *         in marker keys
 * Output  inc, gen, seq, now, then hard and soft of each marker
 */
export const ensureScript = defineScript(`${lua.GROUND}${lua.CONTROL}${lua.MARKERS}
local c = peek(KEYS[1], KEYS[2], ARGV[1])
local list = wouldBe(c, KEYS[2], KEYS, 4, tonumber(ARGV[3]))
redis.call('DEL', KEYS[3])
keep(KEYS[1], KEYS[2], c)
ensure(c, list, ARGV[2])
return flat(stamp(c), list)
`)

/**
 * PUT, at the entry: stored if the token is still there, or without one, and not too late by this node's time. The token is
 * used up. Followers of a lease are told, which any node can do.
 *
 * Input   KEYS entry, token, draft; ARGV token or '', life of the entry, latest instant, inc, startSeq, header, body, channel,
 *         sender, '1' to tell followers, x, '1' if the body is in the draft
 * Output  0 written, 1 refused or late, 3 full (the old value is gone all the same)
 */
export const putScript = defineScript(`${lua.GROUND}${lua.BUS}${lua.HEADER}${lua.PLACE}
local draft = ARGV[12] == '1' and KEYS[3] or ''
if (ARGV[1] ~= '' and redis.pcall('GET', KEYS[2]) ~= ARGV[1]) or millis() > tonumber(ARGV[3]) then
  drop(draft)
  return 1
end
local outcome, failed = place(KEYS[1], draft, stamped(ARGV[6], ARGV[4], tonumber(ARGV[5])), ARGV[7], ARGV[2], KEYS[2])
if failed then return failed end
if outcome ~= 0 then drop(draft) end
if ARGV[10] == '1' then whisper(ARGV[8], ARGV[9], outcome == 0 and 'done' or 'alone', ARGV[11]) end
return outcome
`)

/**
 * SOFTEN, at the entry: its freshness ends, the token is removed.
 *
 * Input   KEYS entry, token; ARGV the control key's time
 * Output  1
 */
export const softenScript = defineScript(`${lua.HEADER}${lua.SOFTEN}
redis.call('DEL', KEYS[2])
soften(KEYS[1], tonumber(ARGV[1]))
return 1
`)

/**
 * TELL, at the control key: peers hear of a key.
 *
 * Input   KEYS ctl, log; ARGV candidate inc, channel, sender, kind, x
 * Output  inc, gen, seq, now
 */
export const tellScript = defineScript(`${lua.GROUND}${lua.CONTROL}${lua.BUS}
local c = peek(KEYS[1], nil, ARGV[1])
if c.new then keep(KEYS[1], KEYS[2], c) end
tell(KEYS[1], c, ARGV[2], ARGV[3], ARGV[4], ARGV[5])
return stamp(c)
`)
