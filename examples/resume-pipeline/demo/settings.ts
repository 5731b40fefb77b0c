import { parseArgs } from 'node:util'
import { jobSearchEnabled } from '../pipeline.js'

export const HELP = `tsx examples/resume-pipeline/main.ts [--json | --serve] [--latency 1] [--port 0]

  (nothing)    plays four scenes
  --json       one analysis; prints { payload, report } and nothing else
  --serve      starts the back end and leaves it running, for curl
  --latency n  scales how long the modules take; 0 answers at once
  --port n     where --serve listens; 0 is any free port

JOB_SEARCH_ENABLED=false switches the job search off. OPENAI_BASE_URL, OPENAI_API_KEY and OPENAI_MODEL bring a real model.`

/** What the demo is to do, and how. */
export interface Settings {
  mode: 'scenes' | 'json' | 'serve' | 'help'
  latencyFactor: number
  port: number
  jobSearch: boolean
}

/** Reads the command line and the environment; refuses what it does not know. */
export function readSettings(args: string[], environment: NodeJS.ProcessEnv): Settings {
  const { values } = parseArgs({
    args,
    options: {
      json: { type: 'boolean', default: false },
      serve: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      latency: { type: 'string', default: '1' },
      port: { type: 'string', default: '0' },
    },
  })
  const { help, json, serve } = values
  return {
    mode: help ? 'help' : json ? 'json' : serve ? 'serve' : 'scenes',
    latencyFactor: numberOf('--latency', values.latency, 100),
    port: numberOf('--port', values.port, 65_535),
    // A demo without the enrichment would show less; a deployment has to ask for it.
    jobSearch: jobSearchEnabled({ JOB_SEARCH_ENABLED: 'true', ...environment }),
  }
}

function numberOf(option: string, text: string, max: number): number {
  const value = Number(text)
  if (text.trim() !== '' && value >= 0 && value <= max) return value
  throw new RangeError(`${option} takes a number from 0 to ${max}, not "${text}".`)
}
