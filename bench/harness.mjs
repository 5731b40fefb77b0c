import { deepStrictEqual } from 'node:assert'

/**
 * @typedef {object} Contender
 * @property {string} name
 * @property {'limit' | 'ours' | 'twin' | 'peer'} kind `twin` is our own code a second time: its distance from `ours` is noise.
 * @property {((input: any) => unknown)=} call One operation; the loop around it is compiled for this contender alone.
 * @property {((count: number) => unknown)=} run `count` operations, for a contender that cannot be written as `call`.
 *
 * @typedef {object} Goal
 * @property {string} of The contender the goal is about.
 * @property {string | string[]} to What it is compared with; of several names, the fastest.
 * @property {number=} atLeast So many times as fast.
 * @property {number=} atMost So many times the time.
 *
 * @typedef {object} Trial
 * @property {string} title
 * @property {string} operation What one operation is.
 * @property {Contender[]} contenders The first one is what the others' speed is given in.
 * @property {readonly unknown[]=} inputs Cycled through in the same order by every contender.
 * @property {((input: any, answer: any, contender: Contender) => void)=} check Throws at a wrong answer.
 * @property {boolean=} sync The loop does not await.
 * @property {Goal[]=} goals
 *
 * @typedef {object} Pace
 * @property {number} rounds
 * @property {number} sampleMs
 * @property {'wall' | 'cpu'} clock
 */

/** Times a trial's contenders in interleaved rounds. One sample of each contender a round, in rotated order. */
export async function measure(/** @type {Trial} */ trial, /** @type {Pace} */ pace) {
  await checkAnswers(trial)
  const lanes = trial.contenders.map((contender) => ({
    contender,
    run: contender.run ?? compileLoop(contender, trial.inputs ?? [undefined], trial.sync === true),
    count: 1,
    nanos: /** @type {number[]} */ ([]),
  }))
  for (const lane of lanes) lane.count = await calibrate(lane.run, pace)
  for (let round = 0; round < pace.rounds; round++) {
    for (let index = 0; index < lanes.length; index++) {
      const lane = lanes[(index + round) % lanes.length]
      lane.nanos.push(((await sample(lane.run, lane.count, pace.clock)) / lane.count) * 1e6)
    }
  }
  return describe(trial, lanes)
}

async function checkAnswers(trial) {
  const inputs = [...new Set(trial.inputs ?? [])].slice(0, 64)
  for (const contender of trial.contenders) {
    if (contender.call === undefined) continue
    for (const input of inputs) {
      try {
        trial.check?.(input, await contender.call(input), contender)
      } catch (error) {
        throw new Error(`${trial.title}: ${contender.name} answers wrongly`, { cause: error })
      }
    }
  }
}

// One shared loop would see every contender's functions at its only call site, and none of them would be inlined.
// The name in a comment makes each source unique, so that the engine does not share what it learned between them.
function compileLoop(contender, inputs, sync) {
  const wait = sync ? '' : 'await '
  const body = `/* ${contender.name.replaceAll('*', '')} ${++loops} */
    return ${sync ? '' : 'async '}function loop(count) {
      const length = inputs.length
      let last
      for (let done = 0, at = 0; done < count; done++) {
        last = ${wait}call(inputs[at])
        if (++at === length) at = 0
      }
      return last
    }`
  return new Function('call', 'inputs', body)(contender.call, inputs)
}
let loops = 0

async function calibrate(run, { sampleMs, clock }) {
  let count = 1
  let spent = 0
  let last = await sample(run, count, clock)
  while (spent < WARM_UP_SAMPLES * sampleMs) {
    const wanted = count * Math.min(10, (sampleMs / Math.max(last, 0.001)) * 1.02)
    count = Math.max(1, Math.round(last < sampleMs * 0.7 || last > sampleMs * 1.4 ? wanted : count))
    last = await sample(run, count, clock)
    spent += last
  }
  return Math.max(1, Math.round((count * sampleMs) / last))
}
const WARM_UP_SAMPLES = 5

async function sample(run, count, clock) {
  // What one contender left behind is not collected on the next one's time.
  globalThis.gc?.({ type: 'minor' })
  const begun = clock === 'cpu' ? cpuMs() : performance.now()
  await run(count)
  return (clock === 'cpu' ? cpuMs() : performance.now()) - begun
}

/** Processor time of this process and its collector threads: other processes on a busy machine do not count. */
function cpuMs() {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

function describe(trial, lanes) {
  const [base] = lanes
  const ours = lanes.find((lane) => lane.contender.kind === 'ours')
  const rows = lanes.map((lane) => ({
    name: lane.contender.name,
    kind: lane.contender.kind,
    nanos: quartiles(lane.nanos),
    speed: quartiles(ratios(base.nanos, lane.nanos)),
  }))
  const twin = lanes.find((lane) => lane.contender.kind === 'twin')
  return {
    title: trial.title,
    operation: trial.operation,
    base: base.contender.name,
    rows,
    noise: twin && ours ? quartiles(ratios(ours.nanos, twin.nanos)) : undefined,
    goals: (trial.goals ?? []).map((goal) => judge(goal, lanes)),
  }
}

function judge(goal, lanes) {
  const laneOf = (name) => {
    const found = lanes.find((lane) => lane.contender.name === name)
    if (found === undefined) throw new Error(`a goal names '${name}', which does not run`)
    return found
  }
  const subject = laneOf(goal.of)
  const rivals = [goal.to].flat().map(laneOf)
  const rival = rivals.reduce((best, lane) => (median(lane.nanos) < median(best.nanos) ? lane : best))
  const faster = goal.atLeast !== undefined
  const ratio = faster ? ratios(rival.nanos, subject.nanos) : ratios(subject.nanos, rival.nanos)
  return verdict({ of: goal.of, to: rival.contender.name, atLeast: goal.atLeast, atMost: goal.atMost }, median(ratio))
}

/** A goal with what was measured for it. */
export function verdict(goal, value) {
  const { of, to, atLeast, atMost, unit = 'x' } = goal
  const met = atLeast === undefined ? value <= atMost : value >= atLeast
  return { of, to, atLeast, atMost, unit, value, met }
}

/** For checks: the answer is deeply equal to what is expected. */
export function same(expected) {
  return (input, answer) => deepStrictEqual(answer, expected(input))
}

/** Round by round, how many times `of` goes into `by`. */
export function ratios(by, of) {
  return by.map((value, round) => value / of[round])
}

/** The middle value. */
export function median(values) {
  return quartiles(values).middle
}

/** First quartile, median and third quartile, interpolated. */
export function quartiles(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share) => {
    const place = share * (sorted.length - 1)
    const low = Math.floor(place)
    return sorted[low] + (place - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low])
  }
  return { low: at(0.25), middle: at(0.5), high: at(0.75) }
}
