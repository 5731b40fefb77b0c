// Wrap a function once; read, refresh and delete by its arguments. And share a call without keeping its result.
import assert from 'node:assert/strict'
import { cached, createDeduper, createStash } from 'hopstash'

const stash = createStash()
let calls = 0
async function evaluate(jobId: string, resumeId: string): Promise<{ score: number; run: number }> {
  calls++
  return { score: jobId.length * 10 + resumeId.length, run: calls }
}

const evaluateCached = cached(evaluate, {
  in: stash.general,
  ttl: '1h',
  tags: (jobId, resumeId) => [`job:${jobId}`, `resume:${resumeId}`],
})

console.log(await evaluateCached('j1', '42'))
await evaluateCached('j1', '42')
assert.equal(calls, 1)

await stash.invalidateTags(['resume:42'])
assert.equal((await evaluateCached('j1', '42')).run, 2)

await evaluateCached.fresh('j1', '42')
assert.equal(evaluateCached.peek('j1', '42')?.run, 3)

await evaluateCached.delete('j1', '42')
assert.equal(evaluateCached.peek('j1', '42'), undefined)

const dedupe = createDeduper()
let fixes = 0
const autofix = (documentId: string) => dedupe(['autofix', documentId], async () => ++fixes)
console.log(await Promise.all([autofix('d1'), autofix('d1'), autofix('d2')]))
assert.equal(fixes, 2)
assert.equal(await autofix('d1'), 3) // nothing was kept
await stash.close()
