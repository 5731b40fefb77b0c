import { digest } from '../keys/digest.js'
import { byConfidence } from './by-confidence.js'
import {
  changePreset,
  definePresets,
  needed,
  neededIn,
  type PresetChanges,
  type PresetDefinitions,
  type PresetTable,
  resumeTag,
} from './define-presets.js'
import type { NamespaceDefinition } from './namespace-options.js'

export { namespace, type PresetOptions } from './define-presets.js'

/** A rendered template or PDF: which template, of which resume. */
export interface RenderKey {
  readonly templateId: string
  /** The resume itself; only its digest gets into the key. */
  readonly resume: unknown
  /** Tags the entry `resume:{id}`, so that a change of that resume can invalidate it. */
  readonly resumeId?: string
}

/** A prompt: its type and the data it is built from. */
export interface PromptKey {
  readonly type: string
  readonly data: unknown
}

/** An evaluation: a job against a resume, or against a version of it. */
export type EvaluationKey =
  | { readonly jobId: string; readonly resume: unknown; readonly resumeVersion?: undefined; readonly resumeId?: string }
  | {
      readonly jobId: string
      readonly resumeVersion: string | number
      readonly resume?: undefined
      readonly resumeId?: string
    }

/** A resume tailored to a job. */
export interface TailoredResumeKey {
  readonly jobId: string
  readonly baseResume: unknown
  readonly resumeId?: string
}

/** A whole analysis run: resume against job ad. */
export interface AnalysisKey {
  readonly resumeText: string
  readonly jobAd: string
}

/** A page of a feed. */
export interface FeedKey {
  readonly query: unknown
  readonly page: number
}

/** A search at an outside API. */
export interface SearchKey {
  readonly query: unknown
  readonly location?: string
}

/** Value and key type of every preset. */
export interface PresetTypes {
  readonly template: { value: string; key: RenderKey }
  readonly prompt: { value: string; key: PromptKey }
  readonly aiResponse: { value: unknown; key: unknown }
  readonly pdf: { value: Uint8Array; key: RenderKey }
  readonly evaluation: { value: unknown; key: EvaluationKey }
  readonly tailoredResume: { value: unknown; key: TailoredResumeKey }
  readonly analysis: { value: unknown; key: AnalysisKey }
  readonly jobFeed: { value: unknown; key: FeedKey }
  readonly jobSearch: { value: unknown; key: SearchKey }
  readonly job: { value: unknown; key: string | number }
  readonly resume: { value: unknown; key: string | number }
  readonly general: { value: unknown; key: unknown }
}

/** Name of a preset. */
export type PresetName = keyof PresetTypes

const confidenceOf = (value: unknown): number => {
  const confidence = (value as { confidence?: unknown } | null)?.confidence
  return typeof confidence === 'number' ? confidence : 0
}

const table: PresetTable<PresetTypes> = {
  template: {
    max: 50,
    ttl: '1h',
    category: 'rendering',
    description: 'Rendered HTML',
    key: (input) => ['render', neededIn(input, 'templateId'), digest(neededIn(input, 'resume'))],
    tags: (_html, { templateId, resumeId }) => [`template:${templateId}`, ...resumeTag(resumeId)],
  },
  prompt: {
    max: 100,
    ttl: '30m',
    category: 'ai',
    description: 'Built prompts',
    key: (input) => [neededIn(input, 'type'), digest(neededIn(input, 'data'))],
  },
  aiResponse: {
    max: 50,
    ttl: '15m',
    category: 'ai',
    description: 'Model answers',
    coalesce: 'cluster',
    key: (request) => ['ai_response', digest(request)],
  },
  pdf: {
    max: 20,
    ttl: '1h',
    category: 'rendering',
    description: 'Rendered PDFs',
    key: (input) => ['pdf', neededIn(input, 'templateId'), digest(neededIn(input, 'resume'))],
    tags: (_pdf, { templateId, resumeId }) => [`template:${templateId}`, ...resumeTag(resumeId)],
  },
  evaluation: {
    max: 500,
    ttl: Infinity,
    category: 'evaluation',
    description: 'A job against a resume: 10 to 60 s of work',
    key: (input) => ['eval', neededIn(input, 'jobId'), input.resumeVersion ?? digest(neededIn(input, 'resume'))],
    tags: (_evaluation, { jobId, resumeId }) => [`job:${jobId}`, ...resumeTag(resumeId)],
    subject: ({ resumeId }) => resumeId,
  },
  tailoredResume: {
    max: 100,
    ttl: Infinity,
    category: 'evaluation',
    description: 'A resume tailored to a job',
    key: (input) => ['tailored', neededIn(input, 'jobId'), digest(neededIn(input, 'baseResume'))],
    tags: (_resume, { jobId, resumeId }) => [`job:${jobId}`, ...resumeTag(resumeId)],
    subject: ({ resumeId }) => resumeId,
  },
  analysis: {
    max: 100,
    ttl: byConfidence(confidenceOf, { min: '5m', max: '24h' }),
    category: 'evaluation',
    description: 'Whole pipeline runs',
    key: (input) => ['analysis', digest(neededIn(input, 'resumeText')), digest(neededIn(input, 'jobAd'))],
  },
  jobFeed: {
    max: 100,
    ttl: '5m',
    category: 'jobs',
    description: 'Pages of the job feed',
    tags: ['feed'],
    key: (input) => ['feed', digest(neededIn(input, 'query')), neededIn(input, 'page')],
  },
  jobSearch: {
    max: 100,
    ttl: '15m',
    category: 'jobs',
    description: 'Results of an outside job search',
    key: (input) => ['search', digest(neededIn(input, 'query')), input.location],
  },
  job: {
    max: 1000,
    ttl: '1h',
    category: 'jobs',
    description: 'Single jobs',
    key: (id) => ['job', needed(id, '$')],
    tags: (_job, id) => [`job:${id}`],
  },
  resume: {
    max: 100,
    ttl: '1h',
    category: 'resumes',
    description: 'Single resumes',
    key: (id) => ['resume', needed(id, '$')],
    tags: (_resume, id) => [`resume:${id}`],
    subject: (id) => String(id),
  },
  general: { max: 100, ttl: '10m', category: 'general', description: 'Anything else' },
}

/** Definitions of all presets, by name. */
export type Presets = PresetDefinitions<PresetTypes>

/** Every preset with its own settings; spread it into `namespaces` and override what differs. */
export const presets: Presets = definePresets<PresetTypes>(table)

/**
 * A preset with some options of one's own. A `schema` types its value; so does `preset(name).as<Value>()`.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID` for an unknown preset, or a `key`: another key is another namespace.
 * @example
 * import { preset } from 'hopstash'
 * preset('evaluation', { staleIfError: '7d' }).options.max // => 500
 */
export function preset<N extends PresetName, Output = PresetTypes[N]['value']>(
  name: N,
  options: PresetChanges<Output, PresetTypes[N]['key']> = {},
): NamespaceDefinition<Output, PresetTypes[N]['key']> {
  return changePreset(table, name, options)
}
