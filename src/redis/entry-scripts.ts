import { lua } from './lua-pieces.js'
import { defineScript } from './script.js'

/**
 * READ: the entry, and the markers that concern it. The hottest script, so it is written out: what a hit does not need is
 * not defined, and a body does not pass through it unless it is asked to. A GET of the same key is sent right before it,
 * and both belong together if they show the same header.
 *
 * Input   KEYS entry, token, ctl, log, marker `*`, marker of the namespace
 *         ARGV candidate inc, prefix of markers, namespace, known id, token or '', its life in ms, '1' to
 *         have the body too
 * Output  inc, gen, seq, now in s and the rest of it in µs, token or '', found, bytes, then hard and soft of each marker
 *         (-1 absent), the two of KEYS first, then `t/<namespace>/<tag>` and `t//<tag>` of each tag.
 *         found: 0 nothing, 1 the known entry (bytes = its header), 2 an entry (bytes = its header, or all of it), 3 something
 *         that is none, 4 an entry that is not valid (bytes = its header: nobody may have its value)
 */
export const readScript = defineScript(`
local call, pcall, sub, number = redis.call, redis.pcall, string.sub, tonumber
local known, found, bytes, size, count, startSeq = ARGV[4], 0, '', 0, 0, -1
local e = pcall('GETRANGE', KEYS[1], 0, ARGV[7] == '1' and -1 or 1023)
if type(e) == 'table' then found = 3
elseif e ~= '' then
  if #e > 133 and sub(e, 1, 3) == '\\193\\72\\1' then
    size = struct.unpack('<H', e, 5)
    if size > #e then e = call('GETRANGE', KEYS[1], 0, size - 1) end
  end
  if size == 0 or size > #e then found = 3
  else
    startSeq, count, found = struct.unpack('<d', e, 41), struct.unpack('<H', e, 117), 2
    local shown = sub(e, 9, 24)
    if struct.unpack('<d', e, 57) % 1 ~= 0 then shown = shown .. 'x' end
    if shown == known then found = 1 end
    bytes = found == 2 and ARGV[7] == '1' and e or sub(e, 1, size)
  end
end
local c = call('HMGET', KEYS[3], 'inc', 'seq', 'gen')
local inc = c[1]
if not inc then
  inc, c[2], c[3] = ARGV[1], '1', '0'
  call('DEL', KEYS[4])
  call('HSET', KEYS[3], 'inc', inc, 'seq', '1', 'n', '0', 'gen', '0')
  call('ZADD', KEYS[4], '1', '')
end
local texts
if count == 0 then texts = call('MGET', KEYS[5], KEYS[6])
else
  local keys, at, own, every = { KEYS[5], KEYS[6] }, 119, ARGV[2] .. 't/' .. ARGV[3] .. '/', ARGV[2] .. 't//'
  for i = 1, count do
    if at + 1 > size then break end
    local next = at + 2 + struct.unpack('<H', e, at)
    local tag = sub(e, at + 2, next - 1)
    keys[2 * i + 1], keys[2 * i + 2], at = own .. tag, every .. tag, next
  end
  texts = {}
  for from = 1, #keys, 4000 do
    local part = call('MGET', unpack(keys, from, math.min(from + 3999, #keys)))
    for i = 1, #part do texts[from + i - 1] = part[i] end
  end
end
local t = call('TIME')
local reply = { inc, c[3] or '0', number(c[2]), number(t[1]), number(t[2]), '', found, bytes }
local valid, width = (found == 1 or found == 2) and sub(e, 25, 40) == inc, #inc
for i = 1, #texts do
  local text, hard, soft = texts[i], -1, -1
  if text and sub(text, 1, width) == inc then
    local colon = string.find(text, ':', width + 2, true)
    if colon then hard, soft = number(sub(text, width + 2, colon - 1)) or -1, number(sub(text, colon + 1)) or -1 end
  end
  if hard < 0 or hard > startSeq then valid = false end
  reply[7 + 2 * i], reply[8 + 2 * i] = hard, soft
end
if not valid then
  if found == 2 then reply[7], reply[8] = 4, sub(e, 1, size) end
  if ARGV[5] ~= '' then
    local token = pcall('GET', KEYS[2])
    if type(token) ~= 'string' then
      call('DEL', KEYS[2])
      call('SET', KEYS[2], ARGV[5], 'PX', ARGV[6])
      token = ARGV[5]
    end
    reply[6] = token
  end
end
return reply
`)

