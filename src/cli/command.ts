import type { Clock } from '../runtime/clock.js'
import type { CliIo } from './io.js'
import type { OptionName, Values } from './options.js'
import type { Paint } from './text.js'

/** One sub command: what `--help` says of it, what it takes, and what it does. */
export interface Command {
  readonly name: string
  /** One line, for the list of commands. */
  readonly summary: string
  /** What may stand behind the name. */
  readonly takes: string
  readonly atLeast: number
  readonly atMost: number
  readonly options: readonly OptionName[]
  /** What else there is to know, one line each. */
  readonly notes: readonly string[]
  /** Resolves to the exit code: 0, or 1 for what went wrong. */
  run(call: Call): Promise<number>
}

/** One call of a command. */
export interface Call {
  readonly io: CliIo
  readonly clock: Clock
  readonly paint: Paint
  /** What stands behind the command's name. */
  readonly words: readonly string[]
  readonly values: Values
}
