import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

/** The shortest and the longest time that a call of a module takes, in milliseconds. */
export type Latency = readonly [min: number, max: number]

/**
 * How long call number `index` of the module `name` takes, in milliseconds.
 *
 * The jitter comes from a hash, so a run is as uneven as a network and yet the same every time.
 */
export function latencyOf(name: string, index: number, [min, max]: Latency): number {
  const fraction = createHash('sha256').update(`${name}:${index}`).digest().readUInt32BE(0) / 0xffff_ffff
  return min + fraction * (max - min)
}

/** Waits `ms` milliseconds, or rejects as soon as the caller has gone away. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await sleep(ms, undefined, { signal })
}
