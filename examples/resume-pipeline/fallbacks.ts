import type { z } from 'zod'
import { type JsonResume, LEVELS, type Profile, parseDegree, parseLevel } from './modules/documents.js'
import type { Analysis, hermesContract } from './modules/hermes/contract.js'
import type { ImaginatorInput, ImaginatorOutput } from './modules/imaginator/contract.js'
import { createTermBag, termOf } from './modules/text/terms.js'

/*
 * What the back end can say by itself when a module cannot. Each of these fits the module's contract, says in words a
 * user reads that it is a makeshift, and claims nothing that was not looked at.
 */

/** Stands in for the Loader: copies what needs no interpretation. Contact details stay out, as they do in the Loader. */
export function bareProfile(resume: JsonResume): Profile {
  const experiences = (resume.work ?? []).map((job) => ({
    kind: 'work' as const,
    title: job.position ?? '',
    at: job.name ?? '',
    years: yearsBetween(job.startDate, job.endDate ?? resume.meta?.lastModified),
    text: [...(job.highlights ?? []), job.summary].filter(Boolean).join(' '),
  }))
  const skills = (resume.skills ?? []).flatMap(({ name, level, keywords }) =>
    name ? [{ name, level: parseLevel(level ?? ''), keywords: keywords ?? [] }] : [],
  )
  const { name, label, summary } = resume.basics
  const lines = [label, summary, ...experiences.flatMap(({ title, at, text }) => [`${title}, ${at}`, text])]
  return {
    name,
    label: label ?? '',
    summary: summary ?? '',
    text: [...lines, ...skills.flatMap((skill) => [skill.name, ...skill.keywords])].filter(Boolean).join('\n'),
    skills,
    experiences,
    education: (resume.education ?? []).map(({ studyType, area, institution }) => ({
      degree: parseDegree(studyType ?? ''),
      area: area ?? '',
      institution: institution ?? '',
    })),
    // Posts may overlap, which takes a calendar to see; the longest one is certain.
    years: Math.max(0, ...experiences.map(({ years }) => years)),
    languages: (resume.languages ?? []).flatMap(({ language }) => language ?? []),
    warnings: ['The Loader did not answer: copied as it was, projects left out, years are those of the longest post.'],
  }
}

type HermesInput = z.output<typeof hermesContract.input>

const WEIGHT_OF_LEVEL = { beginner: 0.4, intermediate: 0.7, advanced: 0.9, master: 1 }
const UNSEEN = 'not mentioned (a look for keywords: Hermes did not answer)'
const SUGGESTIONS = 5

/** Stands in for Hermes: looks for the ad's skills in the resume, by word. FastSVM's score is kept if there is one. */
export function keywordAnalysis({ profile, job, match }: HermesInput): { analysis: Analysis } {
  const resume = createTermBag(profile.text)
  const wanted = job.skills.flatMap(({ name, level, keywords }) =>
    (keywords.length > 0 ? keywords : [name]).map((label) => ({ label, level: parseLevel(level) })),
  )
  // An ad without skills still asks for its title.
  const asked = wanted.length > 0 ? wanted : [{ label: job.title, level: LEVELS[1] }]
  const met = asked.filter(({ label }) => resume.has(termOf(label)))
  const gaps = asked
    .filter((skill) => !met.includes(skill))
    .map(({ label, level }) => ({ requirement: label, weight: WEIGHT_OF_LEVEL[level] }))
    .sort((a, b) => b.weight - a.weight)
    .map((gap) => ({ ...gap, priority: priorityOf(gap.weight), evidence: UNSEEN }))
  return {
    analysis: {
      match_score: match?.score ?? met.length / asked.length,
      match_source: match ? 'fast-svm' : 'coverage',
      strengths: met.map(({ label }) => ({ requirement: label, evidence: 'mentioned' })),
      gaps,
      suggested_experiences: gaps.slice(0, SUGGESTIONS).map(({ requirement, priority }) => ({
        gap: requirement,
        suggestion: `${requirement} is ${UNSEEN}. If you have used it, say where and what came of it.`,
        priority,
      })),
    },
  }
}

/** Stands in for Imaginator: a text out of a template. It names the top gap, as the real section does. */
export function templateSection({ profile, job, analysis }: ImaginatorInput): ImaginatorOutput {
  const role = job.company === '' ? job.title : `${job.title} at ${job.company}`
  const [top] = analysis.gaps
  const strengths = analysis.strengths.slice(0, 4).map(({ requirement }) => requirement)
  const text = [
    `Written from a template, because Imaginator did not answer. ${profile.label || 'Candidate'} for the role of ${role}.`,
    ...(strengths.length > 0 ? [`Meets: ${strengths.join('; ')}.`] : []),
  ].join(' ')
  return {
    text,
    critique: 'Nobody read this draft: Imaginator did not answer.',
    final: top === undefined ? text : `${text} The top gap is ${top.requirement}: ${top.evidence}.`,
    usage: { model: 'none', calls: 0, input_tokens: 0, output_tokens: 0 },
  }
}

function priorityOf(weight: number): 'high' | 'medium' | 'low' {
  if (weight >= 0.8) return 'high'
  return weight >= 0.45 ? 'medium' : 'low'
}

/** Whole months are not worth a calendar here: dates begin with their year. */
function yearsBetween(start: string | null | undefined, end: string | null | undefined): number {
  const [from, to] = [start, end].map((date) => Number(/^\d{4}/.exec(date ?? '')?.[0]))
  return from && to && to > from ? to - from : 0
}