/**
 * TOKEN: the present token of a key, else this one.
 *
 * Input   KEYS token; ARGV candidate, life in ms
 * Output  the token
 */
export const tokenScript = defineScript(`
local token = redis.pcall('GET', KEYS[1])
if type(token) == 'string' then return token end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]
`)

/**
 * WRITE: what a load brought, if the key's token is still there and no marker outranks the load.
 *
 * Input   KEYS entry, token, ctl, log, draft, markers; ARGV candidate inc, expected inc.gen, startSeq, token, life of the entry,
 *         latest instant, where names begin in marker keys, header, body, channel, sender, 'done', 'key' or '' for nobody, x,
 *         '1' if the body is in the draft
 * Output  inc, gen, seq, now, outcome, then hard and soft of each marker
 *         outcome: 0 written, 1 refused, 2 dead, 3 full (the store takes no more bytes)
 */
export const writeScript = defineScript(`${lua.GROUND}${lua.CONTROL}${lua.MARKERS}${lua.BUS}${lua.HEADER}${lua.PLACE}
local c = peek(KEYS[3], KEYS[4], ARGV[1])
local draft = ARGV[14] == '1' and KEYS[5] or ''
local list = wouldBe(c, KEYS[4], KEYS, 6, tonumber(ARGV[7]))
local startSeq, outcome = tonumber(ARGV[3]), 0
if c.inc .. '.' .. c.gen ~= ARGV[2] then outcome = 2 end
for _, m in ipairs(list) do if m.hard > startSeq then outcome = 2 end end
if outcome == 0 and (redis.pcall('GET', KEYS[2]) ~= ARGV[4] or millis() > tonumber(ARGV[6])) then outcome = 1 end
if outcome == 0 then
  local failed
  outcome, failed = place(KEYS[1], draft, stamped(ARGV[8], c.inc, startSeq), ARGV[9], ARGV[5], KEYS[2])
  if failed then return failed end
end
if outcome ~= 0 then drop(draft) end
keep(KEYS[3], KEYS[4], c)
if outcome == 0 then ensure(c, list, ARGV[5]) end
if ARGV[12] == 'key' and outcome == 0 then tell(KEYS[3], c, ARGV[10], ARGV[11], 'key', ARGV[13])
elseif ARGV[12] == 'done' and (outcome == 0 or outcome == 3) then
  whisper(ARGV[10], ARGV[11], outcome == 0 and 'done' or 'alone', ARGV[13])
end
local reply = stamp(c)
reply[5] = outcome
return flat(reply, list)
`)

/**
 * SET: stored with the present sequence number, the token removed, peers told.
 *
 * Input   KEYS entry, token, ctl, log, draft, markers; ARGV candidate inc, life of the entry, latest instant,
 *         where names begin in marker keys, channel, sender, x, header, body, '1' if the body is in the draft
 * Output  inc, gen, seq, now, outcome, then hard and soft of each marker
 *         outcome: 0 written, 1 late, 3 full (then the old value is gone all the same)
 */
export const setScript = defineScript(`${lua.GROUND}${lua.CONTROL}${lua.MARKERS}${lua.BUS}${lua.HEADER}${lua.PLACE}
local c = peek(KEYS[3], KEYS[4], ARGV[1])
local draft = ARGV[10] == '1' and KEYS[5] or ''
local list = wouldBe(c, KEYS[4], KEYS, 6, tonumber(ARGV[4]))
local outcome, failed = 1, nil
if millis() <= tonumber(ARGV[3]) then
  outcome, failed = place(KEYS[1], draft, stamped(ARGV[8], c.inc, c.seq), ARGV[9], ARGV[2], KEYS[2])
  if failed then return failed end
end
if outcome ~= 0 then drop(draft) end
keep(KEYS[3], KEYS[4], c)
if outcome == 0 then ensure(c, list, ARGV[2]) end
if outcome ~= 1 then tell(KEYS[3], c, ARGV[5], ARGV[6], 'key', ARGV[7]) end
local reply = stamp(c)
reply[5] = outcome
return flat(reply, list)
`)
