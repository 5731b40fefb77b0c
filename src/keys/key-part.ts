import { Buffer } from 'node:buffer'
import { type DigestContext, digestIn } from './digest.js'
import { applyTextForm } from './text-form.js'

/** Strings up to this many characters stay readable in a key, longer ones become their digest. */
export const MAX_READABLE = 64

/**
 * One part of a key as text: distinct values give distinct texts, none of which holds a `:`, a brace, a pattern
 * character, a space or a control character.
 *
 * Short strings stay readable, percent-escaped; `~` begins everything that is not a string (`~n42`, `~t`, `~null`),
 * and the empty string (`~e`); long strings and structured values become a digest of 43 characters.
 */
export function encodePart(value: unknown, context: DigestContext): string {
  switch (typeof value) {
    case 'string':
      return encodeText(value, context)
    case 'number':
      return `~n${value}`
    case 'boolean':
      return value ? '~t' : '~f'
    case 'undefined':
      return '~u'
    case 'bigint':
      return isShort(value) ? `~i${value}` : digestIn(context, value)
    default:
      return value === null ? '~null' : digestIn(context, value)
  }
}

function encodeText(value: string, context: DigestContext): string {
  const text = context.text === undefined ? value : applyTextForm(value, context.text)
  if (text.length > MAX_READABLE || !text.isWellFormed()) return digestIn(context, text)
  const escaped = asciiEscaped(text) ?? text.replace(UNSAFE_RUNS, percentEscape)
  if (escaped === '') return '~e'
  return escaped === text && DIGEST.test(text) ? digestIn(context, text) : escaped
}

/** A text with all that is unsafe escaped; `undefined` where it is not ASCII. By the character: keys are short. */
function asciiEscaped(text: string): string | undefined {
  let escaped = ''
  let from = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code >= ASCII) return undefined
    const stand = ESCAPES[code] as string
    if (stand === '') continue
    escaped += text.slice(from, at) + stand
    from = at + 1
  }
  return from === 0 ? text : escaped + text.slice(from)
}

const ASCII = 0x80
const SAFE = /^[\w.@+/=,-]$/
/** What stands for each character in a key; `''` for itself. */
const ESCAPES = Array.from({ length: ASCII }, (_, code) => {
  return SAFE.test(String.fromCharCode(code)) ? '' : `%${code.toString(16).toUpperCase().padStart(2, '0')}`
})
const UNSAFE_RUNS = /[^\w.@+/=,-]+/gu
// A text that looks like a digest must not pass for one.
const DIGEST = /^[\w-]{43}$/

function percentEscape(run: string): string {
  return Buffer.from(run, 'utf8').toString('hex').toUpperCase().replace(/../g, '%$&')
}

function isShort(value: bigint): boolean {
  return value < SHORT_INTEGER && value > -SHORT_INTEGER
}

const SHORT_INTEGER = 10n ** 60n
