import { channel } from 'node:diagnostics_channel'

/** The part of `diagnostics_channel` the package uses. */
export interface Channel {
  readonly hasSubscribers: boolean
  publish(message: unknown): void
}

/** Returns a diagnostics channel by name. The browser build has a twin of this file that nobody can listen to. */
export function channelNamed(name: string): Channel {
  return channel(name)
}
