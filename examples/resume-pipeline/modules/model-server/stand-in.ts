/**
 * Answers a prompt without a model: reads the `Label: fact` lines and makes sentences of them. The same prompt always
 * gets the same answer, other facts get another one.
 */
export function answerPrompt(prompt: string): string {
  const facts = readFacts(prompt)
  switch (facts.get('Task')) {
    case 'write':
      return draft(facts)
    case 'critique':
      return critique(facts)
    case 'synthesise':
      return synthesis(facts)
    default:
      return `I have read ${wordsOf(prompt).length} words and have nothing to add.`
  }
}

type Facts = ReadonlyMap<string, string>

function draft(facts: Facts): string {
  const strengths = listOf(facts, 'Strengths')
  return sentences(
    `${facts.get('Candidate') || 'Candidate'} for the role of ${facts.get('Role')}.`,
    strengths.length > 0 && `Brings ${inProse(strengths.slice(0, 4))}.`,
    facts.has('Latest') && `Most recently ${facts.get('Latest')}: ${firstSentence(facts.get('Achievement') ?? '')}`,
  )
}

function critique(facts: Facts): string {
  const text = facts.get('Draft') ?? ''
  const gap = facts.get('Top gap')
  const unused = listOf(facts, 'Strengths').filter((strength) => !mentions(text, strength))
  return sentences(
    `The draft has ${wordsOf(text).length} words.`,
    !/\d/.test(text) && 'It has no number in it: results convince, claims do not.',
    unused.length > 0 && `It leaves out ${inProse(unused.slice(0, 3))}.`,
    gap !== undefined &&
      !mentions(text, gap) &&
      `It is silent on the top gap, ${gap} (${facts.get('Top gap evidence') ?? 'no evidence'}): a reader of the ad will look for it first.`,
    gap !== undefined && facts.get('Suggestion'),
  )
}

function synthesis(facts: Facts): string {
  const gap = facts.get('Top gap')
  const unused = listOf(facts, 'Strengths').filter((strength) => !mentions(facts.get('Draft') ?? '', strength))
  const others = listOf(facts, 'Other gaps')
  return sentences(
    facts.get('Draft'),
    unused.length > 0 && `Also meets: ${unused.slice(0, 3).join('; ')}.`,
    gap !== undefined &&
      `The next step towards this role is ${gap}, so far ${facts.get('Top gap evidence') ?? 'open'}.`,
    others.length > 0 && `After that: ${inProse(others)}.`,
  )
}

function readFacts(prompt: string): Facts {
  const lines = prompt.matchAll(/^([A-Z][a-z]+(?: [a-z]+)*): (.+)$/gm)
  return new Map([...lines].map(([, label = '', fact = '']) => [label, fact]))
}

function listOf(facts: Facts, label: string): string[] {
  return (facts.get(label) ?? '').split('; ').filter(Boolean)
}

function inProse(items: readonly string[]): string {
  const last = items.at(-1) ?? ''
  return items.length < 2 ? last : `${items.slice(0, -1).join(', ')} and ${last}`
}

function sentences(...parts: (string | false | undefined)[]): string {
  return parts.filter(Boolean).join(' ')
}

function firstSentence(text: string): string {
  return /^.*?[.!?](?=\s|$)/.exec(text)?.[0] ?? text
}

function mentions(text: string, phrase: string): boolean {
  return text.toLowerCase().includes(phrase.toLowerCase())
}

function wordsOf(text: string): string[] {
  return text.split(/\s+/).filter(Boolean)
}
