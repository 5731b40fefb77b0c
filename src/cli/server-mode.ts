import type { SendCommand } from '../redis/script.js'
import { listOf, textOf } from '../stores/redis-replies.js'

/** `standalone`, `cluster` or `sentinel`; `undefined` where the user may not ask. */
export async function modeOf(send: SendCommand): Promise<string | undefined> {
  const text = await send(['INFO', 'server']).then(textOf, () => '')
  return /^(?:redis|server)_mode:(\w+)/m.exec(text)?.[1]
}

/** What a Sentinel calls the primaries it watches. */
export async function primariesOf(send: SendCommand): Promise<string[]> {
  const replies = await send(['SENTINEL', 'MASTERS']).then(listOf, () => [])
  return replies.map((reply) => {
    const fields = listOf(reply).map(textOf)
    return fields[fields.indexOf('name') + 1] ?? ''
  })
}
