import type { Frame } from './shared-store.js'

/** Version of the frames below. Whatever carries another one is ignored, and counted. */
const VERSION = '1'

/** A message as peers send it. */
export interface Envelope {
  /** Incarnation and generation of the store. */
  readonly inc: string
  /** Number of the message in its incarnation; of a `beat`, that of the newest message. */
  readonly n: number
  readonly sender: string
  /** `undefined`: a sign of life only. */
  readonly frame: Frame | undefined
}

/** What a text on the channel turned out to be. */
export type ReadFrame = { readonly envelope: Envelope } | { readonly ignored: 'malformed' | 'version' }

/** Pure: `inc|n|seq|sender|kind|x` behind its version. Never throws. */
export function readFrame(text: string): ReadFrame {
  const [version, inc, n, seq, sender, kind, ...rest] = text.split('|')
  if (version !== VERSION)
    return { ignored: /^\d{1,4}$/.test(version ?? '') && rest.length > 0 ? 'version' : 'malformed' }
  const number = wholeNumber(n)
  const sequence = wholeNumber(seq)
  if (!inc || !sender || kind === undefined || number === undefined || sequence === undefined)
    return { ignored: 'malformed' }
  if (kind === 'beat') return { envelope: { inc, n: number, sender, frame: undefined } }
  const frame = frameOf(kind, inc, sequence, rest.join('|'))
  return frame === undefined ? { ignored: 'malformed' } : { envelope: { inc, n: number, sender, frame } }
}

/** Pure: the last part of a frame about a key, and about the entry that was written there, if one was. */
export function keyPayload(namespace: string, digest: string, id?: string): string {
  return textList(id === undefined ? [namespace, digest] : [namespace, digest, id])
}

/** Pure: the last part of a frame about names, behind its mode. */
export function namesPayload(names: readonly string[]): string {
  return textList(names)
}

function frameOf(kind: string, inc: string, seq: number, rest: string): Frame | undefined {
  if (kind === 'key') {
    // What a later version adds behind is none of ours; the key is what must not be missed.
    const [namespace, digest, id] = readTextList(rest) ?? []
    return namespace === undefined || digest === undefined ? undefined : { kind, inc, namespace, digest, id }
  }
  if (kind === 'done' || kind === 'alone') {
    const [namespace, digest] = readTextList(rest) ?? []
    const next = kind === 'done' ? 'lead' : 'alone'
    return namespace === undefined || digest === undefined ? undefined : { kind: 'done', namespace, digest, next }
  }
  if (kind !== 'names') return undefined
  const bar = rest.indexOf('|')
  const mode = rest.slice(0, Math.max(0, bar))
  const names = readTextList(rest.slice(bar + 1))
  if ((mode !== 'delete' && mode !== 'expire') || names === undefined || names.length === 0) return undefined
  return { kind, inc, seq, names, mode }
}

// Lengths instead of separators: a tag may hold anything.
function textList(texts: readonly string[]): string {
  return texts.map((text) => `${text.length}:${text}`).join('')
}

function readTextList(text: string): string[] | undefined {
  const texts: string[] = []
  for (let at = 0; at < text.length; ) {
    const colon = text.indexOf(':', at)
    const length = colon < 0 ? undefined : wholeNumber(text.slice(at, colon))
    if (length === undefined || colon + 1 + length > text.length) return undefined
    at = colon + 1 + length
    texts.push(text.slice(colon + 1, at))
  }
  return texts
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,16}$/.test(text) ? Number(text) : undefined
}
