import type { Histogram } from '../metrics/histogram.js'

/** One metric with its samples. */
export interface Family {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary'
  readonly help: string
  readonly samples: readonly Sample[]
}

/** One line of a family. */
export interface Sample {
  /** What stands behind the family's name, such as `_bucket`. */
  readonly suffix?: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** From 10 microseconds, as memory answers, to 5 minutes, as a slow model does. */
const BOUNDS_SECONDS = [
  0.00001, 0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300,
] as const
const BOUNDS_MS = BOUNDS_SECONDS.map((seconds) => seconds * 1000)

/** The samples of a histogram of milliseconds, in seconds. */
export function histogramSamples(times: Histogram, labels: Readonly<Record<string, string>>): Sample[] {
  const counts = times.cumulative(BOUNDS_MS)
  return [
    ...BOUNDS_SECONDS.map((bound, index) => ({
      suffix: '_bucket',
      labels: { ...labels, le: String(bound) },
      value: counts[index] as number,
    })),
    { suffix: '_bucket', labels: { ...labels, le: '+Inf' }, value: times.count },
    { suffix: '_sum', labels, value: times.sumMs / 1000 },
    { suffix: '_count', labels, value: times.count },
  ]
}

/** Families as text; those without a sample are left out. */
export function textOf(families: readonly Family[]): string {
  return families
    .filter(({ samples }) => samples.length > 0)
    .map(familyText)
    .join('')
}

function familyText({ name, type, help, samples }: Family): string {
  const lines = samples.map(({ suffix = '', labels, value }) => `${name}${suffix}${labelText(labels)} ${number(value)}`)
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('\n')}\n`
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${escaped(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function escaped(value: string): string {
  return value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')
}

function number(value: number): string {
  if (value === Infinity) return '+Inf'
  if (value === -Infinity) return '-Inf'
  // Sums of fractions drift in their last digits: 0.30000000000000004.
  return String(Number.isInteger(value) ? value : Number(value.toPrecision(12)))
}
