import { canonicalBytes } from './canonicalize.js'
import { type DigestOptions, digestOf } from './digest.js'
import { taggedJson } from './tagged-json.js'

/** What a key input amounts to. */
export interface KeyExplanation {
  /** The canonical form as readable JSON text; types that JSON lacks are tagged, such as `{"$date":"…"}`. */
  readonly canonical: string
  /** The digest that stands for it in a key. */
  readonly digest: string
  /** How many canonical bytes went into the digest. */
  readonly bytes: number
}

/**
 * Shows what a key input amounts to: inputs with equal `canonical` texts have equal keys. It shows the values
 * themselves, and is meant for the eyes of a developer.
 *
 * @throws KeyError `ERR_KEY_UNSUPPORTED`
 */
export function explainKey(input: unknown, options: DigestOptions = {}): KeyExplanation {
  const bytes = canonicalBytes(input, options.text).length
  return { canonical: taggedJson(input, options.text), digest: digestOf(input, options), bytes }
}
