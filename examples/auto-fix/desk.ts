import { createPool, type Pool } from 'hopstash/http'
import { z } from 'zod'
import { loadAds, loadResumes } from '../resume-pipeline/data/inputs.js'
import type { JobAd, JsonResume } from '../resume-pipeline/modules/documents.js'
import { createChat } from '../resume-pipeline/modules/imaginator/chat.js'
import type { Module } from '../resume-pipeline/modules/module-server.js'
import { USD_PER_MILLION_TOKENS } from '../resume-pipeline/pipeline.js'
import { createDatabase, type Database, type Table } from './database.js'
import { startFixModel } from './fix-model.js'
import { GUIDELINES, type Guideline } from './fixes.js'

export const RESUME_ID = 'resume-1'
export const JOB_ID = 'job-1'
const SYSTEM = 'You repair texts of resumes truthfully. Use the facts you are given and no others.'

/** What a model said, and what that used. */
export interface Said {
  text: string
  inputTokens: number
  outputTokens: number
}

/** Asks the model one thing. */
export type Say = (prompt: string, signal?: AbortSignal) => Promise<Said>

/** What every way of working finds on its desk: the rows, the model, and a meter. */
export interface Desk {
  database: Database
  resumes: Table<JsonResume>
  jobs: Table<JobAd>
  guidelines: Table<Guideline>
  /** Over a connection of its own each time it is idle too long, as a plain `fetch` does. */
  sayByFetch: Say
  /** Over the pool of the service. */
  sayByPool: Say
  meter(): { calls: number; usd: number }
  pool: Pool
  close(): Promise<void>
}

/** Lays everything out anew: nothing is cached, nothing was called. */
export async function layOut({ latencyFactor = 1, queryMs = 3 }): Promise<Desk> {
  const model = await startFixModel(latencyFactor)
  const database = createDatabase(queryMs * latencyFactor)
  const pool = createPool({ size: 'low' })
  const spent = { calls: 0, usd: 0 }
  const metered =
    (say: Say): Say =>
    async (prompt, signal) => {
      const said = await say(prompt, signal)
      const { input, output } = USD_PER_MILLION_TOKENS
      spent.calls += 1
      spent.usd += (said.inputTokens * input + said.outputTokens * output) / 1_000_000
      return said
    }
  return {
    database,
    resumes: database.table({ [RESUME_ID]: sample(loadResumes(), 'senior-engineer').resume }),
    jobs: database.table({ [JOB_ID]: sample(loadAds(), 'data-engineer').ad }),
    guidelines: database.table(GUIDELINES),
    sayByFetch: metered(byFetch(model)),
    sayByPool: metered(byPool(pool, model)),
    meter: () => ({ ...spent }),
    pool,
    async close() {
      await pool.close()
      await model.close()
    },
  }
}

function byFetch(model: Module): Say {
  const chat = createChat({ baseUrl: `${model.url}/v1`, apiKey: model.token, model: 'fix-1' })
  return (prompt, signal = new AbortController().signal) => chat(SYSTEM, prompt, signal)
}

const completion = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string().min(1) }) })).min(1),
  usage: z.object({ prompt_tokens: z.number(), completion_tokens: z.number() }),
})

function byPool(pool: Pool, model: Module): Say {
  const client = pool.module({ name: 'model', baseUrl: model.url, auth: () => model.token, output: completion })
  return async (prompt, signal) => {
    const messages = [
      { role: 'system', content: SYSTEM },
      { role: 'user', content: prompt },
    ]
    const body = { model: 'fix-1', messages, temperature: 0 }
    const { choices, usage } = await client.post('/v1/chat/completions', body, signal && { signal })
    return {
      text: choices[0]?.message.content.trim() ?? '',
      inputTokens: usage.prompt_tokens,
      outputTokens: usage.completion_tokens,
    }
  }
}

function sample<Named extends { name: string }>(all: readonly Named[], name: string): Named {
  const found = all.find((one) => one.name === name)
  if (found === undefined) throw new Error(`There is no ${name}.`)
  return found
}
