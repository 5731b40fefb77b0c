import { breakerOpen } from '../errors/resilience-error.js'
import { StoreError } from '../errors/store-error.js'
import type { Connection } from '../redis/connection.js'
import { wordOf } from '../redis/reconnect.js'
import { type RedisArgument, runScript, type Script, type SendCommand } from '../redis/script.js'
import { createAnswerDeadlines } from '../resilience/answer-deadlines.js'
import { type Breaker, type BreakerState, type CallVerdict, createBreaker } from '../resilience/breaker.js'
import type { Clock } from '../runtime/clock.js'
import { createCommandWindow } from './command-window.js'

/** Options of {@link createCommands}. */
export interface CommandsOptions {
  readonly connection: Connection
  readonly clock: Clock
  readonly timeoutMs: number
}

/** What the commands of one store came to. */
export interface CommandCounters {
  sent: number
  failed: number
  timedOut: number
  /** Not sent: breaker open, no connection, or too many bytes on their way. */
  withheld: number
}

/** Arguments of a script, or how to make them when it is sent. */
export type ScriptArguments = readonly RedisArgument[] | (() => readonly RedisArgument[])

/** The ways to send something within its budget. */
export interface Sending {
  /**
   * @param args As a function where they depend on when the command is sent, for it may wait for its turn.
   * @param bytes Size of what is sent, where that is a value.
   */
  run(script: Script, keys: readonly string[], args: ScriptArguments, bytes?: number): Promise<unknown>
  /**
   * Runs a script right behind a plain command, in one round trip. What the server has against the command is in the
   * place of its reply.
   */
  runBehind(
    command: readonly RedisArgument[],
    script: Script,
    keys: readonly string[],
    args: ScriptArguments,
    bytes?: number,
  ): Promise<readonly [reply: unknown, scriptReply: unknown]>
  /**
   * Sends plain commands in one go; an error a server has against one of them is in the place of its reply.
   *
   * @param expectedBytes What the replies may weigh: large ones get more time.
   * @param send The way to one node, where it is not their keys that say where they go.
   */
  pipe(
    commands: readonly (readonly RedisArgument[])[],
    expectedBytes?: number,
    send?: SendCommand,
  ): Promise<readonly unknown[]>
  /** The same ways for one operation: whatever it sends, one after the other, has one budget. */
  asOne(): Sending
  /** For one of several parts that an operation ends with side by side: each has what is left of its budget by now. */
  split(): Sending
}

/** Sends scripts within their budget, behind a breaker. */
export interface Commands extends Sending {
  readonly counters: Readonly<CommandCounters>
  breakerState(): BreakerState
  /** A word on what went wrong last on this connection. */
  lastError(): string | undefined
  /** A new connection says nothing about the old one. */
  reset(): void
}

/** What an operation is to the connection. */
interface Load {
  /** Of values that are sent. */
  readonly bytes: number
  /** Of values in the reply, where they may be large. */
  readonly expectedBytes: number
  readonly commands: number
  /** Of the operation it is a part of, if there are others. */
  readonly allowance: Allowance | undefined
}

/** What is left of the budget of an operation that takes several round trips. */
interface Allowance {
  leftMs: number
}

interface Settle<T> {
  readonly resolve: (reply: T) => void
  readonly reject: (error: Error) => void
}

/** Replies that say: the server is there, but not for us. */
const UNWELL = /^(LOADING|BUSY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN)\b/
const READ_ONLY = /^READONLY\b/
const MIB = 1024 * 1024
/** A slow network moves a MiB in so many ms. */
const MS_PER_MIB = 100
/** Of values that wait or are on their way. */
const MOST_BYTES_HELD = 64 * MIB
/** A healthy server answers so many within a tenth of the budget; more at once are no faster. */
const MOST_UNDER_WAY = 500
const MOST_WAITING = 100_000

/**
 * Returns the way to the scripts. A command that is not answered within the budget rejects; its reply, when it comes, is
 * dropped in its own place in the connection. After three of them in a row, or half of 20 in 10 s, nothing is sent for a
 * second, then one probe.
 *
 * What a crowd of callers sends beyond so many at once waits here, and its budget begins when it is sent: a crowd must
 * not pass for a store that does not answer.
 */
