import { createInterface } from 'node:readline/promises'

/** Everything the command line touches of the process it runs in. */
export interface CliIo {
  /** Writes to standard output. */
  out(text: string): void
  /** Writes to standard error: progress, questions, errors. */
  err(text: string): void
  /** Whether standard output is a terminal that shows colours. */
  readonly hasColours: boolean
  /** Whether standard error is a terminal, on which progress can be drawn. */
  readonly showsProgress: boolean
  /** Asks for a yes; `undefined` where nobody is there to ask. */
  readonly ask: ((question: string) => Promise<boolean>) | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborted when somebody wants it to end. */
  readonly signal: AbortSignal
  readonly version: string
}

/** The real process as a {@link CliIo}. Colours need a terminal, and `NO_COLOR` empty or unset. */
export function processIo(version: string, signal: AbortSignal): CliIo {
  const { stdin, stdout, stderr, env } = process
  const isDumb = env.TERM === 'dumb'
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    hasColours: stdout.isTTY === true && !env.NO_COLOR && !isDumb,
    showsProgress: stderr.isTTY === true && !isDumb,
    ask: stdin.isTTY === true && stderr.isTTY === true ? (question) => askOn(question, signal) : undefined,
    env,
    signal,
    version,
  }
}

async function askOn(question: string, signal: AbortSignal): Promise<boolean> {
  const reader = createInterface({ input: process.stdin, output: process.stderr })
  // The end of the input is no yes.
  const ended = new Promise<string>((resolve) => reader.once('close', () => resolve('')))
  try {
    const answer = await Promise.race([reader.question(`${question} [y/N] `, { signal }), ended])
    return /^y(es)?$/i.test(answer.trim())
  } finally {
    reader.close()
  }
}
