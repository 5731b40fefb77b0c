/**
 * How texts are brought to one form before they become part of a key; `true` means all three. Off by default.
 *
 * Applies to strings in values and parts, never to property names or Map keys.
 */
export type TextForm = TextFormOptions | true

/** The single steps of a `TextForm`; what is not named is left alone. */
export interface TextFormOptions {
  /** `'NFC'` composes characters, so that `e` + combining acute equals `é`. */
  readonly unicode?: 'NFC'
  /** `'lf'` turns CRLF and CR into LF. */
  readonly lineEnds?: 'lf'
  /** `'trim'` removes spaces and tabs at the end of every line, and blank lines at the end of the text. */
  readonly trailingSpace?: 'trim'
}

/** The text in the given form; the same string when nothing had to change. */
export function applyTextForm(text: string, form: TextForm): string {
  const steps = form === true ? everyStep : form
  let result = text
  if (steps.unicode === 'NFC') result = result.normalize('NFC')
  if (steps.lineEnds === 'lf' && result.includes('\r')) result = result.replace(/\r\n?/g, '\n')
  if (steps.trailingSpace === 'trim') result = trimTrailingSpace(result)
  return result
}

const everyStep: TextFormOptions = { unicode: 'NFC', lineEnds: 'lf', trailingSpace: 'trim' }

// A scan instead of /[ \t]+$/gm, which takes quadratic time on long runs of spaces inside a line.
function trimTrailingSpace(text: string): string {
  const end = trimmedEnd(text, text.length, true)
  let result = ''
  let kept = 0
  for (let lineEnd = nextLineEnd(text, 0, end); lineEnd < end; lineEnd = nextLineEnd(text, lineEnd + 1, end)) {
    const trimmed = trimmedEnd(text, lineEnd, false)
    if (trimmed === lineEnd) continue
    result += text.slice(kept, trimmed)
    kept = lineEnd
  }
  return result + text.slice(kept, end)
}

function nextLineEnd(text: string, from: number, end: number): number {
  for (let index = from; index < end; index++) {
    const code = text.charCodeAt(index)
    if (code === LF || code === CR) return index
  }
  return end
}

function trimmedEnd(text: string, from: number, lineEndsToo: boolean): number {
  let end = from
  for (; end > 0; end--) {
    const code = text.charCodeAt(end - 1)
    if (code === SPACE || code === TAB) continue
    if (lineEndsToo && (code === LF || code === CR)) continue
    break
  }
  return end
}

const TAB = 9
const LF = 10
const CR = 13
const SPACE = 32
