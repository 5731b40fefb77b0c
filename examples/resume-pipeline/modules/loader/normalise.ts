import { type Experience, type JsonResume, type Profile, parseDegree, parseLevel, type Skill } from '../documents.js'
import { createTimeline, type Span } from './timeline.js'

/** Turns a resume as people write it into the profile that the other modules work on. */
export function normalise(resume: JsonResume): Profile {
  const warnings: string[] = []
  const timeline = createTimeline(resume.meta?.lastModified, warnings)
  const skills = skillsOf(resume, warnings)
  const experiences = experiencesOf(resume, timeline.years)
  const education = (resume.education ?? []).map((school) => ({
    degree: parseDegree(school.studyType ?? ''),
    area: clean(school.area),
    institution: clean(school.institution),
  }))
  return {
    name: clean(resume.basics.name),
    label: clean(resume.basics.label),
    summary: clean(resume.basics.summary),
    text: proseOf(resume, skills, experiences),
    skills,
    experiences,
    education,
    years: timeline.total(resume.work ?? []),
    languages: (resume.languages ?? []).map(({ language }) => clean(language)).filter(Boolean),
    warnings: [...new Set(warnings)],
  }
}

function skillsOf(resume: JsonResume, warnings: string[]): Skill[] {
  const skills: Skill[] = []
  for (const [index, { name, level, keywords }] of (resume.skills ?? []).entries()) {
    if (clean(name) === '') warnings.push(`skills[${index}] has no name and was left out`)
    else skills.push({ name: clean(name), level: parseLevel(level ?? ''), keywords: distinct(keywords ?? []) })
  }
  return skills
}

function experiencesOf(resume: JsonResume, years: (span: Span) => number): Experience[] {
  const work = (resume.work ?? []).map((job) => ({
    kind: 'work' as const,
    title: clean(job.position),
    at: clean(job.name),
    years: years(job),
    text: sentences(...(job.highlights ?? []), job.summary, job.description),
  }))
  const projects = (resume.projects ?? []).map((project) => ({
    kind: 'project' as const,
    title: clean(project.roles?.[0]) || 'Author',
    at: clean(project.name),
    years: years(project),
    text: sentences(project.description, ...(project.highlights ?? []), (project.keywords ?? []).join(', ')),
  }))
  const volunteer = (resume.volunteer ?? []).map((post) => ({
    kind: 'volunteer' as const,
    title: clean(post.position),
    at: clean(post.organization),
    years: years(post),
    text: sentences(...(post.highlights ?? []), post.summary),
  }))
  return [...work, ...projects, ...volunteer]
}

function proseOf(resume: JsonResume, skills: Skill[], experiences: Experience[]): string {
  const lines = [
    resume.basics.label,
    resume.basics.summary,
    ...skills.map(({ name, keywords }) => `${name}: ${keywords.join(', ')}`),
    ...experiences.map(({ title, at, text }) => `${title}, ${at}. ${text}`),
    ...(resume.education ?? []).map(({ studyType, area, courses }) => sentences(studyType, area, ...(courses ?? []))),
    ...(resume.certificates ?? []).map(({ name }) => name),
    ...(resume.publications ?? []).map(({ name, summary }) => sentences(name, summary)),
  ]
  return lines.map(clean).filter(Boolean).join('\n')
}

/** One line, NFC, without control characters and doubled blanks. */
function clean(text: string | null | undefined): string {
  return (text ?? '')
    .normalize('NFC')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
}

function sentences(...parts: (string | null | undefined)[]): string {
  return parts
    .map(clean)
    .filter(Boolean)
    .map((part) => (/[.!?…]$/.test(part) ? part : `${part}.`))
    .join(' ')
}

function distinct(texts: readonly string[]): string[] {
  const byTerm = new Map(texts.map((text) => [clean(text).toLowerCase(), clean(text)]))
  byTerm.delete('')
  return [...byTerm.values()]
}
