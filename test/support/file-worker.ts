// One of several processes over one folder: does what it is told, and tells what it saw. Times are of the machine's own
// clock, which all processes share.
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { crc32 } from '../../src/codec/checksum.js'
import { createFileStore } from '../../src/stores/file.js'
import { isValid, markerNames, type StoredEntry } from '../../src/stores/shared-store.js'

/** What one operation came to. */
export interface Event {
  readonly kind: 'read' | 'end'
  /** Of an end: the key, or the tag. */
  readonly of: string
  /** When it began, and when it was answered. */
  readonly from: number
  readonly to: number
  /** Of a read: the number the entry was loaded under. Of an end: its number. */
  readonly seq: number
}

const [folder = '', name = '', seed = '1', count = '1000', keep = '50'] = process.argv.slice(2)
const FAR = Number.MAX_SAFE_INTEGER
const store = createFileStore({ folder, recheck: 50 })
const events: Event[] = []
let state = Number(seed)
let nonces = 0

const now = (): number => Number(process.hrtime.bigint()) / 1e6
function random(below: number): number {
  state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
  return Math.floor((state / 2_147_483_648) * below)
}
function bodyOf(key: string, id: string): Buffer {
  const line = `${createHash('sha1').update(`${key} ${id}`).digest('hex')}\n`
  return Buffer.from(line.repeat(1 + (Number.parseInt(line.slice(0, 4), 16) % 100)))
}
function entryOf(key: string, inc: string, startSeq: number, tag: string): StoredEntry {
  const id = `${name}${String(++nonces).padStart(15, '0')}`
  const times = { storedAtMs: Date.now(), freshUntilMs: FAR, staleForMs: 0, errorForMs: 0, loadMs: 1 }
  return { id, inc, startSeq, tags: [tag], ...times, body: bodyOf(key, id) }
}

// As the codec has it, for which the store reads: a body that was torn is a miss.
function isWhole({ body, checked }: StoredEntry): boolean {
  return body !== undefined && crc32(body) === checked?.header.body.checksum
}

async function step(): Promise<void> {
  const number = random(Number(keep))
  const ref = { key: `hopstash:things:v1:${number}`, namespace: 'things', digest: `d${number}` }
  const tag = `t${number % 7}`
  const what = random(100)
  const from = now()
  const end = (of: string, seq: number): void => void events.push({ kind: 'end', of, from, to: now(), seq })
  if (what < 8) {
    const { seq } = await store.set({ ...ref, entry: entryOf(ref.key, '', 0, tag), lifeMs: FAR, notAfterMs: FAR })
    return end(ref.key, seq)
  }
  if (what < 14) {
    const { seq } = (await store.kill(ref)) as unknown as { seq: number }
    return end(ref.key, seq)
  }
  if (what < 17) return end(tag, (await store.bump([`t//${tag}`], 'delete')).seq)
  if (what < 19) return void (await store.expire(ref))
  const reply = await store.read({ ...ref, token: `${name}-${++nonces}` })
  const { entry, inc, markers } = reply
  if (entry !== undefined && isWhole(entry) && isValid(entry, markerNames('things', entry.tags), inc, markers)) {
    const id = entry.id.slice(0, 16)
    if (!bodyOf(ref.key, id).equals(entry.body as Uint8Array)) throw new Error(`torn or wrong: ${ref.key} ${entry.id}`)
    events.push({ kind: 'read', of: `${ref.key} ${tag}`, from, to: now(), seq: entry.startSeq })
    return
  }
  if (reply.token === undefined) return
  if (random(3) === 0) await new Promise((resolve) => setTimeout(resolve, random(4)))
  const loaded = entryOf(ref.key, inc, reply.seq, tag)
  await store.write({ ...ref, token: reply.token, entry: loaded, lifeMs: FAR, notAfterMs: FAR })
}

for (let left = Number(count); left > 0; left--) await step()
await store.close()
writeFileSync(`${folder}/events-${name}.json`, JSON.stringify(events))
