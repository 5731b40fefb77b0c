import type { Experience, ParsedJobAd, Profile } from '../documents.js'
import { hintsAt } from '../text/related-terms.js'
import { contentTerms, createTermBag, termOf } from '../text/terms.js'
import type { Evidence } from './evidence.js'
import type { Requirement } from './requirements.js'

/** Says what experience would close a gap, starting from the post that comes closest. It never claims one for the person. */
export function suggestExperience(
  requirement: Requirement,
  evidence: Evidence,
  profile: Profile,
  job: ParsedJobAd,
): string {
  const near = nearestExperience(requirement, profile, job)
  const place = near ? `${near.title} at ${near.at}` : 'a project of your own'
  const { label } = requirement
  switch (requirement.kind) {
    case 'skill':
      return (
        `${label} is ${evidence.words}. If you used ${label} as ${place}, say what you built with it and what it ` +
        `changed, in numbers; if not, build something small with ${label}${companionOf(requirement, profile, job)} and link to it.`
      )
    case 'years':
      return `"${label}": ${evidence.words}. Show the part of your time as ${place} that counts, with dates and results.`
    case 'degree':
      return `"${label}": ${evidence.words}. Name courses and certificates that cover the same ground.`
    case 'statement':
      return `"${label}": ${evidence.words}. Add a line to ${place} that shows you doing this, with its outcome.`
  }
}

function nearestExperience(
  requirement: Requirement,
  { experiences }: Profile,
  job: ParsedJobAd,
): Experience | undefined {
  const wanted = termsOf(requirement)
  const field = contentTerms([job.title, ...job.skills.flatMap(({ keywords }) => keywords)].join('\n'))
  const scored = experiences.map((post) => {
    const bag = createTermBag(`${post.title}\n${post.text}`)
    const closeness = wanted.filter(bag.has).length * 3 + field.filter(({ term }) => bag.has(term)).length
    return { post, closeness }
  })
  // The sort is stable and resumes begin with the latest post: of two equally close ones it wins.
  return scored.sort((a, b) => b.closeness - a.closeness)[0]?.post
}

function termsOf(requirement: Requirement): string[] {
  if (requirement.kind === 'skill') return [requirement.term, ...hintsAt(requirement.term).map(termOf)]
  return requirement.kind === 'degree' ? requirement.area : requirement.terms
}

/** A skill of the person's that goes with the missing one: one that hints at it, or else one that the ad asks for too. */
function companionOf({ term }: { term: string }, { skills }: Profile, job: ParsedJobAd): string {
  const own = new Set(skills.flatMap(({ keywords }) => keywords).map(termOf))
  const asked = job.skills.flatMap(({ keywords }) => keywords)
  const companion = [...hintsAt(term), ...asked].find((label) => own.has(termOf(label)))
  return companion === undefined ? '' : ` and ${companion}`
}
