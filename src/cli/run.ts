import { HopstashError } from '../errors/base-error.js'
import { nearestName } from '../errors/option-error.js'
import { createSystemClock, MAX_TIMER_MS } from '../runtime/clock.js'
import { clearCommand } from './clear.js'
import type { Command } from './command.js'
import { doctorCommand } from './doctor.js'
import { explainCommand } from './explain.js'
import { Aborted, UsageError } from './failure.js'
import { forgetCommand } from './forget.js'
import { helpOf, overview } from './help.js'
import { inspectCommand } from './inspect.js'
import { invalidateCommand } from './invalidate.js'
import type { CliIo } from './io.js'
import { keysCommand } from './keys.js'
import { readOptions } from './options.js'
import { statsCommand } from './stats.js'
import { createPaint, shown } from './text.js'
import { warmCommand } from './warm.js'

/** All commands, in the order in which they are listed. */
export const COMMANDS: readonly Command[] = [
  statsCommand,
  keysCommand,
  inspectCommand,
  explainCommand,
  clearCommand,
  invalidateCommand,
  forgetCommand,
  warmCommand,
  doctorCommand,
]

/**
 * Runs one command line, without the name of the program. Never rejects.
 *
 * @returns The exit code: 0 done; 1 failed, or the doctor found trouble; 2 not understood; 130 interrupted.
 */
export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  const [first, ...rest] = argv
  if (first === undefined) {
    io.err(overview(COMMANDS))
    return 2
  }
  if (first === '--version' || first === '-v') return printed(io, `${io.version}\n`)
  const asksHelp = first === '--help' || first === '-h' || first === 'help'
  const name = asksHelp ? rest[0] : first
  if (name === undefined) return printed(io, overview(COMMANDS))
  const command = COMMANDS.find((each) => each.name === name)
  if (command === undefined) return misunderstood(io, '', unknownCommand(name))
  if (asksHelp) return printed(io, helpOf(command))
  try {
    return await call(command, rest, io)
  } catch (error) {
    if (isUsage(error)) return misunderstood(io, ` ${name}`, (error as Error).message)
    io.err(`hopstash ${name}: ${shown(error instanceof Error ? error.message : String(error))}\n`)
    return error instanceof Aborted || io.signal.aborted ? 130 : 1
  }
}

async function call(command: Command, argv: readonly string[], io: CliIo): Promise<number> {
  const { values, words } = readOptions(argv, command.options)
  if (values.help) return printed(io, helpOf(command))
  if (words.length < command.atLeast) throw new UsageError(`Expected ${command.takes}.`)
  if (words.length > command.atMost) throw new UsageError(`Unexpected '${words[command.atMost]}'.`)
  const paint = createPaint(io.hasColours && !values.json)
  const clock = createSystemClock()
  // Connections to stores hold no process open, so whoever waits for a reply has to.
  const hold = clock.setTimer(() => {}, MAX_TIMER_MS, true)
  try {
    return await command.run({ io, clock, paint, values, words })
  } finally {
    clock.clearTimer(hold)
  }
}

function printed(io: CliIo, text: string): number {
  io.out(text)
  return 0
}

function misunderstood(io: CliIo, command: string, message: string): number {
  io.err(`hopstash${command}: ${shown(message)}\nSee hopstash${command} --help.\n`)
  return 2
}

function unknownCommand(name: string): string {
  const near = nearestName(
    name,
    COMMANDS.map((command) => command.name),
  )
  const hint = near === undefined ? '' : ` Did you mean '${near}'?`
  return name.startsWith('-') ? `Expected a command before '${name}'.` : `Unknown command '${name}'.${hint}`
}

function isUsage(error: unknown): boolean {
  return error instanceof UsageError || (HopstashError.isInstance(error) && error.code === 'ERR_OPTION_INVALID')
}
