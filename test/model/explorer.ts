import { createCanonical } from './canonical.js'
import { createFingerprints } from './fingerprints.js'
import { ENDED, nameOfPhase } from './phases.js'
import { brokenEnd, brokenProperty } from './properties.js'
import { type Call, nameOfCall, nameOfProcess } from './scenarios.js'
import { createExpansion } from './transitions.js'
import { createWorld, type ModelOptions, type World } from './world.js'

export interface Finding {
  readonly states: number
  readonly depth: number
  /** The exploration ended at `limit` states: nothing is known of the rest. */
  readonly capped: boolean
  readonly violation?: string
  /** The shortest way to the violation. */
  readonly trace?: readonly string[]
}

/** Breadth first through every state that a scenario can reach: the first violation found is a shortest one. */
export function explore(calls: readonly Call[], options: ModelOptions, limit = Number.POSITIVE_INFINITY): Finding {
  const world = createWorld(calls, options)
  const canonical = createCanonical(world)
  const seen = createFingerprints()
  const origin = new Uint8Array(world.bytes.length)
  const ancestry = createAncestry()
  let here = createLevel(world.bytes.length)
  let next = createLevel(world.bytes.length)
  let branch = 0
  let parent = 0
  let broken = ''

  canonical()
  seen.add(world.words)
  next.push(world.bytes)
  const visit = () => {
    branch++
    if (!broken) {
      broken = brokenProperty(world)
      canonical()
      if (seen.add(world.words)) {
        next.push(world.bytes)
        ancestry.push(parent, branch)
      } else if (broken) ancestry.push(parent, branch)
    }
    world.violation = ''
    world.bytes.set(origin)
  }
  const expand = createExpansion(world, visit)
  const finding = (depth: number, capped: boolean, last = -1): Finding => ({
    states: seen.size(),
    depth,
    capped,
    ...(broken && { violation: broken, trace: retrace(calls, options, ancestry.branches(last)) }),
  })

  let depth = 0
  let first = 0
  for (; next.count() > 0; depth++) {
    ;[here, next] = [next, here]
    next.reset()
    for (let i = 0; i < here.count(); i++) {
      here.read(i, origin)
      world.bytes.set(origin)
      parent = first + i
      branch = 0
      const alive = expand()
      if (broken) return finding(depth + 1, false, ancestry.size())
      broken = brokenRest(world, alive)
      if (broken) return finding(depth, false, parent)
    }
    first += here.count()
    if (seen.size() > limit) return finding(depth + 1, true)
  }
  return finding(depth - 1, false)
}

/** Where nothing more can happen, every call has ended; where every call has ended, the end is a good one. */
function brokenRest(world: World, alive: boolean): string {
  const ended = world.threads.every(({ state }) => state.phase === ENDED)
  if (!ended) return alive ? '' : 'L2 a call never ends'
  const broken = brokenEnd(world)
  world.violation = ''
  return broken
}

/** One generation of states, side by side in one growing buffer. */
function createLevel(stateSize: number) {
  let bytes = new Uint8Array(1_024 * stateSize)
  let count = 0
  return {
    push(state: Uint8Array) {
      if ((count + 1) * stateSize > bytes.length) {
        const larger = new Uint8Array(2 * bytes.length)
        larger.set(bytes)
        bytes = larger
      }
      bytes.set(state, count * stateSize)
      count++
    },
    read(index: number, into: Uint8Array) {
      into.set(bytes.subarray(index * stateSize, (index + 1) * stateSize))
    },
    reset() {
      count = 0
    },
    count: () => count,
  }
}

/** For each state after the first: which state it came from, and as which of its branches. */
function createAncestry() {
  let parents = new Uint32Array(1_024)
  let branches = new Uint8Array(1_024)
  let size = 0
  return {
    push(parent: number, branch: number) {
      if (size === parents.length) {
        const moreParents = new Uint32Array(2 * size)
        moreParents.set(parents)
        parents = moreParents
        const moreBranches = new Uint8Array(2 * size)
        moreBranches.set(branches)
        branches = moreBranches
      }
      parents[size] = parent
      branches[size] = branch
      size++
    },
    size: () => size,
    /** The branches that lead from the first state to this one. */
    branches(state: number): number[] {
      const way: number[] = []
      for (let at = state; at > 0; at = parents[at - 1]!) way.unshift(branches[at - 1]!)
      return way
    },
  }
}

/** Walks a way again, to say in words what happens on it. */
function retrace(calls: readonly Call[], options: ModelOptions, way: readonly number[]): string[] {
  const world = createWorld(calls, options)
  const canonical = createCanonical(world)
  canonical()
  const origin = world.bytes.slice()
  const target = world.bytes.slice()
  let before: number[] = []
  let branch = 0
  let wanted = 0
  let words = ''
  const expand = createExpansion(world, (label, subject) => {
    if (++branch === wanted) {
      words = describe(world, calls, label, subject, before)
      canonical()
      target.set(world.bytes)
    }
    world.violation = ''
    world.bytes.set(origin)
  })
  return way.map((next) => {
    before = world.threads.map(({ state }) => state.phase)
    branch = 0
    wanted = next
    expand()
    origin.set(target)
    world.bytes.set(target)
    return words
  })
}

function describe(
  world: World,
  calls: readonly Call[],
  label: string,
  subject: number,
  before: readonly number[],
): string {
  const call = calls[subject]
  if (label === 'call' || label === 'fails' || label === 'step') {
    if (!call) return label
    const { version, outdates } = world.threads[subject]!.state
    const phase = label === 'step' ? nameOfPhase(call.operation, before[subject]!) : label
    const about = outdates && label === 'call' ? `, v${outdates} is the newest now` : version ? ` (v${version})` : ''
    return `${nameOfCall(call)} ${phase}${about}`
  }
  const ofProcess = /message|gap|subscribed|reaches|run id|replays|markers only|bus link|out of reach|killed/.test(
    label,
  )
  return ofProcess ? `${nameOfProcess(subject)}: ${label}` : label
}
