import { type DigestContext, type DigestOptions, digestIn } from './digest.js'
import { encodePart } from './key-part.js'
import { describeKind, KeyRefusal, publicError } from './key-refusal.js'
import { applyTextForm } from './text-form.js'
import { createTextMemo } from './text-memo.js'

/** The version of the key schema, part of every stored key: a later schema misses, and never reads a wrong entry. */
export const KEY_SCHEMA_VERSION = 1

/** How the keys of one namespace are made. */
export interface KeyerOptions<K> extends DigestOptions {
  readonly namespace: string
  /** First part of every stored key. @defaultValue `'hopstash'` */
  readonly prefix?: string | undefined
  /** The namespace's version: another one is another key. `3` and `'3'` are the same. @defaultValue none */
  readonly version?: string | number | undefined
  /** The parts of a key, readable where they are short. @defaultValue the input is the only part */
  readonly parts?: ((input: K) => readonly unknown[]) | undefined
}

/** Makes the keys of one namespace. */
export interface Keyer<K> {
  /**
   * The key within this process: the input itself where it is a short string, so that a Map needs no new string.
   *
   * `scope` is a hard partition: no input of one scope ever shares a key with any input of another, or of none.
   *
   * @throws KeyError `ERR_KEY_UNSUPPORTED`, with the path
   */
  id(input: K, scope?: string): string
  /**
   * A keyer for one function or hop: its keys never meet those of another name, or of direct use.
   *
   * With `parts` it takes the namespace's own inputs and makes the namespace's parts of them. @defaultValue `false`
   */
  named<I = unknown>(name: string, options?: { readonly parts?: boolean }): Keyer<I>
  /** The key in a shared store: `prefix:namespace:v1:part:part:digest`, or `v1.3` with a namespace version. */
  text(id: string): string
  /** 16 characters that identify the key in events and logs without showing it; `text` spares making that again. */
  label(id: string, text?: string): string
  /** Forgets the long texts whose digests it remembers. */
  forgetTexts(): void
}

/**
 * Creates the keyer of a namespace. Prefix, namespace, version, names and scopes are escaped as parts are.
 *
 * With a `secret`, digests are HMACs; and where there are no `parts`, every string is digested in a shared store.
 */
export function createKeyer<K>(options: KeyerOptions<K>): Keyer<K> {
  const { secret, text, parts } = options
  const context: DigestContext = { secret, text, memo: createTextMemo() }
  return keyerAt({ context, head: headOf(options), lead: '' }, parts)
}

/**
 * The key input for the arguments of a function: trailing `undefined`s dropped; a single string, number, boolean,
 * bigint or null is itself, everything else the list of arguments.
 *
 * `f('a')` gives `'a'` and `f(['a'])` gives `[['a']]`, and so they stay apart: the list is always one array around.
 */
export function argumentsInput(args: readonly unknown[]): unknown {
  let count = args.length
  while (count > 0 && args[count - 1] === undefined) count--
  if (count === 1 && isScalar(args[0])) return args[0]
  return count === args.length ? args : args.slice(0, count)
}

interface KeyerSite {
  readonly context: DigestContext
  /** `prefix:namespace:v1:` */
  readonly head: string
  /** The names, as parts with a `:` behind each. */
  readonly lead: string
}

// The forms of an id. What an input looks like decides its form, so that one input never has two ids:
//   the string itself                 a short string, neither named nor scoped: nothing to concatenate or to hash
//   ENCODED parts                     whatever has been encoded; what follows is the text behind the head
//   LED lead END_OF_LEAD string       a short string under a name or scope; no lead contains END_OF_LEAD
const ENCODED = '\u0001'
const LED = '\u0002'
const END_OF_LEAD = '\u0000'
const LAST_RESERVED = 2

/** Longer strings are digested: V8 hashes very long ones by length alone, and a key should not hold a document. */
const MAX_RAW = 128

function keyerAt<K>(site: KeyerSite, parts: KeyerOptions<K>['parts']): Keyer<K> {
  const { context, head, lead } = site
  const unnormalized = { secret: context.secret }
  const takesBareRaw = parts === undefined && context.text === undefined && lead === ''

  function id(input: K, scope?: string): string {
    if (takesBareRaw && scope === undefined && typeof input === 'string' && isRaw(input)) return input
    return composedId(input, scope)
  }

  function composedId(input: K, scope: string | undefined): string {
    try {
      const fullLead = scope === undefined ? lead : `~@${encodeName(scope, context)}:${lead}`
      if (parts !== undefined) return ENCODED + fullLead + encodeParts(parts(input), context)
      const value = typeof input === 'string' && context.text !== undefined ? applyTextForm(input, context.text) : input
      if (typeof value !== 'string' || !isRaw(value)) return ENCODED + fullLead + encodeInput(value, context)
      return fullLead === '' ? value : LED + fullLead + END_OF_LEAD + value
    } catch (error) {
      throw publicError(error)
    }
  }

  function text(id: string): string {
    const form = id[0]
    if (form === ENCODED) return head + id.slice(1)
    if (form !== LED) return head + encodeInput(id, context)
    const end = id.indexOf(END_OF_LEAD)
    return head + id.slice(1, end) + encodeInput(id.slice(end + 1), context)
  }

  return {
    id,
    text,
    named: <I>(name: string, options?: { readonly parts?: boolean }) =>
      keyerAt<I>(
        { context, head, lead: `${lead}~fn.${encodeName(name, context)}:` },
        options?.parts === true ? (parts as KeyerOptions<never>['parts'] as KeyerOptions<I>['parts']) : undefined,
      ),
    label: (id, ofId = text(id)) => digestIn(unnormalized, ofId).slice(0, LABEL_LENGTH),
    forgetTexts: () => context.memo?.clear(),
  }
}

const LABEL_LENGTH = 16

function isRaw(input: string): boolean {
  // The code of an empty string is NaN, and an empty string is a good Map key.
  return input.length <= MAX_RAW && !(input.charCodeAt(0) <= LAST_RESERVED)
}

// A text form must not merge two scopes or two functions.
function encodeName(name: string, context: DigestContext): string {
  return encodePart(name, { secret: context.secret })
}

// A string that is the whole input may be a prompt: with a secret nobody may read or test it in a shared store.
function encodeInput(input: unknown, context: DigestContext): string {
  return typeof input === 'string' && context.secret !== undefined
    ? digestIn(context, input)
    : encodePart(input, context)
}

function encodeParts(parts: readonly unknown[], context: DigestContext): string {
  if (!Array.isArray(parts)) throw new KeyRefusal('$', `parts that are no array but ${describeKind(parts)}`)
  if (parts.length === 0) return '~'
  let text = ''
  for (let index = 0; index < parts.length; index++) {
    if (index > 0) text += ':'
    text += encodePartAt(parts, index, context)
  }
  return text
}

function encodePartAt(parts: readonly unknown[], index: number, context: DigestContext): string {
  try {
    return encodePart(parts[index], context)
  } catch (error) {
    throw publicError(error, `$[${index}]`)
  }
}

function headOf(options: KeyerOptions<never>): string {
  const { prefix = 'hopstash', namespace, version } = options
  const schema = `v${KEY_SCHEMA_VERSION}`
  const versions = version === undefined ? schema : `${schema}.${encodePart(String(version), {})}`
  return `${encodePart(prefix, {})}:${encodePart(namespace, {})}:${versions}:`
}

function isScalar(value: unknown): boolean {
  return value === null || (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol')
}
