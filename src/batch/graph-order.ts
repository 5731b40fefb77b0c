import { graphInvalid } from '../errors/batch-error.js'
import { nearestName } from '../errors/option-error.js'

/** An item of a graph before it runs. */
export interface GraphNode {
  readonly id: string
  readonly dependsOn: readonly string[]
  /** Places it touches, as steps; `undefined` where nobody said. */
  readonly touches: readonly (readonly string[])[] | undefined
}

/** Who waits for whom. */
export interface GraphOrder {
  /** Places of the nodes in an order in which every one comes after those it depends on; else as they were given. */
  readonly sorted: readonly number[]
  /** For each node, those it depends on: without their result it is not run. */
  readonly needs: readonly ReadonlySet<number>[]
  /** For each node, those it only comes after, because they touch the same. */
  readonly after: readonly ReadonlySet<number>[]
}

/** Puts nodes in an order. @throws {BatchError} `ERR_GRAPH_INVALID` for equal ids, unknown dependencies and cycles. */
export function orderGraph(nodes: readonly GraphNode[]): GraphOrder {
  const places = placesById(nodes)
  const needs = nodes.map(({ id, dependsOn }) => new Set(dependsOn.map((name) => placeOf(places, id, name))))
  const sorted = sortByNeeds(nodes, needs)
  return { sorted, needs, after: orderByTouches(nodes, sorted) }
}

function placesById(nodes: readonly GraphNode[]): ReadonlyMap<string, number> {
  const places = new Map<string, number>()
  for (const [place, { id }] of nodes.entries()) {
    if (places.has(id)) throw graphInvalid(`two have the id '${id}'`, 'Give `id`, a function that tells them apart.')
    places.set(id, place)
  }
  return places
}

function placeOf(places: ReadonlyMap<string, number>, id: string, dependency: string): number {
  const place = places.get(dependency)
  if (place !== undefined) return place
  const others = [...places.keys()].filter((name) => name !== id)
  const near = nearestName(dependency, others)
  const hint = near === undefined ? 'Name items of this call.' : `Did you mean '${near}'?`
  throw graphInvalid(`'${id}' depends on '${dependency}', which is none of them`, hint)
}

/** Depth first without a deep stack; a node met again on its own way is a cycle. */
function sortByNeeds(nodes: readonly GraphNode[], needs: readonly ReadonlySet<number>[]): number[] {
  const sorted: number[] = []
  const state = new Uint8Array(nodes.length)
  for (const start of nodes.keys()) {
    const path: { readonly node: number; readonly left: number[] }[] = []
    const enter = (node: number): void => {
      if (state[node] === DONE) return
      if (state[node] === OPEN) throw cycleOf(nodes, [...path.map((step) => step.node), node])
      state[node] = OPEN
      path.push({ node, left: [...(needs[node] as ReadonlySet<number>)].reverse() })
    }
    enter(start)
    for (let step = path.at(-1); step !== undefined; step = path.at(-1)) {
      const next = step.left.pop()
      if (next !== undefined) {
        enter(next)
        continue
      }
      path.pop()
      state[step.node] = DONE
      sorted.push(step.node)
    }
  }
  return sorted
}
const OPEN = 1
const DONE = 2

function cycleOf(nodes: readonly GraphNode[], path: readonly number[]): Error {
  const again = path.at(-1) as number
  const names = path.slice(path.indexOf(again)).map((place) => (nodes[place] as GraphNode).id)
  return graphInvalid(`they depend on each other: ${names.join(' -> ')}`, 'Take one of these dependencies out.')
}

interface Place {
  last: number | undefined
  readonly inside: Map<string, Place>
}

/**
 * Those before each node that touch what it touches, the nearest of them only: they came after the others themselves.
 *
 * One walk over a tree of places, so that thousands of items need no comparison of each with each.
 */
function orderByTouches(nodes: readonly GraphNode[], sorted: readonly number[]): ReadonlySet<number>[] {
  const root: Place = { last: undefined, inside: new Map() }
  const after = nodes.map(() => new Set<number>())
  for (const node of sorted) {
    const own = after[node] as Set<number>
    for (const steps of (nodes[node] as GraphNode).touches ?? []) {
      let at = root
      const note = (place: Place): void => {
        if (place.last !== undefined && place.last !== node) own.add(place.last)
      }
      note(at)
      for (const step of steps) {
        let next = at.inside.get(step)
        if (next === undefined) {
          next = { last: undefined, inside: new Map() }
          at.inside.set(step, next)
        }
        at = next
        note(at)
      }
      const stack = [...at.inside.values()]
      for (let place = stack.pop(); place !== undefined; place = stack.pop()) {
        note(place)
        stack.push(...place.inside.values())
      }
      // Whoever touches something inside comes after this one from now on, and so after those.
      at.inside.clear()
      at.last = node
    }
  }
  return after
}
