import { HopstashError } from './base-error.js'

/** An option, a name or a setting that cannot be used (`ERR_OPTION_INVALID`, `ERR_NAME_TAKEN`, `ERR_NAMESPACE_UNKNOWN`). */
export class OptionError extends HopstashError {
  override readonly name = 'OptionError'
}

/** `ERR_OPTION_INVALID`: says what was expected, what came, and what to do. */
export function optionInvalid(option: string, expected: string, received: unknown, hint?: string): OptionError {
  const tail = hint === undefined ? '' : ` ${hint}`
  return new OptionError(`Expected \`${option}\` to be ${expected}, received ${preview(received)}.${tail}`, {
    code: 'ERR_OPTION_INVALID',
    context: { option },
  })
}

/** As {@link optionInvalid}, for what must not be shown: a URL may hold a password. `received` says what kind of thing came. */
export function optionHidden(option: string, expected: string, received: string): OptionError {
  return new OptionError(`Expected \`${option}\` to be ${expected}, received ${received}.`, {
    code: 'ERR_OPTION_INVALID',
    context: { option },
  })
}

/** `ERR_OPTION_INVALID` for an option nobody knows, with the nearest name that exists. */
export function optionUnknown(where: string, option: string, known: readonly string[]): OptionError {
  const near = nearestName(option, known)
  const hint = near === undefined ? `Known: ${known.join(', ')}.` : `Did you mean \`${near}\`?`
  return new OptionError(`Unknown option \`${String(option)}\` in ${where}. ${hint}`, {
    code: 'ERR_OPTION_INVALID',
    context: { option: String(option), where },
  })
}

/** `ERR_NAME_TAKEN`: a second namespace, function, hop or pipeline of one name. */
export function nameTaken(kind: string, name: string, hint: string): OptionError {
  return new OptionError(`There is already a ${kind} named ${preview(name)}. ${hint}`, {
    code: 'ERR_NAME_TAKEN',
    context: { kind, name },
  })
}

/** `ERR_NAMESPACE_UNKNOWN`: with the nearest name that exists. */
export function namespaceUnknown(name: string, known: readonly string[]): OptionError {
  const near = nearestName(name, known)
  const hint = near === undefined ? `Known: ${known.join(', ')}.` : `Did you mean '${near}'?`
  return new OptionError(`There is no namespace ${preview(name)}. ${hint}`, {
    code: 'ERR_NAMESPACE_UNKNOWN',
    context: { name: String(name) },
  })
}

/** Short, safe text of a received value: type and size for what could hold somebody's data, the value itself for scalars. */
export function preview(value: unknown): string {
  if (typeof value === 'string') return value.length <= 40 ? `'${value}'` : `a string of ${value.length} characters`
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'symbol') return 'a symbol'
  if (typeof value === 'function') return 'a function'
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'object' && value !== null) return `an object (${value.constructor?.name ?? 'null prototype'})`
  return Object.is(value, -0) ? '-0' : String(value)
}

/** The known name with the smallest edit distance, if it is close enough to be a typo. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  if (typeof name !== 'string') return undefined
  let best: string | undefined
  // Of a name of two letters one has to be left.
  let bestDistance = Math.min(Math.max(2, Math.floor(name.length / 3)), name.length - 1) + 1
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase().slice(0, 64), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, substitution))
    }
    row = next
  }
  return row[b.length] ?? 0
}
