import { ok } from 'node:assert'
import { hash } from 'node:crypto'
import objectHash from 'object-hash'
import { hash as ohash } from 'ohash'
import { configure } from 'safe-stable-stringify'
import { importHopstash } from './build.mjs'
import { measure } from './harness.mjs'
import { chat, fiveFields, nested, pool, shortString, texts } from './inputs.mjs'

const stableStringify = configure({})

/** The canonical digest alone, without a look-up and without the memo of long texts. */
export async function bench(pace) {
  const { digestOf } = await importHopstash()
  const sizes = [
    { title: 'short string, 24 characters', inputs: pool(16, shortString) },
    { title: 'five fields', inputs: pool(16, fiveFields) },
    { title: 'nested, 2 KB', inputs: pool(16, nested), atLeast: 1 },
    { title: 'chat request, 20 KB', inputs: pool(16, (seed) => chat(20_000, seed)), atLeast: 4 },
    { title: 'text, 20 KB', inputs: texts(16, 20_000), atLeast: 4 },
    { title: 'text, 200 KB', inputs: texts(8, 200_000) },
  ]
  const tables = []
  for (const { title, inputs, atLeast } of sizes) {
    const goals = atLeast === undefined ? [] : [{ of: 'hopstash digestOf', to: LIMIT, atLeast }]
    tables.push(
      await measure(
        {
          title: `digest: ${title}`,
          operation: 'one digest',
          sync: true,
          inputs,
          contenders: contenders(digestOf),
          check: apart(),
          goals,
        },
        pace,
      ),
    )
  }
  return tables
}

const LIMIT = 'JSON.stringify + sha256'

function contenders(digestOf) {
  return [
    { name: LIMIT, kind: 'limit', call: (value) => hash('sha256', JSON.stringify(value), 'base64url') },
    { name: 'hopstash digestOf', kind: 'ours', call: (value) => digestOf(value) },
    { name: 'hopstash (A/A)', kind: 'twin', call: (value) => digestOf(value) },
    {
      name: 'safe-stable-stringify + sha256',
      kind: 'peer',
      call: (value) => hash('sha256', stableStringify(value), 'base64url'),
    },
    { name: 'ohash', kind: 'peer', call: (value) => ohash(value) },
    { name: 'object-hash', kind: 'peer', call: (value) => objectHash(value) },
  ]
}

/** Different inputs have different digests, and one input always the same. */
function apart() {
  const seen = new Map()
  return (input, answer, contender) => {
    const place = `${contender.name}\n${answer}`
    ok(typeof answer === 'string' && answer.length >= 16)
    ok(!seen.has(place) || seen.get(place) === input, 'two inputs, one digest')
    seen.set(place, input)
    if (typeof input === 'string' || contender.kind === 'limit') return
    const turned = Object.fromEntries(Object.entries(input).reverse())
    ok(contender.call(turned) === answer, 'the order of keys changes the digest')
  }
}
