import { optionInvalid, optionUnknown } from '../errors/option-error.js'
import { digest } from '../keys/digest.js'
import { requireObject } from './argument-checks.js'
import { defineNamespace, type NamespaceDefinition, type NamespaceOptions } from './namespace-options.js'
import type { AnalysisKey, PresetOptions, RenderKey, TailoredResumeKey } from './presets.js'
import type { StandardSchema } from './standard-schema.js'

/** Value and key type of every preset of the browser entry. */
export interface PresetTypes {
  readonly analysis: { value: unknown; key: AnalysisKey }
  readonly resume: { value: unknown; key: string | number }
  readonly optimizedResume: { value: unknown; key: TailoredResumeKey }
  readonly pdfBlob: { value: Blob; key: RenderKey }
  readonly recommendations: { value: unknown; key: unknown }
}

/** Name of a preset of the browser entry. */
export type PresetName = keyof PresetTypes

type PresetTable = { readonly [N in PresetName]: NamespaceOptions<PresetTypes[N]['value'], PresetTypes[N]['key']> }

const resumeTag = (resumeId: string | undefined): string[] => (resumeId === undefined ? [] : [`resume:${resumeId}`])

const table: PresetTable = {
  analysis: {
    max: 50,
    ttl: '10m',
    category: 'evaluation',
    description: 'Analyses of a resume against a job ad',
    key: ({ resumeText, jobAd }) => ['analysis', digest(resumeText), digest(jobAd)],
  },
  resume: {
    max: 50,
    ttl: '10m',
    category: 'resumes',
    description: 'Single resumes',
    key: (id) => ['resume', id],
    tags: (_resume, id) => [`resume:${id}`],
    subject: (id) => String(id),
  },
  optimizedResume: {
    max: 30,
    ttl: '5m',
    category: 'evaluation',
    description: 'A resume optimized for a job',
    key: ({ jobId, baseResume }) => ['optimized', jobId, digest(baseResume)],
    tags: (_resume, { jobId, resumeId }) => [`job:${jobId}`, ...resumeTag(resumeId)],
    subject: ({ resumeId }) => resumeId,
  },
  pdfBlob: {
    max: 20,
    ttl: '10m',
    category: 'rendering',
    description: 'Rendered PDFs',
    // Nobody can change a Blob, and nothing but its owner can copy one without reading it.
    isolation: 'share',
    key: ({ templateId, resume }) => ['pdf', templateId, digest(resume)],
    tags: (_pdf, { templateId, resumeId }) => [`template:${templateId}`, ...resumeTag(resumeId)],
  },
  recommendations: { max: 50, ttl: '10m', category: 'jobs', description: 'Recommended jobs' },
}

/** Definitions of all presets of the browser entry, by name. */
export type Presets = {
  readonly [N in PresetName]: NamespaceDefinition<PresetTypes[N]['value'], PresetTypes[N]['key']>
}

/** Every preset of the browser entry with its own settings; spread it into `namespaces` and override what differs. */
export const presets: Presets = Object.freeze(
  Object.fromEntries(
    Object.entries(table).map(([name, options]) => [
      name,
      defineNamespace(options as NamespaceOptions<unknown, unknown>, name),
    ]),
  ),
) as Presets

/**
 * A preset of the browser entry with some options of one's own. A `schema` types its value.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID` for an unknown preset, or a `key`: another key is another namespace.
 */
export function preset<N extends PresetName, Output = PresetTypes[N]['value']>(
  name: N,
  options: PresetOptions<Output, PresetTypes[N]['key']> & { readonly schema?: StandardSchema<unknown, Output> } = {},
): NamespaceDefinition<Output, PresetTypes[N]['key']> {
  const base = Object.hasOwn(table, name) ? table[name] : undefined
  if (base === undefined) throw optionUnknown('the presets', name, Object.keys(table))
  requireObject(options, 'options', 'an object of namespace options')
  if ('key' in options)
    throw optionInvalid(`preset('${name}').key`, 'absent: for another key declare a namespace', options.key)
  return defineNamespace({ ...base, ...options } as unknown as NamespaceOptions<Output, PresetTypes[N]['key']>, name)
}

/** Declares a namespace of one's own, typed by its key and value. */
export function namespace<V = unknown, K = unknown>(options: NamespaceOptions<V, K> = {}): NamespaceDefinition<V, K> {
  return defineNamespace(options)
}
