import { breakerOpen } from '../errors/resilience-error.js'
import { StoreError } from '../errors/store-error.js'
import { type Connection, wordOf } from '../redis/connection.js'
import { type RedisArgument, runScript, type Script } from '../redis/script.js'
import { type Breaker, type BreakerState, createBreaker } from '../resilience/breaker.js'
import { createTimerQueue, NO_SLOT } from '../resilience/timer-queue.js'
import type { Clock } from '../runtime/clock.js'

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

/** Sends scripts within their budget, behind a breaker. */
export interface Commands {
  readonly counters: Readonly<CommandCounters>
  breakerState(): BreakerState
  /** @param bytes Size of what is sent, where that is a value. */
  run(script: Script, keys: readonly string[], args: readonly RedisArgument[], bytes?: number): Promise<unknown>
  /**
   * Runs a script right behind a plain command, in one round trip. What the server has against the command is in the
   * place of its reply.
   */
  runBehind(
    command: readonly RedisArgument[],
    script: Script,
    keys: readonly string[],
    args: readonly RedisArgument[],
  ): Promise<readonly [reply: unknown, scriptReply: unknown]>
  /**
   * Sends plain commands in one go; an error a server has against one of them is in the place of its reply.
   *
   * @param expectedBytes What the replies may weigh: large ones get more time.
   */
  pipe(commands: readonly (readonly RedisArgument[])[], expectedBytes?: number): Promise<readonly unknown[]>
  /** A new connection says nothing about the old one. */
  reset(): void
}

/** Replies that say: the server is there, but not for us. */
const UNWELL = /^(LOADING|BUSY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN)\b/
const READ_ONLY = /^READONLY\b/
const MIB = 1024 * 1024
/** A slow network moves a MiB in so many ms. */
const MS_PER_MIB = 100
const MOST_BYTES_UNDER_WAY = 64 * MIB

/**
 * Returns the way to the scripts. A command that is not answered within the budget rejects; its reply, when it comes, is
 * dropped in its own place in the connection. After three of them in a row, or half of 20 in 10 s, nothing is sent for a
 * second, then one probe.
 */
export function createCommands(options: CommandsOptions): Commands {
  const { connection, clock, timeoutMs } = options
  const counters: CommandCounters = { sent: 0, failed: 0, timedOut: 0, withheld: 0 }
  const deadlines = createTimerQueue(clock)
  let breaker = newBreaker(clock)
  let bytesUnderWay = 0

  const connected = async (): Promise<void> => {
    // The first commands of a process find a connection that is being made: a miss for want of 5 ms would be a pity.
    if (connection.state === 'idle') connection.start()
    if (connection.state === 'connecting') await connection.firstAttempt()
    if (connection.state !== 'ready') throw new Error('not connected')
  }

  const settle = (judge: Breaker, pass: number, error: unknown): void => {
    if (error instanceof Error && READ_ONLY.test(error.message)) connection.restart('READONLY')
    counters.failed++
    judge.settle(pass, isReply(error) ? 'success' : 'failure', clock.now())
  }

  const guarded = <T>(work: () => Promise<T>, bytes: number, expectedBytes = bytes): Promise<T> => {
    const { state } = connection
    if (state === 'away' || state === 'closed') return withheld(counters, unreachable(connection.lastError ?? state))
    if (bytes > 0 && bytesUnderWay + bytes > MOST_BYTES_UNDER_WAY) return withheld(counters, unreachable('busy'))
    const judge = breaker
    const pass = judge.tryPass(clock.now())
    if (pass === 0) return withheld(counters, breakerOpen('the shared store', judge.retryInMs(clock.now())))
    bytesUnderWay += bytes
    return new Promise((resolve, reject) => {
      let isOver = false
      const end = (how: () => void): void => {
        if (isOver) return
        isOver = true
        how()
      }
      const timed = {
        dueAt: clock.now() + timeoutMs + (Math.max(0, expectedBytes - MIB) / MIB) * MS_PER_MIB,
        slot: NO_SLOT,
        onDue: () =>
          end(() => {
            counters.timedOut++
            judge.settle(pass, 'failure', clock.now())
            reject(unreachable('timeout'))
          }),
      }
      const settled = (how: () => void): void => {
        deadlines.remove(timed)
        bytesUnderWay -= bytes
        end(how)
      }
      const fail = (error: unknown): void =>
        settled(() => {
          settle(judge, pass, error)
          reject(unreachable(wordOf(error)))
        })
      deadlines.add(timed)
      const sent = connection.state === 'ready' ? work() : connected().then(work)
      sent.then(
        (reply) =>
          settled(() => {
            judge.settle(pass, 'success', clock.now())
            resolve(reply)
          }),
        fail,
      )
    })
  }

  return {
    counters,
    breakerState: () => breaker.state(clock.now()),
    reset() {
      breaker = newBreaker(clock)
    },
    run: (script, keys, args, bytes = 0) =>
      guarded(() => {
        counters.sent++
        return runScript(connection.send, script, keys, args)
      }, bytes),
    runBehind: (command, script, keys, args) =>
      guarded(() => {
        counters.sent += 2
        const first = connection.send(command).catch((error: unknown) => error)
        return Promise.all([first, runScript(connection.send, script, keys, args)])
      }, 0),
    pipe: (commands, expectedBytes = 0) =>
      guarded(
        () => {
          counters.sent += commands.length
          return Promise.all(commands.map((command) => connection.send(command).catch(inPlace)))
        },
        0,
        expectedBytes,
      ),
  }
}

function newBreaker(clock: Clock): Breaker {
  return createBreaker(
    { consecutiveFailures: 3, failureRate: 0.5, minimumCalls: 20, window: '10s', openFor: '1s' },
    clock,
  )
}

/** What the server has against one command concerns that command; anything else concerns all. */
function inPlace(error: unknown): Error {
  if (isReply(error) && !READ_ONLY.test(error.message)) return error
  throw error
}

function isReply(error: unknown): error is Error {
  return error instanceof Error && /^[A-Z]{2,20} /.test(error.message) && !UNWELL.test(error.message)
}

function withheld(counters: CommandCounters, error: Error): Promise<never> {
  counters.withheld++
  return Promise.reject(error)
}

/** Only a word of what went wrong: a server's message may quote arguments. */
function unreachable(reason: string): StoreError {
  return new StoreError(`The shared store has not answered: ${reason}.`, {
    code: 'ERR_STORE_UNCONFIRMED',
    retryable: true,
    context: { reason },
  })
}
