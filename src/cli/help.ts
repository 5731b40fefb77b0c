import type { Command } from './command.js'
import { OPTION_TEXTS, type OptionName } from './options.js'

/** What `hopstash --help` prints. */
export function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length))
  const list = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}\n`).join('')
  return `Looks into the store of a stash, and changes it.

Usage: hopstash <command> [options]

${list}
hopstash <command> --help tells what a command takes; hopstash --version, which version this is.

The store is CACHE_URL, or --store URL: what is on a command line, passwords included, every user of the machine can see.
Exit codes: 0 done; 1 failed, or the doctor found trouble; 2 not understood; 130 interrupted.
`
}

/** What `hopstash <command> --help` prints. */
export function helpOf({ name, summary, takes, options, notes }: Command): string {
  const all: readonly OptionName[] = [...options, 'help']
  const left = all.map((option) => {
    const { takes: value, short } = OPTION_TEXTS[option]
    return `${short === undefined ? '    ' : `-${short}, `}--${option}${value === undefined ? '' : ` ${value}`}`
  })
  const width = Math.max(...left.map((text) => text.length))
  const list = all
    .map((option, at) => `  ${(left[at] as string).padEnd(width)}  ${OPTION_TEXTS[option].text}\n`)
    .join('')
  const usage = ['hopstash', name, takes, '[options]'].filter((part) => part !== '').join(' ')
  const more = notes.map((note) => `${note}\n`).join('')
  return `${summary}\n\nUsage: ${usage}\n\n${list}${more === '' ? '' : `\n${more}`}`
}