export function createCommands(options: CommandsOptions): Commands {
  const { connection, clock, timeoutMs } = options
  const counters: CommandCounters = { sent: 0, failed: 0, timedOut: 0, withheld: 0 }
  const deadlines = createAnswerDeadlines(clock)
  const window = createCommandWindow(MOST_UNDER_WAY)
  let breaker = newBreaker(clock)
  let bytesHeld = 0
  let lastError: string | undefined

  const connected = async (): Promise<void> => {
    // The first commands of a process find a connection that is being made: a miss for want of 5 ms would be a pity.
    if (connection.state === 'idle') connection.start()
    if (connection.state === 'connecting') await connection.firstAttempt()
    if (connection.state !== 'ready') throw new Error('not connected')
  }
  const withhold = (reject: (error: Error) => void, error: Error): void => {
    counters.withheld++
    reject(error)
  }

  /** Sends now, and settles within the budget. */
  const start = <T>(work: () => Promise<T>, load: Load, { resolve, reject }: Settle<T>): void => {
    const refusal = refused(connection, breaker, clock)
    if (typeof refusal !== 'number') {
      bytesHeld -= load.bytes
      return void withhold(reject, refusal)
    }
    const judge = breaker
    const { allowance } = load
    const extraMs = (Math.max(0, load.expectedBytes - MIB) / MIB) * MS_PER_MIB
    const leftMs = allowance?.leftMs ?? timeoutMs
    let isOver = false
    const end = (verdict: CallVerdict): boolean => {
      if (isOver) return false
      isOver = true
      if (allowance !== undefined) {
        allowance.leftMs = Math.max(0, allowance.leftMs - Math.max(0, deadlines.spentMs(deadline) - extraMs))
      }
      deadlines.remove(deadline)
      bytesHeld -= load.bytes
      judge.settle(refusal, verdict, clock.now())
      window.leave(load.commands)
      return true
    }
    const deadline = deadlines.add(leftMs + extraMs, () => {
      // Who had the rest of a budget alone proves nothing against the store.
      if (!end(leftMs < timeoutMs ? 'neutral' : 'failure')) return
      counters.timedOut++
      lastError = 'timeout'
      reject(unreachable('timeout'))
    })
    window.occupy(load.commands)
    counters.sent += load.commands
    const sent = connection.state === 'ready' ? work() : connected().then(work)
    sent.then(
      (reply) => {
        if (end('success')) resolve(reply)
      },
      (error) => {
        if (error instanceof Error && READ_ONLY.test(error.message)) connection.restart('READONLY')
        counters.failed++
        if (!end(isReply(error) ? 'success' : 'failure')) return
        lastError = wordOf(error)
        reject(unreachable(lastError))
      },
    )
  }

  const guarded = <T>(work: () => Promise<T>, given: Partial<Load> = {}): Promise<T> =>
    new Promise((resolve, reject) => {
      const { bytes = 0, expectedBytes = bytes, commands = 1, allowance } = given
      const isFull = bytes > 0 && bytesHeld + bytes > MOST_BYTES_HELD
      if (isFull || window.waiting >= MOST_WAITING) return withhold(reject, unreachable('busy'))
      bytesHeld += bytes
      window.enter(() => start(work, { bytes, expectedBytes, commands, allowance }, { resolve, reject }))
    })

  const ways = (allowance?: Allowance): Sending => {
    const own: Sending = {
      run: (script, keys, args, bytes = 0) =>
        guarded(() => runScript(connection.send, script, keys, typeof args === 'function' ? args() : args), {
          bytes,
          allowance,
        }),
      runBehind: (command, script, keys, args, bytes = 0) =>
        guarded(
          () => {
            const first = connection.send(command).catch((error: unknown) => error)
            const second = runScript(connection.send, script, keys, typeof args === 'function' ? args() : args)
            return Promise.all([first, second])
          },
          { commands: 2, bytes, allowance },
        ),
      pipe: (commands, expectedBytes = 0, send = connection.send) =>
        guarded(() => sendAll(send, commands), { expectedBytes, commands: commands.length, allowance }),
      asOne: () => (allowance === undefined ? ways({ leftMs: timeoutMs }) : own),
      split: () => (allowance === undefined ? own : ways({ ...allowance })),
    }
    return own
  }

  return {
    ...ways(),
    counters,
    breakerState: () => breaker.state(clock.now()),
    lastError: () => lastError,
    reset() {
      lastError = undefined
      breaker = newBreaker(clock)
    },
  }
}

/** All replies, errors that concern one command in their places. */
function sendAll(send: SendCommand, commands: readonly (readonly RedisArgument[])[]): Promise<readonly unknown[]> {
  return new Promise((resolve, reject) => {
    const replies: unknown[] = new Array(commands.length).fill(undefined)
    let left = commands.length
    if (left === 0) resolve(replies)
    for (const [index, command] of commands.entries()) {
      const place = (reply: unknown): void => {
        replies[index] = reply
        if (--left === 0) resolve(replies)
      }
      send(command).then(place, (error) => {
        if (isOfOne(error)) place(error)
        else reject(error)
      })
    }
  })
}

/** The breaker's pass, or why nothing is sent. */
function refused(connection: Connection, breaker: Breaker, clock: Clock): number | Error {
  const { state } = connection
  if (state === 'away' || state === 'closed') return unreachable(connection.lastError ?? state)
  const pass = breaker.tryPass(clock.now())
  return pass === 0 ? breakerOpen('the shared store', breaker.retryInMs(clock.now())) : pass
}

function newBreaker(clock: Clock): Breaker {
  return createBreaker(
    { consecutiveFailures: 3, failureRate: 0.5, minimumCalls: 20, window: '10s', openFor: '1s' },
    clock,
  )
}

/** What the server has against one command concerns that command; anything else concerns all. */
function isOfOne(error: unknown): boolean {
  return isReply(error) && !READ_ONLY.test(error.message)
}

function isReply(error: unknown): error is Error {
  return error instanceof Error && /^[A-Z]{2,20} /.test(error.message) && !UNWELL.test(error.message)
}

/** Only a word of what went wrong: a server's message may quote arguments. */
function unreachable(reason: string): StoreError {
  return new StoreError(`The shared store has not answered: ${reason}.`, {
    code: 'ERR_STORE_UNCONFIRMED',
    retryable: true,
    context: { reason },
  })
}
