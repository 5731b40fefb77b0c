import { digest } from '../keys/digest.js'
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
import type { AnalysisKey, RenderKey, TailoredResumeKey } from './presets.js'

export { namespace, type PresetOptions } from './define-presets.js'

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

const table: PresetTable<PresetTypes> = {
  analysis: {
    max: 50,
    ttl: '10m',
    category: 'evaluation',
    description: 'Analyses of a resume against a job ad',
    key: (input) => ['analysis', digest(neededIn(input, 'resumeText')), digest(neededIn(input, 'jobAd'))],
  },
  resume: {
    max: 50,
    ttl: '10m',
    category: 'resumes',
    description: 'Single resumes',
    key: (id) => ['resume', needed(id, '$')],
    tags: (_resume, id) => [`resume:${id}`],
    subject: (id) => String(id),
  },
  optimizedResume: {
    max: 30,
    ttl: '5m',
    category: 'evaluation',
    description: 'A resume optimized for a job',
    key: (input) => ['optimized', neededIn(input, 'jobId'), digest(neededIn(input, 'baseResume'))],
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
    key: (input) => ['pdf', neededIn(input, 'templateId'), digest(neededIn(input, 'resume'))],
    tags: (_pdf, { templateId, resumeId }) => [`template:${templateId}`, ...resumeTag(resumeId)],
  },
  recommendations: { max: 50, ttl: '10m', category: 'jobs', description: 'Recommended jobs' },
}

/** Definitions of all presets of the browser entry, by name. */
export type Presets = PresetDefinitions<PresetTypes>

/** Every preset of the browser entry with its own settings; spread it into `namespaces` and override what differs. */
export const presets: Presets = definePresets<PresetTypes>(table)

/**
 * A preset of the browser entry with some options of one's own. A `schema` types its value.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID` for an unknown preset, or a `key`: another key is another namespace.
 */
export function preset<N extends PresetName, Output = PresetTypes[N]['value']>(
  name: N,
  options: PresetChanges<Output, PresetTypes[N]['key']> = {},
): NamespaceDefinition<Output, PresetTypes[N]['key']> {
  return changePreset(table, name, options)
}
