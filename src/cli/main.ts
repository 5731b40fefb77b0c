#!/usr/bin/env node
import { createRequire } from 'node:module'
import { processIo } from './io.js'
import { run } from './run.js'

// By the package's own name: whatever file the bundler puts this into, it is the same package.
const { version } = createRequire(import.meta.url)('hopstash/package.json') as { version: string }
const controller = new AbortController()

// The first Ctrl+C ends what is under way in order, the second at once.
process.once('SIGINT', () => controller.abort())
// Whoever reads us may stop at any line: `hopstash keys | head`.
process.stdout.on('error', (error: Error & { code?: string }) => {
  if (error.code === 'EPIPE') process.exit(0)
  process.stderr.write(`hopstash: standard output takes no more: ${error.message}\n`)
  process.exit(1)
})

process.exitCode = await run(process.argv.slice(2), processIo(version, controller.signal))
