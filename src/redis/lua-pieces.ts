/**
 * The store's time in whole ms, numbers as texts that never fall into exponent notation, and lists longer than Lua's stack.
 */
const GROUND = `
local function millis()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end
local function whole(n) return string.format('%.0f', n) end
local function mget(keys, from)
  local found = {}
  for at = from, #keys, 4000 do
    local part = redis.call('MGET', unpack(keys, at, math.min(at + 3999, #keys)))
    for i = 1, #part do found[#found + 1] = part[i] end
  end
  return found
end
`

/**
 * `peek`: the control record as it is, or as \`keep\` will write it. All decisions are taken before the first write, so that
 * the one large write of a script can be that first write: Redis checks its memory limit at the first write only.
 *
 * `keep` begins with DEL for the same reason: a DEL is let through at the limit, and so is what follows it. Invalidations
 * must not fail for want of memory.
 */
const CONTROL = `
local function peek(ctl, log, candidate)
  local c = redis.call('HMGET', ctl, 'inc', 'seq', 'gen')
  if not c[1] then return { inc = candidate, seq = 1, gen = '0', floor = 1, new = true, bare = true } end
  local floor = log and redis.call('ZSCORE', log, '')
  return { inc = c[1], seq = tonumber(c[2]), gen = c[3] or '0', floor = tonumber(floor or c[2]), bare = log and not floor }
end
local function keep(ctl, log, c)
  if c.bare then redis.call('DEL', log) end
  if c.new then redis.call('HSET', ctl, 'inc', c.inc, 'seq', '1', 'n', '0', 'gen', '0') end
  if c.bare then redis.call('ZADD', log, whole(c.floor), '') end
end
local function stamp(c)
  return { c.inc, c.gen, c.seq, millis() }
end
`

/**
 * Markers are texts \`inc:hard:soft\`; one of another incarnation counts as absent. \`wouldBe\` is what ENSURE makes of an
 * absent one: the log's number of that name, else the log's floor; never the writer's own, never simply now. A marker
 * outlives every entry it concerns by a day; writers renew it, in steps of a week.
 */
const MARKERS = `
local function numbers(text, inc)
  if not text then return nil end
  local of, hard, soft = string.match(text, '^([^:]+):(%d+):(%d+)$')
  if of ~= inc then return nil end
  return tonumber(hard), tonumber(soft)
end
local function wouldBe(c, log, keys, from, nameAt)
  local texts = c.new and {} or mget(keys, from)
  local list = {}
  for i = from, #keys do
    local hard, soft = numbers(texts[i - from + 1], c.inc)
    local absent = hard == nil
    if absent then
      local logged = not c.bare and redis.call('ZSCORE', log, string.sub(keys[i], nameAt))
      hard, soft = math.max(c.floor, tonumber(logged or 0)), 0
    end
    list[#list + 1] = { key = keys[i], hard = hard, soft = soft, absent = absent }
  end
  return list
end
local function lifeFor(ms) return whole(math.max(91 * 86400000, ms + 7 * 86400000)) end
local function ensure(c, list, entryLife)
  local need = tonumber(entryLife) + 86400000
  for _, m in ipairs(list) do
    if m.absent then
      redis.call('SET', m.key, c.inc .. ':' .. whole(m.hard) .. ':' .. whole(m.soft), 'PX', lifeFor(need))
    elseif redis.call('PTTL', m.key) < need then
      redis.call('PEXPIRE', m.key, lifeFor(need))
    end
  end
end
local function flat(reply, list)
  for _, m in ipairs(list) do
    reply[#reply + 1] = m.hard
    reply[#reply + 1] = m.soft
  end
  return reply
end
`

/**
 * `tell`: counts a message and sends it in one go, so that none can be lost between the two. `whisper`: what may get lost
 * needs no number, and so nothing of the control record.
 */
