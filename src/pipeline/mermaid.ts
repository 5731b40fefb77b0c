import type { Plan } from './plan.js'
import { checkReport, type RunReport } from './report.js'

/** Colours that keep their meaning on light and dark pages. */
const CLASSES = [
  'classDef ok fill:#d1fae5,stroke:#047857,color:#064e3b',
  'classDef degraded fill:#fef3c7,stroke:#b45309,color:#78350f',
  'classDef failed fill:#fee2e2,stroke:#b91c1c,color:#7f1d1d',
  'classDef skipped fill:#e5e7eb,stroke:#6b7280,color:#374151',
  'classDef cancelled fill:#e5e7eb,stroke:#6b7280,color:#374151',
]

/** Returns the graph of a pipeline, or of a run coloured by status, as a mermaid flowchart. */
export function mermaid(source: { plan(): Plan } | RunReport): string {
  if (typeof (source as { readonly plan?: unknown } | null)?.plan === 'function') {
    return planChart((source as { plan(): Plan }).plan())
  }
  return reportChart(checkReport('mermaid', source as RunReport))
}

function planChart(plan: Plan): string {
  const nodes = plan.hops.map((hop) =>
    hop.required ? `${id(hop.name)}["${hop.name}"]` : `${id(hop.name)}("${hop.name}")`,
  )
  return chart(nodes, plan.edges)
}

function reportChart(report: RunReport): string {
  const hops = Object.entries(report.hops)
  const nodes = hops.map(([name, hop]) => `${id(name)}["${name}<br/>${hop.durationMs} ms"]:::${hop.status}`)
  const edges = hops.flatMap(([name, hop]) => hop.needs.map((need) => [need, name] as const))
  return chart([...nodes, ...CLASSES], edges)
}

function chart(nodes: readonly string[], edges: readonly (readonly [string, string])[]): string {
  const arrows = edges.map(([from, to]) => `${id(from)} --> ${id(to)}`)
  return ['flowchart LR', ...[...nodes, ...arrows].map((line) => `  ${line}`)].join('\n')
}

// A prefix, because mermaid takes a bare `end` or `graph` for its own; names hold nothing else that it would.
function id(name: string): string {
  return `hop_${name.replaceAll('.', '_dot_').replaceAll('-', '_dash_')}`
}
