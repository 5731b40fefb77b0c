import { optionInvalid, optionUnknown } from '../errors/option-error.js'
import { checkFlag, checkFunction, checkShape } from '../resilience/option-shape.js'
import { type AnyHopOptions, checkHopName, HOP_OPTIONS, type HopDefinition, resolveHop } from './define-hop.js'
import type { HopContext } from './hop-context.js'
import type { DeclaredHop } from './plan-hops.js'
import type { AnyWiring, Values } from './planned-hop.js'

/** Options of a wiring by name. */
export const KNOWN_WIRING = ['needs', 'input', 'when', 'optional', 'enabled']
const KNOWN_INLINE = [
  ...['needs', 'when', 'optional', 'enabled', 'run'],
  ...HOP_OPTIONS.filter((option) => !['name', 'input', 'call', 'client'].includes(option)),
]
/** Names the wiring uses itself. */
const RESERVED = ['input', 'assemble']

/** Checks how a hop is wired, whatever its types say. @throws OptionError, PipelineError */
export function declareHop(name: string, definition: HopDefinition, wiring: AnyWiring): DeclaredHop {
  checkHopName('hop name', name)
  if (RESERVED.includes(name)) throw optionInvalid('hop name', 'another name, since the wiring uses this one', name)
  checkShape(`wiring of hop '${name}'`, wiring, KNOWN_WIRING)
  for (const part of ['input', 'when'] as const) {
    checkFunction(wiring[part], `hop '${name}'.${part}`, 'a function of the values')
  }
  for (const part of ['optional', 'enabled'] as const) checkFlag(wiring[part], `hop '${name}'.${part}`)
  if (wiring.needs !== undefined && !Array.isArray(wiring.needs)) {
    throw optionInvalid(`hop '${name}'.needs`, 'a list of hop names', wiring.needs)
  }
  return Object.freeze({ name, definition, wiring: Object.freeze({ ...wiring }), needs: [...(wiring.needs ?? [])] })
}

/** Options of a hop declared where it is wired. */
export type InlineOptions = Omit<AnyWiring, 'input'> &
  Omit<AnyHopOptions, 'call' | 'input' | 'name'> & {
    readonly run: (values: unknown, context: HopContext<unknown, unknown, unknown>) => unknown
  }

/** Checks a hop declared where it is wired: its answers are those of this pipeline. @throws OptionError, PipelineError */
export function declareInline(pipeline: string, name: string, options: InlineOptions): DeclaredHop {
  const where = `hop '${name}'`
  const { needs, when, optional, enabled, run, ...rest } = options
  for (const key of Object.keys(rest)) if (!KNOWN_INLINE.includes(key)) throw optionUnknown(where, key, KNOWN_INLINE)
  if (typeof run !== 'function') throw optionInvalid(`${where}.run`, 'a function of the values', run)
  const call: AnyHopOptions['call'] = (context) => run(context.input, context)
  const wiring = {
    ...(needs !== undefined && { needs }),
    ...(when !== undefined && { when }),
    ...(optional !== undefined && { optional }),
    ...(enabled !== undefined && { enabled }),
    input: (values: Values) => values,
  }
  return declareHop(name, resolveHop({ ...rest, name, call }, pipeline), wiring)
}
