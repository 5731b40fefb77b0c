import type { DocumentEdit } from 'hopstash/batch'
import type { JobAd, JsonResume } from '../resume-pipeline/modules/documents.js'
import { contentTerms, createTermBag } from '../resume-pipeline/modules/text/terms.js'

/** What is wrong with a resume, and where. */
export interface Fix {
  readonly id: string
  readonly kind: 'label' | 'summary' | 'highlights' | 'pitch'
  /** JSON Pointers of what the fix reads or changes. */
  readonly touches: readonly string[]
  readonly dependsOn?: readonly string[]
  /** The text to repair: as it was found, or as those it depends on have left it. */
  read(found: JsonResume, now: JsonResume): string
  edits(answer: string): readonly DocumentEdit[]
}

/** A rule of the house about fixes of one kind. */
export interface Guideline {
  readonly text: string
}

export const GUIDELINES: Readonly<Record<Fix['kind'], Guideline>> = {
  label: { text: 'Name the role that is sought, then what the person comes from.' },
  summary: {
    text: 'Two or three sentences. End with the role, and with two terms of the ad that the person can stand for.',
  },
  highlights: { text: 'One line each, full sentences, a term of the ad at the end where it is true.' },
  pitch: { text: 'One line, made of the summary as it is now.' },
}

/** Six findings about one resume. Two reviewers found the same about the summary; the pitch is made of what comes of it. */
export const FIXES: readonly Fix[] = [
  textFix('label', 'label', '/basics/label', ({ basics }) => basics.label),
  textFix('summary', 'summary', '/basics/summary', ({ basics }) => basics.summary),
  highlightsFix(0),
  highlightsFix(1),
  textFix('summary-again', 'summary', '/basics/summary', ({ basics }) => basics.summary),
  {
    id: 'pitch',
    kind: 'pitch',
    touches: ['/basics/summary', '/basics/pitch'],
    dependsOn: ['summary'],
    read: (_found, { basics }) => basics.summary ?? '',
    edits: (answer) => [{ path: '/basics/pitch', value: answer }],
  },
]

/** Builds the prompt of a fix. It holds what the fix reads and nothing else, so equal questions have equal prompts. */
export function buildPrompt(kind: Fix['kind'], text: string, job: JobAd, guideline: Guideline): string {
  return [
    `Fix: ${kind}`,
    `Rule: ${guideline.text}`,
    `Role: ${job.title}`,
    `Terms: ${termsOf(job, text).join('; ')}`,
    `Text: ${text.replace(/\s+/g, ' ').trim()}`,
  ].join('\n')
}

/** Terms of the ad by how much the ad makes of them; those the text has already come first. */
function termsOf(job: JobAd, text: string): string[] {
  const ad = [job.description, ...(job.responsibilities ?? []), ...(job.qualifications ?? [])].join('\n')
  const inAd = createTermBag(ad)
  const inText = createTermBag(text)
  return contentTerms(ad)
    .map(({ term, label }) => ({ label, weight: inAd.count(term) + (inText.has(term) ? 10 : 0) }))
    .sort((a, b) => b.weight - a.weight || (a.label < b.label ? -1 : 1))
    .slice(0, 4)
    .map(({ label }) => label)
}

function textFix(
  id: string,
  kind: Fix['kind'],
  path: string,
  read: (resume: JsonResume) => string | null | undefined,
): Fix {
  return {
    id,
    kind,
    touches: [path],
    read: (resume) => read(resume) ?? '',
    edits: (answer) => [{ path, value: answer }],
  }
}

function highlightsFix(job: number): Fix {
  const path = `/work/${job}/highlights`
  return {
    id: `highlights-${job}`,
    kind: 'highlights',
    touches: [path],
    read: ({ work }) => (work?.[job]?.highlights ?? []).join(' | '),
    edits: (answer) => [{ path, value: answer.split('\n') }],
  }
}
