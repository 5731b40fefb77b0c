import { z } from 'zod'
import { jobAd, level, skill } from '../documents.js'
import type { Contract } from '../module-server.js'

const scoredTerm = z.object({
  term: z.string(),
  /** Share of the ad's weight, 0 to 1; all of them add up to 1. */
  weight: z.number(),
  /** How much the resume says of it, 0 to 1. */
  value: z.number(),
  contribution: z.number(),
})

/** FastSVM: a resume's text and skills and an ad in; the ad's terms weighed against the resume out. */
export const fastSvmContract = {
  path: '/score',
  input: z.object({ text: z.string().min(1), skills: z.array(skill).default([]), job: jobAd }),
  output: z.object({
    /** The decision squashed to 0..1. */
    score: z.number().min(0).max(1),
    /** Sum of the contributions, less the bias; above 0 speaks for a match. */
    decision: z.number(),
    bias: z.number(),
    /** Heaviest first. */
    terms: z.array(scoredTerm),
    /** The resume's own skills that the ad asks for. */
    skills: z.array(z.object({ name: z.string(), level, matched: z.array(z.string()) })),
  }),
} satisfies Contract

export type Scoring = z.output<typeof fastSvmContract.output>
