import { isSecretName } from '../../keys/secrets.js'

/** What a model is called with beside the prompt, and that changes no answer. */
const NOT_IN_KEY = new Set(['signal', 'timeout'])
/**
 * What LangChain writes where a message holds something else than text: the type of the part, such as `[image]` or
 * `[input_file]`. A text that says the same is taken for one: not kept, which is never wrong.
 */
const PLACEHOLDER =
  /\[(?:image|audio|video|file|media|document|binary|text-plain file|thinking|refusal|compaction|json|citations?|[a-z]+(?:_[a-z]+)+|[a-z]+[A-Z][A-Za-z]*)\]/
/** Where the text of a message begins. */
const ROLE = /(?:^|\n)(AI|Human|System|Tool|Function): /g
/** How the text of a message ends that says which tools it calls. */
const CALLS = /\}\s*\]$/

/** Whether a prompt's text may stand for more than it says. */
export function hidesParts(prompt: string): boolean {
  return PLACEHOLDER.test(prompt) || hidesCalls(prompt)
}

/**
 * Whether it holds a result of which it does not say what was called: LangChain writes calls behind the message that makes
 * them (version 0.3 does not), and results without the call they are of. So one result behind one such message is told.
 */
function hidesCalls(prompt: string): boolean {
  let before: string | undefined
  for (const { 1: role, index } of prompt.matchAll(ROLE)) {
    const isResult = role === 'Tool' || role === 'Function'
    if (isResult && !(before === 'AI' && CALLS.test(prompt.slice(Math.max(0, index - 9), index)))) return true
    before = role
  }
  return false
}

/**
 * LangChain's text for a model and the options of a call, `name:json` joined by commas, without what changes no answer:
 * with a signal, the same call would be another one, and with the key of the provider, which some models tell, nobody
 * else's recording would be found.
 */
export function modelText(llmKey: string): string {
  return entriesOf(llmKey)
    .filter((entry) => {
      const colon = entry.indexOf(':')
      const name = entry.slice(0, colon)
      return !NOT_IN_KEY.has(name) && !isCredential(name, entry.slice(colon + 1))
    })
    .join(',')
}

// Too few left out find a recording less; too many give one model the answer of another.
function isCredential(name: string, json: string): boolean {
  return isSecretName(name) && /^["[{]/.test(json) && !OF_THE_TEXT.test(name)
}
/** Words of a model's vocabulary that are named like a secret. */
const OF_THE_TEXT = /^(?:stop|bos|eos|pad|unk|sep|cls|mask|start|end)[-_]token$/i

/** Splits at the commas outside of any value: a stop sequence may hold one, and a name. */
function entriesOf(text: string): string[] {
  const entries: string[] = []
  let depth = 0
  let isText = false
  let start = 0
  for (let at = 0; at < text.length; at++) {
    const unit = text[at]
    if (isText) {
      if (unit === '\\') at++
      else if (unit === '"') isText = false
    } else if (unit === '"') isText = true
    else if (unit === '{' || unit === '[') depth++
    else if (unit === '}' || unit === ']') depth--
    else if (unit === ',' && depth === 0) {
      entries.push(text.slice(start, at))
      start = at + 1
    }
  }
  return [...entries, text.slice(start)]
}
