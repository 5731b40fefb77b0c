import type { RunReport } from 'hopstash/pipeline'
import { type AnalysisRequest, type AnalysisResponse, HOP_NAMES } from '../answer.js'
import { loadAds, loadResumes } from '../data/inputs.js'
import type { Modules } from '../modules/start-modules.js'
import { USD_PER_MILLION_TOKENS } from '../pipeline.js'
import { type App, startApp } from '../start-app.js'
import { ask, render } from './client.js'
import { createLedger } from './ledger.js'
import { dollars, milliseconds, percent, type Screen } from './screen.js'

const MODULES = ['loader', 'fastSvm', 'hermes', 'imaginator', 'jobSearch', 'model'] as const
const USERS = 8

/** What a scene plays with. */
interface Stage {
  app: App
  screen: Screen
  ledger: ReturnType<typeof createLedger>
  /** Reports of the scene's runs, in the order in which they ended. */
  reports: RunReport[]
}

/** Plays all scenes and closes what it opened. */
export async function playScenes(
  screen: Screen,
  options: { latencyFactor: number; jobSearch: boolean },
): Promise<void> {
  const startedAt = performance.now()
  const ledger = createLedger()
  const reports: RunReport[] = []
  const onRun = (report: RunReport) => {
    ledger.enter(report)
    reports.push(report)
  }
  const app = await startApp({ ...options, onRun })
  const stage = { app, screen, ledger, reports }
  try {
    introduce(stage)
    await cold(stage)
    await warm(stage)
    await degraded(stage)
    await crowd(stage)
    summarise(stage, performance.now() - startedAt)
  } finally {
    await app.close()
  }
}

function introduce({ app, screen }: Stage): void {
  const { order, edges, worstCaseCalls, warnings } = app.analysis.plan()
  screen.headline(
    'A resume against a job ad',
    'Five modules and a stand-in for a model: each a server of its own, with a token of its own.',
  )
  screen.fact('back end', app.url)
  screen.fact('hops', order.map((hop) => withNeeds(hop, edges)).join(', '))
  screen.fact('plan', `at most ${worstCaseCalls} calls of modules a run, ${warnings.length} warnings`)
}

async function cold(stage: Stage): Promise<void> {
  const { app, screen } = stage
  screen.headline('1  Cold', 'Nobody has asked this before: every module works.')
  const request = sampleRequest('sample', 'web-developer')
  const played = await play(stage, 1, request)
  show(screen, played, request)
  await showRendered(app, screen, request)
  screen.run(played.report)
  tally(screen, played)
}

async function warm(stage: Stage): Promise<void> {
  const { app, screen } = stage
  screen.headline('2  The same again', 'Every answer comes from the cache: no call, no waiting, no bill.')
  const request = sampleRequest('sample', 'web-developer')
  const played = await play(stage, 1, request)
  show(screen, played, request, { brief: true })
  await showRendered(app, screen, request)
  screen.run(played.report)
  tally(screen, played)
}

async function degraded(stage: Stage): Promise<void> {
  const { app, screen } = stage
  screen.headline(
    '3  A bad day',
    'FastSVM is slow, Imaginator is down; another resume, another ad. Still a full answer, and it says why it is less.',
  )
  app.modules.fastSvm.fault = { kind: 'slow', ms: 4000 }
  app.modules.imaginator.fault = { kind: 'down' }
  const request = sampleRequest('career-changer', 'data-engineer')
  const played = await play(stage, 1, request)
  show(screen, played, request)
  for (const name of played.report.degraded) {
    const { status, reason, source, attempts } = played.report.hops[name] ?? {}
    screen.fact('why', `${name} is ${status}: ${reason} after ${attempts?.length} attempts, value from ${source}`, {
      style: 'yellow',
    })
  }
  screen.run(played.report)
  tally(screen, played)

  app.modules.fastSvm.fault = { kind: 'none' }
  app.modules.imaginator.fault = { kind: 'none' }
  const healed = await play(stage, 1, request)
  screen.fact(
    'repaired',
    `asked again, ${healed.payload.status} in ${milliseconds(healed.ms)}: no makeshift was stored. ${callsOf(healed.calls)}`,
  )
}

async function crowd(stage: Stage): Promise<void> {
  const { screen, reports } = stage
  screen.headline('4  Eight users at once', 'All ask the same in the same moment: one set of calls serves them all.')
  const request = sampleRequest('senior-engineer', 'data-engineer')
  const played = await play(stage, USERS, request)
  show(screen, played, request)
  const shared = reports.flatMap(({ hops }) => Object.values(hops)).filter(({ cache }) => cache.status === 'coalesced')
  screen.fact(
    'together',
    `${shared.length} of ${USERS * HOP_NAMES.length} hops shared a call in flight; one run of the eight:`,
  )
  screen.run(played.report)
  tally(screen, played)
}

interface Played {
  payload: AnalysisResponse
  report: RunReport
  users: number
  /** Until the last user had an answer. */
  ms: number
  calls: Calls
  saved: { calls: number; ms: number; money: number }
  paid: number
}

