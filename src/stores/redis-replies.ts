import { type Marker, type Markers, markerNames, type StampReply } from './shared-store.js'

/** The stamp every script begins its reply with. */
export interface ScriptStamp extends StampReply {
  /** As entries carry it: without the generation. */
  readonly storedInc: string
  readonly seq: number
}

/** A reply that is not what the script gives: another version of it, or somebody else's answer. */
export class UnexpectedReply extends Error {
  override readonly name = 'UnexpectedReply'
}

/** Reads a script's reply: `inc`, `gen`, `seq`, `now`, and what follows. */
export function stampOf(reply: unknown): ScriptStamp {
  const list = listOf(reply)
  const storedInc = textOf(list[0])
  return { storedInc, inc: `${storedInc}.${textOf(list[1])}`, seq: numberOf(list[2]), nowMs: numberOf(list[3]) }
}

/** The markers a script's reply ends with, from `at` on, two numbers each. */
export function markersOf(reply: unknown, at: number, namespace: string, tags: readonly string[]): Markers {
  const list = listOf(reply)
  const markers = new Map<string, Marker>()
  for (const [index, name] of markerNames(namespace, tags).entries()) {
    const hard = list[at + 2 * index]
    const soft = list[at + 2 * index + 1]
    if (typeof hard === 'number' && typeof soft === 'number' && hard >= 0) markers.set(name, { hard, soft })
  }
  return markers
}

export function listOf(reply: unknown): readonly unknown[] {
  if (!Array.isArray(reply)) throw new UnexpectedReply('expected a list')
  return reply
}

export function numberOf(part: unknown): number {
  if (typeof part !== 'number') throw new UnexpectedReply('expected a number')
  return part
}

export function textOf(part: unknown): string {
  return bytesOf(part).toString('utf8')
}

export function bytesOf(part: unknown): Buffer {
  if (typeof part === 'string') return Buffer.from(part)
  if (!Buffer.isBuffer(part)) throw new UnexpectedReply('expected bytes')
  return part
}
