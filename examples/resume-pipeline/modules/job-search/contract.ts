import { z } from 'zod'
import { skill } from '../documents.js'
import type { Contract } from '../module-server.js'

/** Job Search: a title and skills in; the open posts that fit best out. */
export const jobSearchContract = {
  path: '/search',
  input: z.object({
    title: z.string().default(''),
    skills: z.array(skill),
    limit: z.number().int().min(1).max(10).default(3),
  }),
  output: z.object({
    /** Best first. */
    jobs: z.array(
      z.object({
        id: z.string(),
        title: z.string(),
        company: z.string(),
        city: z.string(),
        /** Share of the post's skills that the person has, 0 to 1. */
        fit: z.number().min(0).max(1),
        matched: z.array(z.string()),
      }),
    ),
  }),
} satisfies Contract
