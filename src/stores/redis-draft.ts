import { joined } from '../codec/head-room.js'
import type { RedisArgument, Script } from '../redis/script.js'
import { entryBytes, storedId } from './entry-bytes.js'
import type { ReadSite } from './redis-read-script.js'
import type { StoredEntry } from './shared-store.js'

/** From here on a body costs less by a command of its own than through a script, which copies it several times. */
const DRAFT_BYTES = 4096
const DRAFT_LIFE_MS = '2000'
const NOTHING = ''

/** A script that writes an entry, and how it is told where the parts of it are. */
export interface EntryScript {
  readonly script: Script
  /** @param draft The key of the draft, or one where nothing is. */
  readonly keys: (draft: string) => readonly string[]
  /** Called when it is sent. @param inDraft `'1'` if the body is there. */
  readonly args: (header: Buffer, body: RedisArgument, inDraft: '' | '1') => readonly RedisArgument[]
}

/** Runs a script that writes an entry: a large one is sent right before, as a draft that the script makes the entry. */
export async function runWithEntry(
  site: ReadSite,
  key: string,
  entry: StoredEntry,
  { script, keys, args }: EntryScript,
): Promise<unknown> {
  const { header, body } = entryBytes(key, entry)
  if (body.length < DRAFT_BYTES) {
    return site.run(script, keys(site.keys.nothing), () => args(header, body, ''), body.length)
  }
  const draft = site.keys.draft(key, storedId(entry.id))
  const command = ['SET', draft, joined(header, body), 'PX', DRAFT_LIFE_MS]
  const [, reply] = await site.runBehind(command, script, keys(draft), () => args(header, NOTHING, '1'), body.length)
  return reply
}
