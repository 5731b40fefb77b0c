import { z } from 'zod'
import { jobAd, profile } from '../documents.js'
import type { Contract } from '../module-server.js'

const priority = z.enum(['high', 'medium', 'low'])
export type Priority = z.infer<typeof priority>

/** What Hermes found out: the part of the answer that a person reads first. */
export const analysis = z.object({
  match_score: z.number().min(0).max(1),
  /** `coverage` is Hermes' own estimate, for when FastSVM has nothing to say. */
  match_source: z.enum(['fast-svm', 'coverage']),
  strengths: z.array(z.object({ requirement: z.string(), evidence: z.string() })),
  /** Heaviest first. */
  gaps: z.array(z.object({ requirement: z.string(), priority, weight: z.number(), evidence: z.string() })),
  /** One for each of the heaviest gaps, in their order. */
  suggested_experiences: z.array(z.object({ gap: z.string(), suggestion: z.string(), priority })),
})
export type Analysis = z.infer<typeof analysis>

/** Hermes: a profile, an ad and, if there is one, FastSVM's score in; strengths, gaps and suggestions out. */
export const hermesContract = {
  path: '/analyse',
  input: z.object({
    profile,
    job: jobAd,
    match: z.object({ score: z.number().min(0).max(1) }).nullish(),
  }),
  output: z.object({ analysis }),
} satisfies Contract
