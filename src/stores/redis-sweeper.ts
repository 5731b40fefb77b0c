import { encodePart } from '../keys/key-part.js'
import { hashSlot } from '../redis/hash-slot.js'
import { renewScript } from '../redis/lease-scripts.js'
import type { SendCommand } from '../redis/script.js'
import { sweepScript, unlockScript } from '../redis/sweep-script.js'
import type { ReadSite } from './redis-read-script.js'
import { listOf, numberOf, textOf } from './redis-replies.js'
import type { RedisVerbs } from './redis-verbs.js'

/** Options of {@link createSweeper}. */
export interface SweeperOptions extends Pick<ReadSite, 'keys' | 'clock' | 'isOneNode' | 'run' | 'pipe'> {
  /** The ways to all nodes that have entries. */
  readonly nodes: () => readonly SendCommand[]
  readonly prefix: string
  /** Who holds the lock. */
  readonly sender: string
}

/** Removes what a clear has outdated, behind everybody's back. */
export interface Sweeper {
  /** Entries removed so far. */
  readonly swept: number
  /** Begins to sweep for a marker, if nobody else does. Never rejects. */
  sweep(name: string): Promise<void>
  stop(): void
}

/** What is outdated: everything of another incarnation, or from before this number of the marker. */
interface Outdated {
  readonly inc: string
  readonly hard: string
}

const LOCK_MS = 10_000
/** So many keys are looked at, then the server has a while for others. */
const SCAN_COUNT = 500
const PAUSE_MS = 10
const AT_ONCE = 100

/**
 * Returns the sweeper of one process. Nothing depends on it: what it removes is invalid to every reader already, and would
 * end with its lifetime. So it stops at the first trouble, and one process at a time is enough; what a slot takes along that
 * is moved past the sweep ends by itself, too.
 */
export function createSweeper(options: SweeperOptions): Sweeper {
  const { keys, clock, isOneNode, nodes, run, pipe, prefix, sender } = options
  const head = `{${encodePart(prefix, {})}:`
  let swept = 0
  let isStopped = false
  let running: Promise<void> = Promise.resolve()

  const send = async (command: readonly string[], node?: SendCommand): Promise<unknown> => {
    const [reply] = await pipe([command], 0, node)
    if (reply instanceof Error) throw reply
    return reply
  }
  /** `undefined` if there is no marker. */
  const markerOf = async (name: string): Promise<Outdated | undefined> => {
    const reply = await send(['GET', keys.marker(name)])
    const [inc, hard] = reply === null ? [] : textOf(reply).split(':')
    return inc === undefined || hard === undefined ? undefined : { inc, hard }
  }
  /** Whatever the prefix and the namespace are made of: `encodePart` leaves neither a pattern nor a colon in them. */
  const patternOf = (name: string): string => {
    const fixed = name === '*' ? head : `${head}${encodePart(name.slice(2), {})}:v`
    return `${escaped(fixed)}*}:e`
  }

  /** Removes what is outdated of these; a script has keys of one slot alone. */
  const remove = async (entries: readonly string[], since: Outdated): Promise<void> => {
    for (let at = 0; at < entries.length; at += AT_ONCE) {
      const part = entries.slice(at, at + AT_ONCE)
      const groups = isOneNode ? [part] : bySlot(part)
      const removed = await Promise.all(groups.map((group) => run(sweepScript, group, [since.inc, since.hard])))
      swept += removed.reduce((sum: number, count) => sum + numberOf(count), 0)
    }
  }
  /** Resolves to whether the node was seen to its end, with the lock still held. */
  const passNode = async (node: SendCommand, pattern: string, lock: string, since: Outdated): Promise<boolean> => {
    let cursor = '0'
    do {
      const scan = ['SCAN', cursor, 'MATCH', pattern, 'COUNT', String(SCAN_COUNT)]
      const [next, found] = listOf(await send(scan, node))
      cursor = textOf(next)
      await remove(listOf(found).map(textOf), since)
      if ((await run(renewScript, [lock], [sender, String(LOCK_MS)])) !== 1) return false
      await new Promise<void>((resolve) => void clock.setTimer(resolve, PAUSE_MS))
    } while (cursor !== '0' && !isStopped)
    return !isStopped
  }
  const pass = async (name: string, lock: string, since: Outdated): Promise<boolean> => {
    const pattern = patternOf(name)
    for (const node of nodes()) if (!(await passNode(node, pattern, lock, since))) return false
    return true
  }

  const sweepNow = async (name: string): Promise<void> => {
    const lock = keys.sweepLock(name)
    if ((await send(['SET', lock, sender, 'NX', 'PX', String(LOCK_MS)])) === null) return
    try {
      // Whoever clears while this sweeps finds the lock, and relies on it: once more, until nothing new is there.
      for (let since = await markerOf(name); since !== undefined; ) {
        if (!(await pass(name, lock, since))) return
        const now = await markerOf(name)
        if (now === undefined || (now.inc === since.inc && now.hard === since.hard)) break
        since = now
      }
    } finally {
      await run(unlockScript, [lock], [sender])
    }
  }

  return {
    get swept() {
      return swept
    },
    sweep(name) {
      running = running.then(() => (isStopped ? undefined : sweepNow(name))).catch(() => {})
      return running
    },
    stop() {
      isStopped = true
    },
  }
}

/** The same verbs, which have what a clear outdates swept. */
export function withSweeps<V extends RedisVerbs>(verbs: V, sweeper: Sweeper): V {
  return {
    ...verbs,
    async bump(names, mode) {
      const reply = await verbs.bump(names, mode)
      if (mode === 'delete') {
        for (const name of names) if (name === '*' || name.startsWith('n/')) void sweeper.sweep(name)
      }
      return reply
    },
  }
}

/** A text as a part of a pattern that means itself. */
function escaped(text: string): string {
  return text.replace(/[\\*?[\]^-]/g, '\\$&')
}

/** Pure: keys by their slots. */
function bySlot(keys: readonly string[]): string[][] {
  const groups = new Map<number, string[]>()
  for (const key of keys) {
    const slot = hashSlot(key)
    const group = groups.get(slot)
    if (group === undefined) groups.set(slot, [key])
    else group.push(key)
  }
  return [...groups.values()]
}
