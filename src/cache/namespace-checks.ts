import { optionInvalid, optionUnknown } from '../errors/option-error.js'
import { checkAnswersAtOnce } from '../resilience/option-shape.js'
import { requireBoolean, requireObject, requireText } from './argument-checks.js'
import { NAMESPACE_OPTION_NAMES, type NamespaceOptions } from './namespace-options.js'

const FUNCTIONS = ['key', 'scope', 'subject', 'cacheable', 'migrate', 'cost'] as const
/** A namespace goes by their answers at once; that of `negative.when` is checked with it. */
const ANSWERING = [...FUNCTIONS, 'ttl', 'tags'] as const
const BOOLEANS = ['requireScope', 'sliding', 'strict', 'detectReentrancy'] as const
const TEXTS = ['description', 'category'] as const

/** Checks names and kinds of a namespace's options; what they say is checked where it is used. @throws {OptionError} */
export function checkNamespaceOptions<V, K>(name: string, options: NamespaceOptions<V, K>): void {
  for (const [option, value] of Object.entries(options)) {
    if (!(NAMESPACE_OPTION_NAMES as readonly string[]).includes(option)) {
      throw optionUnknown(`namespace '${name}'`, option, NAMESPACE_OPTION_NAMES)
    }
    // `undefined` is left out; `null` is somebody's mistake, and `??` would hide it.
    if (value === null) throw optionInvalid(`${name}.${option}`, 'set, or left out', value)
  }
  const at = (option: string): string => `${name}.${option}`
  for (const option of FUNCTIONS) {
    const given: unknown = options[option]
    if (given !== undefined && typeof given !== 'function') throw optionInvalid(at(option), 'a function', given)
  }
  for (const option of ANSWERING) checkAnswersAtOnce(options[option], at(option))
  for (const option of BOOLEANS) requireBoolean(options[option], at(option))
  for (const option of TEXTS) requireText(options[option], at(option))
  if (options.negative !== undefined) checkNames(options.negative, at('negative'), ['when', 'ttl'])
  if (options.earlyRefresh !== undefined && typeof options.earlyRefresh !== 'boolean') {
    checkNames(options.earlyRefresh, at('earlyRefresh'), ['beta'], 'true, false or ')
  }
  checkVersion(options.version, at('version'))
  checkLabels(options.labels, at('labels'))
  checkSchema(options.schema, at('schema'))
  checkTextForm(options.text, at('text'))
}

/** Checks how texts are brought to one form. @throws {OptionError} `ERR_OPTION_INVALID` */
export function checkTextForm(text: unknown, option: string): void {
  if (text === undefined || text === true) return
  checkNames(text, option, Object.keys(TEXT_STEPS), 'true or ')
  for (const [step, value] of Object.entries(text as object)) {
    const only = TEXT_STEPS[step as keyof typeof TEXT_STEPS]
    if (value !== undefined && value !== only) throw optionInvalid(`${option}.${step}`, `'${only}', or left out`, value)
  }
}
const TEXT_STEPS = { unicode: 'NFC', lineEnds: 'lf', trailingSpace: 'trim' } as const

function checkNames(value: unknown, option: string, known: readonly string[], or = ''): void {
  requireObject(value, option, `${or}an object with ${known.map((name) => `\`${name}\``).join(', ')}`)
  for (const name of Object.keys(value as object)) if (!known.includes(name)) throw optionUnknown(option, name, known)
}

function checkVersion(version: unknown, option: string): void {
  const fits = version === undefined || typeof version === 'string' || Number.isFinite(version)
  if (!fits) throw optionInvalid(option, 'a text or a number', version)
}

function checkLabels(labels: unknown, option: string): void {
  if (labels === undefined) return
  if (!Array.isArray(labels) || !labels.every((label) => typeof label === 'string'))
    throw optionInvalid(option, 'an array of texts', labels)
}

function checkSchema(schema: unknown, option: string): void {
  if (schema === undefined) return
  const standard = (schema as { readonly '~standard'?: { readonly validate?: unknown } })['~standard']
  if (typeof standard?.validate !== 'function') {
    throw optionInvalid(option, 'a Standard Schema, as zod, valibot and arktype make them', schema)
  }
}