/** Lets so many users ask the same at once, and takes the difference of all meters. */
async function play({ app, ledger, reports }: Stage, users: number, request: AnalysisRequest): Promise<Played> {
  reports.length = 0
  const before = { calls: countCalls(app.modules), saved: app.stash.stats().totals.saved, money: ledger.money() }
  const startedAt = performance.now()
  const answers = await Promise.all(Array.from({ length: users }, () => ask(app.url, request)))
  const ms = performance.now() - startedAt
  const [first] = answers
  const report = reports.find(({ runId }) => runId === first?.payload.report.runId)
  if (first === undefined || report === undefined) throw new Error('Nobody asked.')
  const { saved } = app.stash.stats().totals
  const money = ledger.money()
  return {
    payload: first.payload,
    report,
    users,
    ms,
    calls: difference(countCalls(app.modules), before.calls),
    saved: {
      calls: saved.calls - before.saved.calls,
      ms: saved.ms - before.saved.ms,
      money: money.saved - before.money.saved,
    },
    paid: money.paid - before.money.paid,
  }
}

function show(screen: Screen, { payload }: Played, { resume, job }: AnalysisRequest, { brief = false } = {}): void {
  const { analysis } = payload
  const [top] = analysis.gaps
  screen.fact('question', `${resume.basics.label} for ${job.title} at ${job.company}`)
  screen.fact('status', payload.status, { style: payload.status === 'ok' ? 'green' : 'yellow' })
  screen.fact('score', `${percent(analysis.match_score)} (${analysis.match_source})`)
  if (top) screen.fact('top gap', `${top.requirement}, ${top.priority} priority: ${top.evidence}`, { style: 'bold' })
  if (brief) return
  const [suggestion] = analysis.suggested_experiences
  if (suggestion) screen.fact('suggestion', suggestion.suggestion, { lines: 2 })
  screen.fact('section', payload.final_written_section, { lines: 4 })
  if (payload.jobs) {
    screen.fact(
      'jobs',
      payload.jobs.map(({ title, company, fit }) => `${title} at ${company} (${percent(fit)})`).join(', '),
    )
  }
}

async function showRendered(app: App, screen: Screen, request: AnalysisRequest): Promise<void> {
  const page = await render(app.url, 'html', request)
  const document = await render(app.url, 'pdf', request)
  const inWords = ({ bytes, ms }: { bytes: number; ms: number }) =>
    `${Math.round(bytes / 1024)} kB in ${milliseconds(ms)}`
  screen.fact('rendered', `page ${inWords(page)}, PDF ${inWords(document)}`)
}

function tally(screen: Screen, { calls, users, ms, paid, saved }: Played): void {
  screen.fact('calls', callsOf(calls))
  screen.fact('took', `${milliseconds(ms)}${users > 1 ? ` for all ${users}` : ''}, model ${dollars(paid)}`)
  if (saved.calls > 0) {
    const text = `${saved.calls} calls, about ${milliseconds(saved.ms)} of work and ${dollars(saved.money)}`
    screen.fact('saved', text, { style: 'green' })
  }
}

function summarise({ app, screen, ledger }: Stage, ms: number): void {
  const { namespaces, totals } = app.stash.stats()
  const { paid, saved } = ledger.money()
  const { input, output } = USD_PER_MILLION_TOKENS
  screen.headline('Statistics', 'What the stash did. Shared calls in flight count as saved, but not as hits.')
  const used = Object.entries(namespaces).filter(([, stats]) => stats.loads > 0)
  screen.table([
    ['namespace', 'size', 'hits', 'misses', 'shared', 'hit rate', 'calls saved', 'time saved', 'money saved'],
    ...used.map(([name, stats]) => [
      name,
      `${stats.size}/${stats.maxSize}`,
      ...[stats.hits, stats.misses, stats.coalesced].map(String),
      percent(stats.hitRate),
      String(stats.saved.calls),
      milliseconds(stats.saved.ms),
      name === 'aiResponse' ? dollars(saved) : '-',
    ]),
    [
      'all',
      String(totals.size),
      ...[totals.hits, totals.misses, used.reduce((sum, [, { coalesced }]) => sum + coalesced, 0)].map(String),
      percent(totals.hitRate),
      String(totals.saved.calls),
      milliseconds(totals.saved.ms),
      dollars(saved),
    ],
  ])
  screen.line()
  screen.fact(
    'model',
    `paid ${dollars(paid)}, saved ${dollars(saved)}, at $${input} and $${output} a million tokens in and out (illustrative)`,
  )
  screen.fact('in all', milliseconds(ms))
}

/** A request of the inputs that come with the example. */
export function sampleRequest(resumeName: string, adName: string): AnalysisRequest {
  const resume = loadResumes().find(({ name }) => name === resumeName)?.resume
  const ad = loadAds().find(({ name }) => name === adName)?.ad
  if (resume === undefined || ad === undefined) throw new Error(`There is no ${resumeName} or no ${adName}.`)
  return { resume, job: ad as AnalysisRequest['job'], includeJobs: true }
}

type Calls = Record<(typeof MODULES)[number], number>

function countCalls(modules: Modules): Calls {
  return Object.fromEntries(MODULES.map((name) => [name, modules[name].calls().length])) as Calls
}

function difference(after: Calls, before: Calls): Calls {
  return Object.fromEntries(MODULES.map((name) => [name, after[name] - before[name]])) as Calls
}

function callsOf(calls: Calls): string {
  const made = MODULES.filter((name) => calls[name] > 0).map((name) => `${name} ${calls[name]}`)
  return made.length === 0 ? 'none' : made.join(', ')
}

function withNeeds(hop: string, edges: readonly (readonly [string, string])[]): string {
  const needs = edges.filter(([, to]) => to === hop).map(([from]) => from)
  return needs.length === 0 ? hop : `${hop} (after ${needs.join(' and ')})`
}
