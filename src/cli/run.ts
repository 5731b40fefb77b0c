import { HopstashError } from '../errors/base-error.js'
import { nearestName } from '../errors/option-error.js'
import { createSystemClock, MAX_TIMER_MS } from '../runtime/clock.js'
import { clearCommand } from './clear.js'
import type { Command } from './command.js'
import { doctorCommand } from './doctor.js'
import { explainCommand } from './explain.js'
import { Aborted, Declined, UsageError } from './failure.js'
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
  // What cannot be understood is told in the form that was asked for, too.
  const isJson = asksJson(argv)
  if (first === undefined) {
    io.err(overview(COMMANDS))
    return 2
  }
  if (first === '--version' || first === '-v') return printed(io, `${io.version}\n`)
  const asksHelp = first === '--help' || first === '-h' || first === 'help'
  const name = asksHelp ? rest[0] : first
  if (name === undefined) return printed(io, overview(COMMANDS))
  const command = COMMANDS.find((each) => each.name === name)
  if (command === undefined) return misunderstood(io, { message: unknownCommand(name), isJson })
  if (asksHelp) return printed(io, helpOf(command))
  try {
    return await call(command, rest, io)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    if (isUsage(error)) return misunderstood(io, { command: name, message, isJson })
    const isInterrupted = error instanceof Aborted || io.signal.aborted
    const exitCode = isInterrupted ? 130 : 1
    const isDeclined = error instanceof Declined
    const kind = isInterrupted ? 'interrupted' : isDeclined ? 'declined' : 'failed'
    if (isJson) io.err(errorText({ command: name, kind, message, exit_code: exitCode }))
    else io.err(`${isDeclined ? '' : `hopstash ${name}: `}${shown(message)}\n`)
    return exitCode
  }
}

async function call(command: Command, argv: readonly string[], io: CliIo): Promise<number> {
  const { values, words } = readOptions(argv, command.options)
  if (values.help) return printed(io, helpOf(command))
  if (words.length < command.atLeast) throw new UsageError(`Expected ${command.takes}.`)
  if (words.length > command.atMost) throw new UsageError(`Unexpected '${words[command.atMost]}'.`)
  // Of a variable that is not set, most likely.
  if (words.includes('')) throw new UsageError(`Expected ${command.takes}, and got an empty text.`)
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

function misunderstood(
  io: CliIo,
  { command, message, isJson }: { readonly command?: string; readonly message: string; readonly isJson: boolean },
): number {
  const program = command === undefined ? 'hopstash' : `hopstash ${command}`
  if (isJson) io.err(errorText({ command, kind: 'usage', message, exit_code: 2 }))
  else io.err(`${program}: ${shown(message)}\nSee ${program} --help.\n`)
  return 2
}

/** On one line, so that it is the last one whatever was said before. */
function errorText(error: {
  readonly command: string | undefined
  readonly kind: 'usage' | 'failed' | 'declined' | 'interrupted'
  readonly message: string
  readonly exit_code: number
}): string {
  return `${JSON.stringify({ error: { ...error, command: error.command ?? null } })}\n`
}

function asksJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  return argv.slice(0, end === -1 ? undefined : end).includes('--json')
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
