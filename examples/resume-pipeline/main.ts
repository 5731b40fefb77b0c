import type { RunReport } from 'hopstash/pipeline'
import { ask } from './demo/client.js'
import { playScenes, sampleRequest } from './demo/scenes.js'
import { createScreen } from './demo/screen.js'
import { HELP, readSettings, type Settings } from './demo/settings.js'
import { startApp } from './start-app.js'

async function main(): Promise<void> {
  const settings = readSettings(process.argv.slice(2), process.env)
  switch (settings.mode) {
    case 'help':
      return console.log(HELP)
    case 'json':
      return printJson(settings)
    case 'serve':
      return serve(settings)
    case 'scenes':
      return playScenes(createScreen(process.stdout), settings)
  }
}

async function printJson(settings: Settings): Promise<void> {
  const reports: RunReport[] = []
  const app = await startApp({ ...settings, onRun: (report) => reports.push(report) })
  try {
    const { payload } = await ask(app.url, sampleRequest('sample', 'web-developer'))
    console.log(JSON.stringify({ payload, report: reports[0] }, null, 2))
  } finally {
    await app.close()
  }
}

async function serve(settings: Settings): Promise<void> {
  const sample = sampleRequest('sample', 'web-developer')
  const app = await startApp({ ...settings, sample, log: (line) => console.log(line) })
  const withSample = `curl -s ${app.url}/api/sample | curl -s -d @-`
  console.log(`The back end listens on ${app.url}. Try, and then try again:

  ${withSample} ${app.url}/api/analyse
  ${withSample} -o /dev/null -D - ${app.url}/api/analyse        # Server-Timing tells what came from where
  ${withSample} -o resume.html ${app.url}/api/resume.html
  ${withSample} -o resume.pdf '${app.url}/api/resume.pdf?template=even-compact'
  curl -s -d '{"resume":{}}' ${app.url}/api/analyse
  curl -s ${app.url}/api/stats

Ctrl+C ends it.
`)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void app.close())
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
