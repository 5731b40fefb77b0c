// A namespace of one's own: typed key and value, readable keys, a hard partition per user, a lifetime by confidence.
import assert from 'node:assert/strict'
import { byConfidence, createStash, digest, namespace, presets } from 'hopstash'

interface Letter {
  readonly text: string
  readonly confidence: number
}
interface LetterKey {
  readonly userId: string
  readonly jobId: string
  readonly resume: object
}

const stash = createStash({
  namespaces: {
    ...presets,
    letter: namespace<Letter, LetterKey>({
      key: ({ jobId, resume }) => ['letter', jobId, digest(resume)],
      scope: ({ userId }) => userId,
      ttl: byConfidence((letter) => letter.confidence, { min: '5m', max: '30d', floor: 0.4 }),
      tags: (_letter, { jobId }) => [`job:${jobId}`],
      max: 500,
    }),
  },
})

const ada: LetterKey = { userId: 'ada', jobId: 'j1', resume: { name: 'Ada' } }
await stash.letter.getOrSet(ada, () => ({ text: 'Dear team', confidence: 0.9 }))
console.log(stash.letter.explain(ada).key)
console.log(stash.letter.explain(ada).text)
assert.equal(stash.letter.peek(ada)?.text, 'Dear team')

// The same job and resume of another user is another entry.
assert.equal(stash.letter.peek({ ...ada, userId: 'eve' }), undefined)

// Below the floor the letter is returned, and not kept.
const doubtful = { ...ada, jobId: 'j2' }
const letter = await stash.letter.getOrSet(doubtful, () => ({ text: 'To whom', confidence: 0.2 }))
assert.equal(letter.text, 'To whom')
assert.equal(stash.letter.peek(doubtful), undefined)
await stash.close()
