import type { ImaginatorInput } from './contract.js'

/** The rules that hold for all three questions. */
export const SYSTEM =
  'You help a person present their work truthfully. Use the facts you are given and no others. Plain sentences, no lists.'

/** Asks for a first draft. */
export function writePrompt(input: ImaginatorInput): string {
  return ['Task: write', 'Write a section of the resume for this role, in at most 120 words.', ...facts(input)].join(
    '\n',
  )
}

/** Asks what is wrong with the draft. */
export function critiquePrompt(input: ImaginatorInput, draft: string): string {
  return [
    'Task: critique',
    'Say what this draft lacks for the role.',
    ...facts(input),
    `Draft: ${oneLine(draft)}`,
  ].join('\n')
}

/** Asks for the final section, which must name the top gap. */
export function synthesisPrompt(input: ImaginatorInput, draft: string, critique: string): string {
  return [
    'Task: synthesise',
    'Rewrite the draft so that it answers the critique. Name the top gap and how it will be closed.',
    ...facts(input),
    `Draft: ${oneLine(draft)}`,
    `Critique: ${oneLine(critique)}`,
  ].join('\n')
}

/** One fact a line. No name and no contact: the model does not need to know who this is. */
function facts({ profile, job, analysis }: ImaginatorInput): string[] {
  const [top, ...others] = analysis.gaps
  const latest = profile.experiences[0]
  const lines: Record<string, string | undefined> = {
    Role: job.company === '' ? job.title : `${job.title} at ${job.company}`,
    Candidate: profile.label,
    Latest: latest && `${latest.title} at ${latest.at}`,
    Achievement: latest?.text,
    Strengths: joined(analysis.strengths.map(({ requirement }) => requirement)),
    'Top gap': top?.requirement,
    'Top gap evidence': top?.evidence,
    Suggestion: analysis.suggested_experiences[0]?.suggestion,
    'Other gaps': joined(others.slice(0, 3).map(({ requirement }) => requirement)),
  }
  return Object.entries(lines).flatMap(([label, fact]) => (fact ? [`${label}: ${oneLine(fact)}`] : []))
}

function joined(texts: readonly string[]): string {
  return texts.join('; ')
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}
