import { optionInvalid } from '../errors/option-error.js'
import { checkShape } from '../resilience/option-shape.js'
import { checkRunCache, type RunCache } from './cached-runs.js'
import { declareHop, KNOWN_WIRING } from './declare-hop.js'
import { checkHopName, definitionOf, type Hop } from './define-hop.js'
import { assemblePipeline, checkOptions, type Pipeline, type PipelineOptions } from './pipeline.js'
import type { AnyWiring, Values } from './planned-hop.js'
import type { Sight } from './sight.js'

/** One hop of a graph that is built at run time, where types cannot follow. */
export interface GraphHop extends AnyWiring {
  // biome-ignore lint/suspicious/noExplicitAny: a graph from a configuration has no payload types
  readonly hop: Hop<any, unknown, any, boolean>
}

const KNOWN_ENTRY = ['hop', ...KNOWN_WIRING]

/** Options of {@link fromGraph}. */
export interface GraphOptions<Output, In = unknown> extends PipelineOptions {
  /** Keeps the outputs of whole runs that were `ok`. @defaultValue none */
  readonly cache?: RunCache<In> | undefined
  /** @defaultValue an object of all hops' values by name */
  readonly assemble?: ((values: Values, sight: Sight) => Output | PromiseLike<Output>) | undefined
}

/**
 * Makes a pipeline of a graph built at run time, from a configuration for instance; hops may come in any order.
 *
 * @throws PipelineError `ERR_PIPELINE_INVALID` for an unknown need, or with the path of a cycle: `a -> b -> a`.
 * @example
 * import { defineHop, fromGraph } from 'hopstash/pipeline'
 * const one = defineHop({ name: 'one', call: () => 1 })
 * const graph = fromGraph('numbers', { a: { hop: one }, b: { hop: one, needs: ['a'] } })
 * graph.plan().order // => ['a', 'b']
 */
export function fromGraph<In = unknown, Output = Values>(
  name: string,
  graph: Readonly<Record<string, GraphHop>>,
  options: GraphOptions<Output, In> = {},
): Pipeline<In, Output, Readonly<Record<string, unknown>>> {
  checkHopName('pipeline name', name)
  if (typeof options !== 'object' || options === null) throw optionInvalid('fromGraph', 'an object', options)
  if (typeof graph !== 'object' || graph === null || Array.isArray(graph)) {
    throw optionInvalid('graph', 'an object of hops by name', graph)
  }
  const { assemble = withoutInput, cache, ...pipelineOptions } = options
  checkOptions(pipelineOptions)
  if (cache !== undefined) checkRunCache(cache as RunCache<unknown>)
  const declared = Object.entries(graph).map(([hopName, entry]) => {
    checkShape(`graph.${hopName}`, entry, KNOWN_ENTRY)
    const { hop, ...wiring } = entry
    return declareHop(hopName, definitionOf(`graph.${hopName}.hop`, hop), wiring)
  })
  return assemblePipeline(
    name,
    pipelineOptions,
    declared,
    assemble,
    cache as RunCache<unknown> | undefined,
  ) as unknown as Pipeline<In, Output, Readonly<Record<string, unknown>>>
}

function withoutInput({ input: _, ...values }: Values): Values {
  return values
}
