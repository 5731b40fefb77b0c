import { randomBytes } from 'node:crypto'
import { createConnection } from '../redis/connection.js'
import { beatScript } from '../redis/control-scripts.js'
import { runScript } from '../redis/script.js'
import { type Finding, ok, trouble } from './finding.js'
import type { RedisPatient } from './redis-patient.js'
import { count } from './text.js'

const WAIT_MS = 1500

/** Finds out whether a message that is sent arrives: by the sign of life that every process sends, too. */
export async function examineMessages({ source, connection, keys, clock }: RedisPatient): Promise<Finding> {
  const { channel, control } = keys
  const me = `doctor-${randomBytes(6).toString('hex')}`
  let settle: (isHeard: boolean) => void = () => {}
  const arrival = new Promise<boolean>((resolve) => {
    settle = resolve
  })
  let timer: unknown
  const ear = createConnection({
    source,
    clock,
    prepare: async (_send, client) => {
      await client.subscribe(channel, (text) => {
        if (text.includes(me)) settle(true)
      })
    },
  })
  ear.start()
  await ear.firstAttempt()
  try {
    const change = `Allow &${channel} and +@pubsub; a proxy must pass subscriptions through.`
    if (ear.state !== 'ready')
      return trouble('messages', `${channel} cannot be listened to: ${ear.lastError ?? 'no answer'}`, change)
    const sent = await runScript(connection.send, beatScript, [control], [channel, me]).catch((error: unknown) => error)
    // Where no stash has been yet there is nobody who could take it amiss.
    if (sent === 0) await connection.send(['PUBLISH', channel, me]).catch(() => {})
    // From here on: what it takes to connect says nothing of messages.
    timer = clock.setTimer(() => settle(false), WAIT_MS, true)
    if (!(await arrival)) {
      const why = sent instanceof Error ? `: ${sent.message.split('\n')[0]}` : ''
      return trouble('messages', `what is sent to ${channel} does not arrive${why}`, change)
    }
    return ok('messages', `arrive${await listeners(connection.send, channel)}`)
  } finally {
    clock.clearTimer(timer)
    await ear.close()
  }
}

async function listeners(send: (args: readonly string[]) => Promise<unknown>, channel: string): Promise<string> {
  const reply = await send(['PUBSUB', 'NUMSUB', channel]).catch(() => undefined)
  const number = Array.isArray(reply) ? Number(reply[1]) : Number.NaN
  // One of them is this one.
  return Number.isNaN(number) ? '' : `; ${count(number - 1, 'other process listens', 'other processes listen')}`
}
