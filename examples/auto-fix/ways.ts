import { cached, createStash, preset, presets } from 'hopstash'
import { batcher, combinedPrompt, combinePrompts, type DocumentEdit, processGraph } from 'hopstash/batch'
import { z } from 'zod'
import type { JobAd, JsonResume } from '../resume-pipeline/modules/documents.js'
import { renderHtml } from '../resume-pipeline/rendering/html.js'
import { renderPdf } from '../resume-pipeline/rendering/pdf.js'
import { type Desk, JOB_ID, RESUME_ID } from './desk.js'
import { buildPrompt, FIXES, type Fix, type Guideline } from './fixes.js'

const TEMPLATE = 'even'

/** What a way of working came to. */
export interface Work {
  /** The model's answer to each fix. */
  answers: Record<string, string>
  resume: JsonResume
  html: string
  pdf: Uint8Array
}

/** The stash of the service. */
export function createFixStash() {
  return createStash({
    namespaces: {
      ...presets,
      resume: preset('resume').as<JsonResume>(),
      job: preset('job').as<JobAd>(),
    },
  })
}
export type FixStash = ReturnType<typeof createFixStash>

/** As it is written first: one fix after the other, each with its own reads, its own call, and a new page and document. */
export async function oneByOne(desk: Desk): Promise<Work> {
  const answers: Record<string, string> = {}
  let resume: JsonResume | undefined
  let html = ''
  let pdf = new Uint8Array()
  for (const fix of FIXES) {
    const found = await desk.resumes.find(RESUME_ID)
    const job = await desk.jobs.find(JOB_ID)
    const guideline = await desk.guidelines.find(fix.kind)
    const now = resume ?? found
    const { text } = await desk.sayByFetch(buildPrompt(fix.kind, fix.read(found, now), job, guideline))
    answers[fix.id] = text
    resume = apply(now, fix.edits(text))
    html = await renderHtml(TEMPLATE, resume)
    pdf = new Uint8Array(await renderPdf(TEMPLATE, resume))
  }
  return { answers, resume: resume as JsonResume, html, pdf }
}

/** Equal questions once, independent fixes at once, everything through its namespace; one call a question. */
export function atOnce(desk: Desk, stash: FixStash): Promise<Work> {
  const ask = cached(async (prompt: string) => (await desk.sayByPool(prompt)).text, {
    in: stash.aiResponse,
    name: 'fix',
  })
  return work(desk, stash, ask)
}

/** The same, and questions that come together share a call; each answer is kept by itself. */
export function combined(desk: Desk, stash: FixStash): Promise<Work> {
  const ask = batcher({
    async load(prompts: readonly string[], { signal }) {
      const { outcomes } = await combinePrompts({
        tasks: prompts.map((prompt, place) => ({ id: `q${place + 1}`, prompt })),
        ask: async (tasks, context) => {
          const { text, ...usage } = await desk.sayByPool(combinedPrompt(tasks), context.signal)
          return { answers: text, usage }
        },
        schema: z.string().min(1),
        in: stash.aiResponse,
        // A longer answer takes longer: two calls of two at once are sooner there than one of four.
        maxTasks: 2,
        signal,
      })
      return outcomes.map(({ value, error }) => value ?? (error as Error))
    },
  })
  return work(desk, stash, ask)
}

async function work(desk: Desk, stash: FixStash, ask: (prompt: string) => Promise<string>): Promise<Work> {
  const found = await stash.resume.getOrSet(RESUME_ID, () => desk.resumes.find(RESUME_ID))
  const guidelineOf = batcher({
    async load(kinds: readonly Fix['kind'][]) {
      const rows = await desk.guidelines.findMany(kinds)
      return new Map(rows.map((row): [Fix['kind'], Guideline] => [row.id as Fix['kind'], row]))
    },
    in: stash.general,
    name: 'guideline',
  })
  const promptOf = (kind: Fix['kind'], text: string): Promise<string> =>
    stash.prompt.getOrSet({ type: kind, data: { text, job: JOB_ID } }, async () => {
      const [job, guideline] = await Promise.all([
        stash.job.getOrSet(JOB_ID, () => desk.jobs.find(JOB_ID)),
        guidelineOf(kind),
      ])
      return buildPrompt(kind, text, job, guideline)
    })
  const { outcomes, document } = await processGraph(FIXES, {
    document: found,
    touches: ({ touches }) => touches,
    dependsOn: ({ dependsOn }) => dependsOn ?? [],
    run: async (fix, { document }) => ask(await promptOf(fix.kind, fix.read(found, document))),
    merge: (answer, { item }) => item.edits(answer),
  })
  const answers: Record<string, string> = {}
  for (const { id, value, error } of outcomes) {
    if (value === undefined) throw error
    answers[id] = value
  }
  const key = { templateId: TEMPLATE, resume: document }
  const [html, pdf] = await Promise.all([
    stash.template.getOrSet(key, () => renderHtml(TEMPLATE, document)),
    stash.pdf.getOrSet(key, () => renderPdf(TEMPLATE, document)),
  ])
  return { answers, resume: document, html, pdf }
}

function apply(resume: JsonResume, edits: readonly DocumentEdit[]): JsonResume {
  const copy = structuredClone(resume)
  for (const { path, value } of edits) {
    const steps = path.slice(1).split('/')
    const last = steps.pop() as string
    let at = copy as Record<string, unknown>
    for (const step of steps) at = at[step] as Record<string, unknown>
    at[last] = value
  }
  return copy
}
