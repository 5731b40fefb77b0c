/**
 * The log of a folder, line by line. Each line is one append of one process; what it means follows from the lines before
 * it alone, so every process that reads the log comes to the same conclusions.
 */
export type LogLine =
  | { readonly kind: 'head'; readonly inc: string; readonly seq: number; readonly floor: number }
  /** Names were invalidated. */
  | { readonly kind: 'names'; readonly sender: string; readonly mode: 'delete' | 'expire'; readonly names: string[] }
  /** A key was deleted or set (`over`: what was loaded before is dead), or expired. */
  | {
      readonly kind: 'key'
      readonly sender: string
      readonly over: boolean
      readonly file: string
      readonly namespace: string
      readonly digest: string
    }
  /** Somebody asks for the token of a key. */
  | {
      readonly kind: 'take'
      readonly sender: string
      readonly file: string
      readonly token: string
      readonly nowMs: number
      readonly untilMs: number
    }
  /** Somebody uses the token of a key up. */
  | {
      readonly kind: 'use'
      readonly sender: string
      readonly file: string
      readonly token: string
      readonly nowMs: number
    }
  /** Whoever holds the token of a key holds it for longer. */
  | {
      readonly kind: 'hold'
      readonly sender: string
      readonly file: string
      readonly token: string
      readonly nowMs: number
      readonly untilMs: number
    }
  /** Whoever held the token of a key does so no more; who waits for it is told. */
  | {
      readonly kind: 'free'
      readonly sender: string
      readonly file: string
      readonly token: string
      readonly namespace: string
      readonly digest: string
      readonly next: 'lead' | 'alone'
    }
  /** Numbers go on from here: lines may have been lost before it. */
  | { readonly kind: 'leap'; readonly sender: string; readonly seq: number }
  /** This log has ended; the next one goes on. */
  | { readonly kind: 'end'; readonly sender: string }
  /** In the beginning of a log: what the one before it had come to. */
  | { readonly kind: 'marker'; readonly name: string; readonly hard: number; readonly soft: number }
  | { readonly kind: 'over'; readonly file: string; readonly seq: number }

const SENDER = /^[\w-]{1,32}$/
const FILE = /^[0-9a-f]{32}$/
const NUMBER = /^\d{1,16}$/
/** Of a damaged digit: from 2 ** 53 on a number stays what it is when one is added, and no invalidation would count any more. */
const MOST = 9e15

/** The text of a line, without its end. */
export function writeLine(line: LogLine): string {
  switch (line.kind) {
    case 'head':
      return `hopstash-log 1 ${line.inc} ${line.seq} ${line.floor}`
    case 'names':
      return [line.mode === 'delete' ? 'D' : 'E', line.sender, ...line.names.map(escaped)].join(' ')
    case 'key':
      return [line.over ? 'K' : 'X', line.sender, line.file, escaped(line.namespace), escaped(line.digest)].join(' ')
    case 'take':
    case 'hold':
      return [
        line.kind === 'take' ? 'T' : 'R',
        line.sender,
        line.file,
        escaped(line.token),
        line.nowMs,
        line.untilMs,
      ].join(' ')
    case 'use':
      return ['U', line.sender, line.file, escaped(line.token), line.nowMs].join(' ')
    case 'free': {
      const { sender, file, token, namespace, digest, next } = line
      return ['F', sender, file, escaped(token), escaped(namespace), escaped(digest), next].join(' ')
    }
    case 'leap':
      return `L ${line.sender} ${line.seq}`
    case 'end':
      return `Z ${line.sender}`
    case 'marker':
      return `M ${escaped(line.name)} ${line.hard} ${line.soft}`
    case 'over':
      return `O ${line.file} ${line.seq}`
  }
}

/** The line in a text; `undefined` for what is none, such as the rest of one whose writer died. Never throws. */
export function readLine(text: string): LogLine | undefined {
  const [kind, ...fields] = text.split(' ')
  const [first = '', second = '', third = '', fourth = '', fifth = ''] = fields
  if (kind === 'hopstash-log') return readHead(fields)
  if (kind === 'M') {
    const isMarker = fields.length === 3 && isNumber(second) && isNumber(third)
    return isMarker ? { kind: 'marker', name: unescaped(first), hard: Number(second), soft: Number(third) } : undefined
  }
  if (kind === 'O') {
    return FILE.test(first) && isNumber(second) ? { kind: 'over', file: first, seq: Number(second) } : undefined
  }
  if (!SENDER.test(first)) return undefined
  const sender = first
  if (kind === 'Z') return { kind: 'end', sender }
  if (kind === 'L') return isNumber(second) ? { kind: 'leap', sender, seq: Number(second) } : undefined
  if (kind === 'D' || kind === 'E') {
    if (fields.length < 2) return undefined
    return { kind: 'names', sender, mode: kind === 'D' ? 'delete' : 'expire', names: fields.slice(1).map(unescaped) }
  }
  if (!FILE.test(second)) return undefined
  if (kind === 'K' || kind === 'X') {
    const isKey = fields.length === 4
    const ref = { file: second, namespace: unescaped(third), digest: unescaped(fourth) }
    return isKey ? { kind: 'key', sender, over: kind === 'K', ...ref } : undefined
  }
  if (kind === 'F') {
    const [, , , , , next] = fields
    if (fields.length !== 6 || (next !== 'lead' && next !== 'alone')) return undefined
    const ref = { namespace: unescaped(fourth), digest: unescaped(fifth) }
    return { kind: 'free', sender, file: second, token: unescaped(third), ...ref, next }
  }
  const held = { sender, file: second, token: unescaped(third), nowMs: Number(fourth) }
  if (!isNumber(fourth)) return undefined
  if (kind === 'U') return { kind: 'use', ...held }
  if ((kind !== 'T' && kind !== 'R') || !isNumber(fifth)) return undefined
  return { kind: kind === 'T' ? 'take' : 'hold', ...held, untilMs: Number(fifth) }
}

function readHead([version, inc = '', seq = '', floor = '']: readonly string[]): LogLine | undefined {
  const isHead = version === '1' && /^[\w-]{16}$/.test(inc) && isNumber(seq) && isNumber(floor)
  return isHead ? { kind: 'head', inc, seq: Number(seq), floor: Number(floor) } : undefined
}

function isNumber(text: string): boolean {
  return NUMBER.test(text) && Number(text) <= MOST
}

// Tags are what hosts make of them: spaces, line ends and half surrogate pairs must not get out of their field.
function escaped(text: string): string {
  if (text === '') return '%'
  return text.replace(/[^\x21-\x24\x26-\x7e]/g, (unit) => `%${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function unescaped(field: string): string {
  if (field === '%') return ''
  if (!field.includes('%')) return field
  return field.replace(/%([0-9a-f]{4})/g, (_all, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
}