const BUS = `
local function whisper(channel, sender, kind, x)
  redis.call('PUBLISH', channel, table.concat({ '1', '-', '0', '0', sender, kind, x }, '|'))
end
local function tell(ctl, c, channel, sender, kind, x)
  local n = redis.call('HINCRBY', ctl, 'n', 1)
  redis.call('PUBLISH', channel, table.concat({ '1', c.inc .. '.' .. c.gen, whole(n), whole(c.seq), sender, kind, x }, '|'))
end
`

/** The entry header of docs/stored-format.md, as far as scripts look into it. `nil` for what is none of version 1. */
const HEADER = `
local function parse(e)
  if #e < 134 or string.sub(e, 1, 3) ~= '\\193\\72\\1' then return nil end
  local size, count, at, tags = struct.unpack('<H', e, 5), struct.unpack('<H', e, 117), 119, {}
  if size > #e then return nil end
  for i = 1, count do
    if at + 1 > size then return nil end
    local length = struct.unpack('<H', e, at)
    if at + 1 + length > size then return nil end
    tags[i] = string.sub(e, at + 2, at + 1 + length)
    at = at + 2 + length
  end
  return {
    id = string.sub(e, 9, 24), inc = string.sub(e, 25, 40), startSeq = struct.unpack('<d', e, 41),
    freshUntil = struct.unpack('<d', e, 57), size = size, tags = tags,
  }
end
local function sealed(head)
  return head .. string.sub(redis.sha1hex(head), 1, 16)
end
local function stamped(header, inc, seq)
  return sealed(string.sub(header, 1, 24) .. inc .. struct.pack('<d', seq) .. string.sub(header, 49, #header - 16))
end
`

/**
 * `soften`: the entry's freshness ended a quarter of a second ago, because readers know the store's time to half a round trip
 * only. The instant gets a fraction of half a ms, which no writer gives: that is how a reader that knows the entry's id sees
 * that it is no longer the same.
 */
const SOFTEN = `
local function soften(key, now)
  local start = redis.pcall('GETRANGE', key, 0, 1023)
  if type(start) ~= 'string' or #start < 134 then return end
  local size = struct.unpack('<H', start, 5)
  if size > #start then start = redis.call('GETRANGE', key, 0, size - 1) end
  local head = parse(start)
  if not head or head.freshUntil <= now then return end
  local changed = string.sub(start, 1, 56) .. struct.pack('<d', math.floor(now) - 249.5) .. string.sub(start, 65, size - 16)
  redis.call('SETRANGE', key, 0, sealed(changed))
end
`

/**
 * `place`: header and body become the entry, and the token is used up. Outcome 0 written, 3 full: then the old value is gone
 * all the same; an error instead where this is no primary.
 *
 * A large body does not pass through the script, which would copy it several times: it lies in a draft, put there by a plain
 * command right before, with room for the header. Its DEL comes first: Redis lets the rest pass at its memory limit then, and
 * nothing of it takes memory. Whoever does not place a draft drops it.
 */
const PLACE = `
local function put(key, draft, header, body, life, token)
  if draft == '' then return redis.pcall('SET', key, header .. body, 'PX', life) end
  redis.call('DEL', token)
  if redis.call('EXISTS', draft) == 0 then return { err = 'OOM the draft is not there' } end
  redis.call('SETRANGE', draft, 0, header)
  redis.call('RENAME', draft, key)
  redis.call('PEXPIRE', key, life)
  return nil
end
local function place(key, draft, header, body, life, token)
  local failed = put(key, draft, header, body, life, token)
  local outcome = 0
  if type(failed) == 'table' and failed.err then
    if string.find(failed.err, 'READONLY', 1, true) then return nil, failed end
    outcome = 3
    redis.call('DEL', key)
  end
  redis.call('DEL', token)
  return outcome
end
local function drop(draft)
  if draft ~= '' then redis.call('UNLINK', draft) end
end
`

/** What scripts are put together from; each takes what it needs. */
export const lua = { GROUND, CONTROL, MARKERS, BUS, HEADER, SOFTEN, PLACE } as const
