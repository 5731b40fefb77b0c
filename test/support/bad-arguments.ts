import { HopstashError } from '../../src/errors/base-error.js'

/** What callers without a compiler hand over by mistake. */
const MISTAKES: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['undefined', undefined],
  ['null', null],
  ['text', 'text'],
  ['no text', ''],
  ['7', 7],
  ['NaN', Number.NaN],
  ['list', []],
  ['object', {}],
  ['true', true],
  ['function', () => 1],
  ['symbol', Symbol('mistake')],
  ['bigint', 1n],
  ['list of null', [null]],
  ['odd object', { odd: null }],
])

/** Something that takes one argument, and which of the mistakes are none there. */
export type Taker = readonly [what: string, takes: (value: never) => unknown, fine: readonly string[]]

/** Mistakes that are none where a function may be given, or a flag, or a number without a bound. */
export const FUNCTION = ['undefined', 'function']
export const FLAG = ['undefined', 'true']
export const NUMBER = ['undefined', 'null', '7']

/** The options of `call`, each handed over by `given` under its name, with the mistakes that are none there. */
export function options(
  call: string,
  given: (options: object) => unknown,
  fine: Readonly<Record<string, readonly string[]>>,
): readonly Taker[] {
  return Object.entries(fine).map(([name, good]) => [`${name} of ${call}`, (value) => given({ [name]: value }), good])
}

/**
 * Hands every mistake to `takes`. Returns those that were not refused with a code and a message that says what was expected
 * and what came, and what came of them.
 */
export async function notRefused(takes: (value: never) => unknown, fine: readonly string[]): Promise<string[]> {
  const found: string[] = []
  for (const [name, mistake] of MISTAKES) {
    if (fine.includes(name)) continue
    try {
      await takes(mistake as never)
      found.push(`${name}: taken`)
    } catch (error) {
      if (!isHelpful(error)) found.push(`${name}: ${String(error)}`)
    }
  }
  return found
}

function isHelpful(error: unknown): boolean {
  if (!(error instanceof HopstashError) || error.code !== 'ERR_OPTION_INVALID') return false
  return /^Expected `.+` to be .+, received .+\.|^Unknown option `.+` in .+\. (?:Did you mean|Known: )/.test(
    error.message,
  )
}
