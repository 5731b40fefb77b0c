import { z } from 'zod'
import { profile } from '../documents.js'
import { analysis } from '../hermes/contract.js'
import type { Contract } from '../module-server.js'

/** Imaginator: who, for which role, and what Hermes found in; a draft, its critique and the final section out. */
export const imaginatorContract = {
  path: '/write',
  input: z.object({
    profile: profile.pick({ label: true, summary: true, experiences: true }),
    job: z.object({ title: z.string().min(1), company: z.string().default('') }),
    analysis: analysis.pick({ strengths: true, gaps: true, suggested_experiences: true }),
  }),
  output: z.object({
    text: z.string().min(1),
    critique: z.string().min(1),
    final: z.string().min(1),
    usage: z.object({
      model: z.string(),
      calls: z.number().int(),
      input_tokens: z.number().int(),
      output_tokens: z.number().int(),
    }),
  }),
} satisfies Contract

export type ImaginatorInput = z.output<typeof imaginatorContract.input>
export type ImaginatorOutput = z.output<typeof imaginatorContract.output>
