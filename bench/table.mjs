/** One table of one or several runs as text. Figures are medians over the runs; a goal shows each run's ratio. */
export function renderTable(/** @type {any[]} */ runs) {
  const [first] = runs
  const weighs = first.rows[0].bytes !== undefined
  const head = ['', weighs ? (first.unit ?? 'bytes') : 'time', ...(weighs ? [] : ['speed', 'quartiles']), 'goal']
  const rows = first.rows.map((row, index) => {
    const all = runs.map((run) => run.rows[index])
    const figures = weighs ? [bytes(all)] : [time(middle(all.map((one) => one.nanos.middle))), ...speed(all)]
    return [row.name, ...figures, goalsOf(row.name, runs).join('  ')]
  })
  const noise = first.noise === undefined ? '' : `; the same code twice: ${noiseOf(runs)}`
  const base = first.base === undefined ? '' : `; speed: ${first.base} = 1`
  return [`${first.title}`, `  (${first.operation}${base}${noise})`, ...align([head, ...rows])].join('\n')
}

/** Whether each goal of a table was met in two of three runs. */
export function goalsMet(runs) {
  return runs[0].goals.map((goal, index) => {
    const verdicts = runs.map((run) => run.goals[index])
    const met = verdicts.filter((one) => one.met).length
    return { of: goal.of, verdicts, met: met >= Math.ceil((runs.length * 2) / 3) }
  })
}

function goalsOf(name, runs) {
  return goalsMet(runs)
    .filter(({ of }) => of === name)
    .map(({ verdicts, met }) => {
      const [{ to, atLeast, atMost, unit }] = verdicts
      const bound = atLeast === undefined ? `<= ${atMost}${unit}` : `>= ${atLeast}${unit}`
      const values = verdicts.map(({ value }) => value.toFixed(unit === 'x' ? 2 : 0)).join(' ')
      return `${met ? 'pass' : 'FAIL'}: ${values} (${bound}${to === undefined ? '' : ` ${to}`})`
    })
}

function noiseOf(runs) {
  const low = Math.min(...runs.map((run) => run.noise.low))
  const high = Math.max(...runs.map((run) => run.noise.high))
  return `${middle(runs.map((run) => run.noise.middle)).toFixed(2)} (${low.toFixed(2)}-${high.toFixed(2)})`
}

function speed(all) {
  const low = Math.min(...all.map((row) => row.speed.low))
  const high = Math.max(...all.map((row) => row.speed.high))
  return [short(middle(all.map((row) => row.speed.middle))), `${short(low)}-${short(high)}`]
}

function bytes(all) {
  return middle(all.map((row) => row.bytes.middle)).toFixed(0)
}

function short(ratio) {
  return ratio < 0.1 ? ratio.toFixed(3) : ratio.toFixed(2)
}

function time(nanos) {
  if (nanos < 1000) return `${nanos.toFixed(1)} ns`
  return nanos < 1e6 ? `${(nanos / 1000).toFixed(2)} us` : `${(nanos / 1e6).toFixed(2)} ms`
}

function middle(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1]
}

function align(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 || column === row.length - 1 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]),
      )
      .join('  ')
      .trimEnd(),
  )
}
