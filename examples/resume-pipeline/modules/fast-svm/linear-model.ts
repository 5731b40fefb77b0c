import { type Level, type ParsedJobAd, parseLevel, type Skill } from '../documents.js'
import { contentTerms, createTermBag, termOf } from '../text/terms.js'
import type { Scoring } from './contract.js'

/*
 * The decision function of a linear SVM, w·x - b, with weights that were set by hand: each term of the ad weighs what
 * the part of the ad it stands in weighs, x is the damped frequency of the term in the resume. Nothing here was trained
 * on people, and nothing but the words of the two documents goes in.
 */
const WEIGHT_OF_PART = { keyword: 4, skill: 2, title: 1.5, qualification: 1, responsibility: 0.6, description: 0.3 }
const WEIGHT_OF_LEVEL: Record<Level, number> = { beginner: 0.5, intermediate: 0.75, advanced: 1, master: 1.25 }
/** The share of the ad that a resume must speak of before the decision turns positive. */
const BIAS = 0.3
/** How steeply the decision becomes a score. */
const SLOPE = 6
/** So many mentions say it all. */
const SATURATION = 3

/** Scores a resume against an ad: one pass over the ad's terms. */
export function score({ text, skills, job }: { text: string; skills: Skill[]; job: ParsedJobAd }): Scoring {
  const resume = createTermBag(text)
  const terms = weigh(job)
    .map(({ term, label, weight }) => {
      const value = Math.min(1, Math.log1p(resume.count(term)) / Math.log1p(SATURATION))
      return { term: label, weight: round(weight), value: round(value), contribution: round(weight * value) }
    })
    .sort((a, b) => b.weight - a.weight)
  const decision = terms.reduce((sum, { contribution }) => sum + contribution, -BIAS)
  return {
    score: round(1 / (1 + Math.exp(-SLOPE * decision))),
    decision: round(decision),
    bias: BIAS,
    terms,
    skills: matchSkills(skills, job),
  }
}

/** The terms of an ad with their weights; all weights add up to 1. */
function weigh(job: ParsedJobAd): { term: string; label: string; weight: number }[] {
  const weights = new Map<string, { term: string; label: string; weight: number }>()
  function add(term: string, label: string, weight: number): void {
    const known = weights.get(term)
    if (known) known.weight += weight
    else if (term !== '') weights.set(term, { term, label, weight })
  }
  function addProse(text: string, weight: number): void {
    for (const { term, label } of contentTerms(text)) add(term, label, weight)
  }

  for (const { name, level, keywords } of job.skills) {
    const factor = WEIGHT_OF_LEVEL[parseLevel(level)]
    for (const keyword of keywords) add(termOf(keyword), keyword, WEIGHT_OF_PART.keyword * factor)
    add(termOf(name), name, WEIGHT_OF_PART.skill * factor)
  }
  addProse(job.title, WEIGHT_OF_PART.title)
  for (const line of job.qualifications) addProse(line, WEIGHT_OF_PART.qualification)
  for (const line of job.responsibilities) addProse(line, WEIGHT_OF_PART.responsibility)
  addProse(job.description, WEIGHT_OF_PART.description)

  const all = [...weights.values()]
  const sum = all.reduce((total, { weight }) => total + weight, 0)
  return all.map((entry) => ({ ...entry, weight: entry.weight / sum }))
}

function matchSkills(skills: Skill[], job: ParsedJobAd): Scoring['skills'] {
  const wanted = new Set(job.skills.flatMap(({ name, keywords }) => [name, ...keywords]).map(termOf))
  return skills
    .map(({ name, level, keywords }) => ({
      name,
      level,
      matched: [name, ...keywords].filter((label) => wanted.has(termOf(label))),
    }))
    .filter(({ matched }) => matched.length > 0)
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000
}
