/** One event of an event stream. */
export interface SseEvent {
  /** Its `event` field. @defaultValue `'message'` */
  readonly name: string
  /** Its `data` lines, joined by newlines. */
  readonly data: string
}

/**
 * The events of a whole event stream. Any newline form ends a line; an event without a blank line behind it was cut and
 * does not count.
 *
 * @see WHATWG HTML, 9.2.6 "Interpreting an event stream"
 */
export function readEvents(text: string): SseEvent[] {
  const events: SseEvent[] = []
  let name = ''
  let data: string | undefined
  for (const line of completeLines(text)) {
    if (line === '') {
      if (data !== undefined) events.push({ name: name || 'message', data })
      name = ''
      data = undefined
      continue
    }
    const colon = line.indexOf(':')
    const field = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (field === 'event') name = value
    else if (field === 'data') data = data === undefined ? value : `${data}\n${value}`
  }
  return events
}

// What follows the last newline is no line yet.
function completeLines(text: string): string[] {
  const lines = (text.charCodeAt(0) === 0xfeff ? text.slice(1) : text).split(/\r\n|\n|\r/)
  lines.pop()
  return lines
}
