import { type Degree, type Level, type ParsedJobAd, parseDegree, parseLevel } from '../documents.js'
import { contentTerms, createTermBag, termOf } from '../text/terms.js'

interface Common {
  /** As the ad words it. */
  label: string
  /** How much this kind of requirement counts, times how much the ad insists. */
  weight: number
}

/** One thing that an ad asks for. */
export type Requirement =
  | (Common & { kind: 'skill'; term: string; level: Level })
  | (Common & { kind: 'years'; years: number; terms: string[] })
  | (Common & { kind: 'degree'; degree: Degree; area: string[]; relatedCounts: boolean })
  | (Common & { kind: 'statement'; terms: string[] })

const WEIGHT_OF_KIND = { skill: 1, years: 0.6, degree: 0.6, qualification: 0.7, responsibility: 0.4 }
const IMPORTANCE: Record<Level, number> = { beginner: 0.4, intermediate: 0.7, advanced: 0.9, master: 1 }
const NICE = /nice to have|a plus|bonus|preferred|ideally|optional/i
const IMPORTANCE_OF_NICE = 0.4
/** What each further mention of a skill adds to its weight. */
const EMPHASIS = 0.1

/** Reads the requirements out of an ad, in the ad's order. */
export function extractRequirements(job: ParsedJobAd): Requirement[] {
  const skills = skillRequirements(job)
  const skillTerms = skills.map(({ term }) => term)
  const qualifications = job.qualifications.flatMap((line) => qualification(line, skillTerms))
  const responsibilities = job.responsibilities.flatMap((line) =>
    statement(line, WEIGHT_OF_KIND.responsibility, skillTerms),
  )
  return [...skills, ...qualifications, ...responsibilities]
}

function skillRequirements(job: ParsedJobAd): Extract<Requirement, { kind: 'skill' }>[] {
  const prose = createTermBag([job.title, job.description, ...job.qualifications, ...job.responsibilities].join('\n'))
  const found = new Map<string, Extract<Requirement, { kind: 'skill' }>>()
  for (const { name, level: words, keywords } of job.skills) {
    const level = parseLevel(words)
    const importance = NICE.test(`${name} ${words}`) ? IMPORTANCE_OF_NICE : IMPORTANCE[level]
    for (const label of keywords.length > 0 ? keywords : [name]) {
      const term = termOf(label)
      const weight = WEIGHT_OF_KIND.skill * importance + EMPHASIS * prose.count(term)
      if (term !== '' && !found.has(term)) found.set(term, { kind: 'skill', label, term, level, weight })
    }
  }
  return [...found.values()]
}

function qualification(label: string, skillTerms: readonly string[]): Requirement[] {
  const insistence = NICE.test(label) ? IMPORTANCE_OF_NICE : 1
  const years = /(\d+)\s*\+?\s*years?/i.exec(label)
  if (years) {
    const terms = contentTerms(label).map(({ term }) => term)
    return [{ kind: 'years', label, years: Number(years[1]), terms, weight: WEIGHT_OF_KIND.years * insistence }]
  }
  const degree = parseDegree(label)
  if (degree !== 'none') {
    const area = contentTerms(label)
      .map(({ term }) => term)
      .filter((term) => parseDegree(term) === 'none' && term !== 'degree')
    const relatedCounts = /related|similar|equivalent/i.test(label)
    return [{ kind: 'degree', label, degree, area, relatedCounts, weight: WEIGHT_OF_KIND.degree * insistence }]
  }
  return statement(label, WEIGHT_OF_KIND.qualification * insistence, skillTerms)
}

/** A line of prose; one that only repeats skills is left out: their emphasis has it already. */
function statement(label: string, weight: number, skillTerms: readonly string[]): Requirement[] {
  const terms = contentTerms(label).map(({ term }) => term)
  const repeats = terms.every((term) => skillTerms.some((skill) => skill.split(' ').includes(term)))
  return repeats ? [] : [{ kind: 'statement', label, terms, weight }]
}
