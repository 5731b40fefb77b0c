import { z } from 'zod'
import { jsonResume, profile } from '../documents.js'
import type { Contract } from '../module-server.js'

/** Loader: a resume in, as JSON text or as an object; a normalised profile out. */
export const loaderContract = {
  path: '/load',
  input: z.object({ resume: z.union([z.string(), jsonResume]) }),
  output: profile,
} satisfies Contract
