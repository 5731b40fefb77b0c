import type { CliIo } from '../../src/cli/io.js'
import { run } from '../../src/cli/run.js'

/** What one command line came to. */
export interface CliResult {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** How a test's terminal differs from none at all. */
export interface CliWorld extends Partial<CliIo> {
  /** What somebody at the terminal answers; each question is kept. */
  readonly answer?: boolean
}

/** Runs a command line in this process, without a terminal unless the test gives one. Words are split at spaces. */
export async function cli(
  line: string | readonly string[],
  world: CliWorld = {},
): Promise<CliResult & { questions: string[] }> {
  let out = ''
  let err = ''
  const questions: string[] = []
  const { answer, ...given } = world
  const ask = async (question: string): Promise<boolean> => {
    questions.push(question)
    return answer === true
  }
  const io: CliIo = {
    out: (text) => {
      out += text
    },
    err: (text) => {
      err += text
    },
    hasColours: false,
    showsProgress: false,
    ask: answer === undefined ? undefined : ask,
    env: {},
    signal: new AbortController().signal,
    version: '0.0.0-test',
    ...given,
  }
  const words = typeof line === 'string' ? line.split(' ').filter((word) => word !== '') : line
  return { code: await run(words, io), out, err, questions }
}

/** A transcript with what differs from run to run replaced by words: ports, paths, times, ids. */
export function steady(text: string, replaced: Readonly<Record<string, string>> = {}): string {
  let steadied = text
  for (const [from, to] of Object.entries(replaced)) steadied = steadied.replaceAll(from, to)
  return steadied
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '<instant>')
    .replace(/p50 [\d.]+ ms, p99 [\d.]+ ms/g, 'p50 <ms>, p99 <ms>')
    .replace(/incarnation \S{16}, number (\d+), id \S{16}/g, 'incarnation <inc>, number $1, id <id>')
}
