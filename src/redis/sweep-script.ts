import { defineScript } from './script.js'

/**
 * SWEEP: removes entries that an invalidation has outdated, and nothing that was written since.
 *
 * Input   KEYS entries; ARGV inc as entries carry it, sequence number of the invalidation
 * Output  how many were removed
 */
export const sweepScript = defineScript(`
local removed = 0
for i = 1, #KEYS do
  local head = redis.pcall('GETRANGE', KEYS[i], 0, 47)
  local lives = type(head) == 'string' and #head == 48 and string.sub(head, 1, 3) == '\\193\\72\\1'
    and string.sub(head, 25, 40) == ARGV[1] and struct.unpack('<d', head, 41) >= tonumber(ARGV[2])
  if not lives then removed = removed + redis.call('UNLINK', KEYS[i]) end
end
return removed
`)

/**
 * UNLOCK: the sweep for a marker is over. Unlike a lease's, nobody waits to hear of it.
 *
 * Input   KEYS lock; ARGV who holds it
 * Output  1 given back, 0 it is gone, or somebody else's
 */
export const unlockScript = defineScript(`
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`)
