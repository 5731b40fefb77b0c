/** Remembers the digests of long texts, so that a prompt asked about again is not hashed again. */
export interface TextMemo {
  /** The digest of `text`, computed once while the text is remembered. */
  digest(text: string, compute: (text: string) => string): string
  /** Forgets every text. */
  clear(): void
}

/** Texts up to this many characters are hashed faster than they are looked up. */
export const MEMO_MIN_LENGTH = 1024

/**
 * A memo of at most 64 texts and 2 Mi characters (4 MiB at two bytes each) in all; the oldest makes room.
 *
 * A text is found by its length and three samples of 16 characters and confirmed by comparison: as a Map key it would
 * be hashed by its length alone above 16,383 characters, and equally long prompts would all collide.
 */
export function createTextMemo(): TextMemo {
  const remembered = new Map<string, { readonly text: string; readonly digest: string }>()
  let characters = 0

  function remember(sample: string, text: string, digest: string): void {
    forget(sample)
    remembered.set(sample, { text, digest })
    characters += text.length
    for (const oldest of remembered.keys()) {
      if (remembered.size <= MAX_ENTRIES && characters <= MAX_CHARACTERS) break
      forget(oldest)
    }
  }

  function forget(sample: string): void {
    characters -= remembered.get(sample)?.text.length ?? 0
    remembered.delete(sample)
  }

  return {
    digest(text, compute) {
      if (text.length > MAX_CHARACTERS) return compute(text)
      const sample = sampleOf(text)
      const known = remembered.get(sample)
      if (known !== undefined && known.text === text) return known.digest
      const digest = compute(text)
      remember(sample, text, digest)
      return digest
    },
    clear() {
      remembered.clear()
      characters = 0
    },
  }
}

const MAX_ENTRIES = 64
const MAX_CHARACTERS = 2 * 1024 * 1024
const SAMPLE = 16

// Towards the end rather than at it: prompts often share their closing line as well as their opening one.
function sampleOf(text: string): string {
  const { length } = text
  const middle = length >> 1
  const late = length - (length >> 3)
  return length + text.slice(0, SAMPLE) + text.slice(middle, middle + SAMPLE) + text.slice(late, late + SAMPLE)
}
