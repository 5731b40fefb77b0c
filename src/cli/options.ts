import { type ParseArgsConfig, parseArgs } from 'node:util'
import { nearestName } from '../errors/option-error.js'
import { UsageError } from './failure.js'

/** Options of commands, as they were given. */
export interface Values {
  readonly store?: string
  readonly sentinel?: string
  readonly prefix: string
  readonly url?: string
  readonly token?: string
  readonly json: boolean
  readonly yes: boolean
  readonly limit: number
  readonly value: boolean
  readonly namespace?: string
  readonly mode: 'delete' | 'expire'
  readonly module?: string
  readonly concurrency: number
  readonly refresh: boolean
  readonly 'max-bytes'?: number
  readonly help: boolean
}

/** Name of an option. */
export type OptionName = keyof Values

interface OptionText {
  /** What stands behind it; a switch takes nothing. */
  readonly takes?: string
  readonly text: string
  readonly short?: string
}

/** What `--help` says of each option. */
export const OPTION_TEXTS: Readonly<Record<OptionName, OptionText>> = {
  store: { takes: 'URL', text: 'redis://, rediss://, valkey://, valkeys:// or file: (default: CACHE_URL)' },
  sentinel: { takes: 'NAME', text: 'the URL is a Sentinel’s, which calls the primary so' },
  prefix: { takes: 'NAME', text: "the stash's prefix (default: hopstash)" },
  url: { takes: 'URL', text: 'where an admin handler is mounted' },
  token: { takes: 'TOKEN', text: "the admin handler's token (default: HOPSTASH_TOKEN)" },
  json: { text: 'print one JSON document' },
  yes: { text: 'do not ask', short: 'y' },
  limit: { takes: 'N', text: 'at most so many, 0 for all (default: 100)' },
  value: { text: 'print the value, too' },
  namespace: { takes: 'NAME', text: 'in this namespace only' },
  mode: { takes: 'MODE', text: 'delete, or expire: may still be served if a load fails (default: delete)' },
  module: { takes: 'FILE', text: 'an ES module that exports `stash` and `items`' },
  concurrency: { takes: 'N', text: 'loads at once (default: 4)' },
  refresh: { text: 'load what is there and fresh, too' },
  'max-bytes': { takes: 'N', text: "the folder's cap in bytes, as `store.maxBytes` has it (default: 1 GiB)" },
  help: { text: 'print this', short: 'h' },
}

const GIB = 2 ** 30

/**
 * Reads what stands behind a command's name.
 *
 * @throws {UsageError} for an option the command does not have, or a value that cannot be used
 */
export function readOptions(
  argv: readonly string[],
  allowed: readonly OptionName[],
): { readonly values: Values; readonly words: readonly string[] } {
  const names: readonly OptionName[] = [...allowed, 'help']
  const options: NonNullable<ParseArgsConfig['options']> = {}
  for (const name of names) {
    const { takes, short } = OPTION_TEXTS[name]
    options[name] = { type: takes === undefined ? 'boolean' : 'string', ...(short !== undefined && { short }) }
  }
  const { values, positionals, tokens } = parsed(argv, options)
  const twice = twiceGiven(tokens)
  // Two stores: which of them would be emptied?
  if (twice !== undefined) throw new UsageError(`--${twice} is given twice.`)
  const texts = values as Readonly<Record<string, string | boolean | undefined>>
  const text = (name: OptionName): string | undefined => {
    const value = texts[name]
    if (value === '') throw new UsageError(`Expected something behind --${name}.`)
    return value as string | undefined
  }
  const given = Object.fromEntries(
    (['store', 'sentinel', 'url', 'token', 'namespace', 'module'] as const).flatMap((name) => {
      const value = text(name)
      return value === undefined ? [] : [[name, value]]
    }),
  )
  return {
    words: positionals,
    values: {
      ...given,
      prefix: prefixOf(text('prefix')),
      mode: modeOf(text('mode')),
      limit: wholeNumber('limit', text('limit'), 100, 0),
      concurrency: wholeNumber('concurrency', text('concurrency'), 4, 1),
      'max-bytes': wholeNumber('max-bytes', text('max-bytes'), GIB, 65_536),
      json: texts.json === true,
      yes: texts.yes === true,
      value: texts.value === true,
      refresh: texts.refresh === true,
      help: texts.help === true,
    },
  }
}

function parsed(argv: readonly string[], options: NonNullable<ParseArgsConfig['options']>) {
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: true, tokens: true })
  } catch (error) {
    throw new UsageError(messageOf(error, Object.keys(options)))
  }
}

/** Of options with a value, the first that is there again. */
function twiceGiven(tokens: ReturnType<typeof parsed>['tokens']): string | undefined {
  const seen = new Set<string>()
  for (const token of tokens) {
    if (token.kind !== 'option' || token.value === undefined) continue
    if (seen.has(token.name)) return token.name
    seen.add(token.name)
  }
  return undefined
}

// What parseArgs says of an unknown option explains how to pass one that begins with a dash; a typo is likelier.
function messageOf(error: unknown, known: readonly string[]): string {
  const { code, message } = error as { code?: string; message: string }
  const dashed = /^Option '(?:-\w, )?--([\w-]+)[^']*' argument is ambiguous/.exec(message)?.[1]
  if (dashed !== undefined)
    return `Expected something behind --${dashed}; what begins with a dash goes behind an equals sign, --${dashed}=-x.`
  const name = /'--?([^' =<]+)/.exec(message)?.[1]
  if (code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION' || name === undefined) return message.split('\n')[0] as string
  const near = nearestName(name, known)
  return `Unknown option '${name.length === 1 ? '-' : '--'}${name}'.${near === undefined ? '' : ` Did you mean '--${near}'?`}`
}

function prefixOf(text = 'hopstash'): string {
  if (/^[A-Za-z0-9._-]{1,64}$/.test(text)) return text
  throw new UsageError('Expected --prefix to be 1 to 64 letters, digits, dots, dashes or underscores.')
}

function modeOf(text = 'delete'): 'delete' | 'expire' {
  if (text === 'delete' || text === 'expire') return text
  throw new UsageError('Expected --mode to be delete or expire.')
}

function wholeNumber(name: string, text: string | undefined, or: number, least: number): number {
  if (text === undefined) return or
  if (/^\d{1,15}$/.test(text) && Number(text) >= least) return Number(text)
  throw new UsageError(`Expected --${name} to be a whole number from ${least}.`)
}
