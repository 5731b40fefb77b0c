// Save to the system of record first; a failed save leaves the entry alone.
import assert from 'node:assert/strict'
import { createStash, preset, presets } from 'hopstash'

interface Resume {
  readonly name: string
  readonly version: number
}
const stash = createStash({ namespaces: { ...presets, resume: preset('resume').as<Resume>() } })

const table = new Map<string, Resume>()
let readOnly = false
async function save(resume: Resume): Promise<Resume> {
  if (readOnly) throw new Error('the database is read-only')
  const saved = { ...resume, version: resume.version + 1 }
  table.set('42', saved)
  return saved
}

const saved = await stash.resume.writeThrough('42', { name: 'Ada', version: 0 }, save)
console.log(saved)
assert.deepEqual(stash.resume.peek('42'), { name: 'Ada', version: 1 })

await stash.resume.update('42', (now) => ({ name: `${now?.name} Lovelace`, version: now?.version ?? 0 }), save)
console.log(table.get('42'))
assert.deepEqual(stash.resume.peek('42'), table.get('42'))

readOnly = true
await assert.rejects(stash.resume.writeThrough('42', { name: 'Eve', version: 9 }, save), /read-only/)
assert.equal(stash.resume.peek('42')?.name, 'Ada Lovelace')

// Two saves that overlap: nobody can tell which one the record kept last, so no entry remains.
readOnly = false
await Promise.all([
  stash.resume.writeThrough('42', { name: 'A', version: 1 }, save),
  stash.resume.writeThrough('42', { name: 'B', version: 1 }, save),
])
assert.equal(stash.resume.peek('42'), undefined)
await stash.close()
