import type { ParsedJobAd, Profile } from '../documents.js'
import type { Analysis, Priority } from './contract.js'
import { createJudge, type Evidence } from './evidence.js'
import { extractRequirements, type Requirement } from './requirements.js'
import { suggestExperience } from './suggestion.js'

/** From here on a requirement counts as met. */
const MET = 0.75
/** Gaps below are noise. */
const SMALLEST_GAP = 0.1
const SUGGESTIONS = 5

/** Holds a resume against an ad. A gap weighs what the requirement weighs, times what the resume leaves open. */
export function analyse(input: {
  profile: Profile
  job: ParsedJobAd
  match?: { score: number } | null | undefined
}): Analysis {
  const { profile, job, match } = input
  const requirements = extractRequirements(job)
  const judge = createJudge(profile, fieldTermsOf(requirements))
  const judged = requirements.map((requirement) => ({ requirement, evidence: judge(requirement) }))
  const gaps = judged
    .filter(({ evidence }) => evidence.strength < MET)
    .map(({ requirement, evidence }) => ({
      requirement,
      evidence,
      weight: requirement.weight * (1 - evidence.strength),
    }))
    .filter(({ weight }) => weight >= SMALLEST_GAP)
    .sort((a, b) => b.weight - a.weight)

  return {
    match_score: match?.score ?? coverage(judged),
    match_source: match ? 'fast-svm' : 'coverage',
    strengths: judged
      .filter(({ evidence }) => evidence.strength >= MET)
      .map(({ requirement, evidence }) => ({ requirement: requirement.label, evidence: evidence.words })),
    gaps: gaps.map(({ requirement, evidence, weight }) => ({
      requirement: requirement.label,
      priority: priorityOf(weight),
      weight: round(weight),
      evidence: evidence.words,
    })),
    suggested_experiences: gaps.slice(0, SUGGESTIONS).map(({ requirement, evidence, weight }) => ({
      gap: requirement.label,
      suggestion: suggestExperience(requirement, evidence, profile, job),
      priority: priorityOf(weight),
    })),
  }
}

function fieldTermsOf(requirements: readonly Requirement[]): string[] {
  return requirements.flatMap((requirement) => (requirement.kind === 'skill' ? [requirement.term] : []))
}

function coverage(judged: readonly { requirement: Requirement; evidence: Evidence }[]): number {
  const total = judged.reduce((sum, { requirement }) => sum + requirement.weight, 0)
  const met = judged.reduce((sum, { requirement, evidence }) => sum + requirement.weight * evidence.strength, 0)
  return total === 0 ? 1 : round(met / total)
}

function priorityOf(weight: number): Priority {
  if (weight >= 0.8) return 'high'
  return weight >= 0.45 ? 'medium' : 'low'
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
