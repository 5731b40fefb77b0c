import { DEGREES, type Experience, LEVELS, type Profile } from '../documents.js'
import { hintsAt } from '../text/related-terms.js'
import { createTermBag, type TermBag, termOf } from '../text/terms.js'
import type { Requirement } from './requirements.js'

/** How well a resume meets a requirement: 0 is nothing, 1 is fully; and in words. */
export interface Evidence {
  strength: number
  words: string
}

const MENTIONED = 0.8
const HINTED = 0.5
/** What a year of other work is worth where the ad asks for a certain kind, and the most that all of it is worth. */
const OTHER_WORK = 0.25
const OTHER_WORK_AT_MOST = 0.4

/** Makes the judge of one resume. `fieldTerms` are the skills of the ad: they tell which posts were in its field. */
export function createJudge(profile: Profile, fieldTerms: readonly string[]) {
  const resume = createTermBag(profile.text)

  return function judge(requirement: Requirement): Evidence {
    switch (requirement.kind) {
      case 'skill':
        return skillEvidence(requirement, profile, resume)
      case 'years':
        return yearsEvidence(requirement, profile, fieldTerms)
      case 'degree':
        return degreeEvidence(requirement, profile)
      case 'statement':
        return statementEvidence(requirement, resume)
    }
  }
}

type Of<Kind extends Requirement['kind']> = Extract<Requirement, { kind: Kind }>

function skillEvidence({ term, level }: Of<'skill'>, { skills }: Profile, resume: TermBag): Evidence {
  const listed = skills.find(({ name, keywords }) => [name, ...keywords].some((label) => termOf(label) === term))
  if (listed) {
    const share = Math.min(1, (LEVELS.indexOf(listed.level) + 1) / (LEVELS.indexOf(level) + 1))
    return { strength: 0.5 + 0.5 * share, words: `listed under ${listed.name} (${listed.level})` }
  }
  if (resume.has(term)) return { strength: MENTIONED, words: 'mentioned, but not among the skills' }
  const hints = hintsAt(term).filter((hint) => resume.has(termOf(hint)))
  if (hints.length > 0) return { strength: HINTED, words: `only hinted at by ${hints.join(', ')}` }
  return { strength: 0, words: 'not mentioned' }
}

function yearsEvidence({ years, terms }: Of<'years'>, profile: Profile, fieldTerms: readonly string[]): Evidence {
  const inField = (post: Experience) => {
    const bag = createTermBag(`${post.title}\n${post.text}`)
    return fieldTerms.some(bag.has) || terms.every(bag.has)
  }
  const work = profile.experiences.filter(({ kind }) => kind === 'work')
  const relevant = Math.min(
    profile.years,
    work.filter(inField).reduce((sum, post) => sum + post.years, 0),
  )
  const other = Math.min(OTHER_WORK_AT_MOST, (OTHER_WORK * (profile.years - relevant)) / years)
  return {
    strength: years === 0 ? 1 : Math.min(1, relevant / years + other),
    words: `${relevant.toFixed(1)} of ${years} years in the field, ${profile.years.toFixed(1)} in all`,
  }
}

function degreeEvidence({ degree, area, relatedCounts }: Of<'degree'>, { education }: Profile): Evidence {
  const judged = education.map((school) => {
    const reached = Math.min(1, DEGREES.indexOf(school.degree) / DEGREES.indexOf(degree))
    const sameArea = area.some((term) => createTermBag(school.area).has(term))
    const areaCounts = sameArea || area.length === 0 ? 1 : relatedCounts ? 0.7 : 0.4
    return { strength: reached * areaCounts, words: `${school.degree} degree, ${school.area}` }
  })
  return judged.sort((a, b) => b.strength - a.strength)[0] ?? { strength: 0, words: 'no degree mentioned' }
}

function statementEvidence({ terms }: Of<'statement'>, resume: TermBag): Evidence {
  const found = terms.filter((term) => resume.has(term))
  return {
    strength: terms.length === 0 ? 1 : found.length / terms.length,
    words: found.length === 0 ? 'nothing speaks of it' : `the resume speaks of ${found.join(', ')}`,
  }
}
