import { encodeKey } from './canonicalize.js'
import { createHmac, hash } from './crypto.js'
import { keyForm } from './key-form.js'
import { publicError } from './key-refusal.js'
import { shortTextOf } from './key-writer.js'
import type { TextForm } from './text-form.js'
import { MEMO_MIN_LENGTH, type TextMemo } from './text-memo.js'

/** What a digest depends on beside the value. */
export interface DigestOptions {
  /** Makes the digest an HMAC, so that nobody without the secret can test whether a text was asked. */
  readonly secret?: string | Uint8Array | undefined
  /** Brings texts to one form first. @defaultValue off */
  readonly text?: TextForm | undefined
}

/** `DigestOptions`, and where to remember digests of long texts. */
export interface DigestContext extends DigestOptions {
  readonly memo?: TextMemo | undefined
}

/**
 * The SHA-256 of a value's canonical bytes, 43 characters of base64url; an HMAC-SHA-256 with a `secret`.
 *
 * @throws KeyError `ERR_KEY_UNSUPPORTED`
 */
export function digestOf(value: unknown, options: DigestOptions = {}): string {
  try {
    return digestIn(options, value)
  } catch (error) {
    throw publicError(error)
  }
}

/** Marks a part of a key to be digested, with the stash's secret, even where it is short enough to be readable. */
export function digest(value: unknown): KeyDigest {
  return new KeyDigest(value)
}

/** A value that becomes its digest where a key is made of it. Shows its plain digest as text, its value nowhere. */
export class KeyDigest {
  // Bundlers rename classes, and the name is part of the canonical form.
  static readonly name = 'KeyDigest'
  readonly #value: unknown

  constructor(value: unknown) {
    this.#value = value
  }

  /** Whether a value is one; asked so that a Proxy is not looked through. */
  static is(value: unknown): value is KeyDigest {
    return typeof value === 'object' && value !== null && #value in value
  }

  /** The digest as part of a key, with the secret and text form of the context. */
  digestIn(context: DigestContext): string {
    return digestIn(context, this.#value)
  }

  /** The digest without a secret. */
  toString(): string {
    return digestOf(this.#value)
  }

  /** The digest without a secret. */
  toJSON(): string {
    return this.toString()
  }

  [keyForm](): string {
    return this.toString()
  }
}

/** As `digestOf`, but refuses with a `KeyRefusal`. */
export function digestIn(context: DigestContext, value: unknown): string {
  if (KeyDigest.is(value)) return value.digestIn(context)
  if (context.memo !== undefined && typeof value === 'string' && value.length >= MEMO_MIN_LENGTH) {
    return context.memo.digest(value, (text) => hashOf(context, text))
  }
  return hashOf(context, value)
}

function hashOf(context: DigestContext, value: unknown): string {
  if (context.secret !== undefined) {
    return createHmac('sha256', context.secret).update(encodeKey(value, context.text)).digest('base64url')
  }
  const short = typeof value === 'string' && context.text === undefined ? shortTextOf(value) : undefined
  return hash('sha256', short ?? encodeKey(value, context.text), 'base64url')
}
