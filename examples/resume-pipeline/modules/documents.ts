import { z } from 'zod'

const text = z.string().nullish()
const texts = z.array(z.string()).nullish()

/** A resume as people keep it (jsonresume.org): lenient, because exports leave out, blank and null what they like. */
export const jsonResume = z.looseObject({
  basics: z.looseObject({ name: z.string().trim().min(1), label: text, summary: text }),
  work: z
    .array(
      z.looseObject({
        name: text,
        description: text,
        position: text,
        startDate: text,
        endDate: text,
        summary: text,
        highlights: texts,
      }),
    )
    .nullish(),
  volunteer: z
    .array(
      z.looseObject({
        organization: text,
        position: text,
        startDate: text,
        endDate: text,
        summary: text,
        highlights: texts,
      }),
    )
    .nullish(),
  projects: z
    .array(
      z.looseObject({
        name: text,
        description: text,
        startDate: text,
        endDate: text,
        highlights: texts,
        keywords: texts,
        roles: texts,
      }),
    )
    .nullish(),
  education: z.array(z.looseObject({ institution: text, area: text, studyType: text, courses: texts })).nullish(),
  certificates: z.array(z.looseObject({ name: text, issuer: text })).nullish(),
  publications: z.array(z.looseObject({ name: text, summary: text })).nullish(),
  skills: z.array(z.looseObject({ name: text, level: text, keywords: texts })).nullish(),
  languages: z.array(z.looseObject({ language: text, fluency: text })).nullish(),
  meta: z.looseObject({ lastModified: text }).nullish(),
})
export type JsonResume = z.infer<typeof jsonResume>

/** A job ad in the job schema of the same project. */
export const jobAd = z.object({
  title: z.string().trim().min(1),
  company: z.string().default(''),
  description: z.string().default(''),
  experience: z.string().default(''),
  remote: z.string().default(''),
  location: z.object({ city: z.string().default(''), countryCode: z.string().default('') }).prefault({}),
  responsibilities: z.array(z.string()).default([]),
  qualifications: z.array(z.string()).default([]),
  skills: z
    .array(z.object({ name: z.string(), level: z.string().default(''), keywords: z.array(z.string()).default([]) }))
    .default([]),
})
/** An ad as it is sent; `title` is the only field that must be there. */
export type JobAd = z.input<typeof jobAd>
export type ParsedJobAd = z.output<typeof jobAd>

/** How well somebody knows a thing, from least to most. */
export const LEVELS = ['beginner', 'intermediate', 'advanced', 'master'] as const
export const level = z.enum(LEVELS)
export type Level = z.infer<typeof level>

export const skill = z.object({ name: z.string(), level, keywords: z.array(z.string()) })
export type Skill = z.infer<typeof skill>

const experience = z.object({
  kind: z.enum(['work', 'project', 'volunteer']),
  title: z.string(),
  at: z.string(),
  /** Length in years, to one decimal. */
  years: z.number().nonnegative(),
  text: z.string(),
})
export type Experience = z.infer<typeof experience>

export const DEGREES = ['none', 'associate', 'bachelor', 'master', 'doctor'] as const
const degree = z.enum(DEGREES)
export type Degree = z.infer<typeof degree>

/** A normalised resume: what the other modules work on. Contact details are not in it: nobody downstream needs them. */
export const profile = z.object({
  name: z.string(),
  label: z.string(),
  summary: z.string(),
  /** Everything worth scoring, one line per statement. */
  text: z.string(),
  skills: z.array(skill),
  experiences: z.array(experience),
  education: z.array(z.object({ degree, area: z.string(), institution: z.string() })),
  /** Years of paid work, overlaps counted once, to one decimal. */
  years: z.number().nonnegative(),
  languages: z.array(z.string()),
  /** What the Loader had to repair or leave out. */
  warnings: z.array(z.string()),
})
export type Profile = z.infer<typeof profile>

/** Reads a level from the words people use for it; `intermediate` if they use others. */
export function parseLevel(words: string): Level {
  if (/master|expert|fluent|native/i.test(words)) return 'master'
  if (/advanced|proficient|strong|senior/i.test(words)) return 'advanced'
  if (/beginner|basic|novice|elementary/i.test(words)) return 'beginner'
  return 'intermediate'
}

/** Reads a degree from the words people use for it. */
export function parseDegree(words: string): Degree {
  if (/ph\.?\s?d|doctor/i.test(words)) return 'doctor'
  if (/\bmaster|\bm\.?sc\b|\bmba\b/i.test(words)) return 'master'
  if (/bachelor|\bb\.?sc\b|\bb\.?a\b/i.test(words)) return 'bachelor'
  if (/associate/i.test(words)) return 'associate'
  return 'none'
}
