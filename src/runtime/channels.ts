import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel'

/** The part of `diagnostics_channel` the package uses. */
export interface Channel {
  readonly hasSubscribers: boolean
  publish(message: unknown): void
}

/** Returns a diagnostics channel by name. The browser build has a twin of this file that nobody can listen to. */
export function channelNamed(name: string): Channel {
  return channel(name)
}

/** Listens to a diagnostics channel until the returned function is called. */
export function subscribeTo(name: string, listener: (message: unknown) => void): () => void {
  // Its own function for each subscription, so that ending one does not end another.
  const own = (message: unknown): void => listener(message)
  subscribe(name, own)
  return () => {
    unsubscribe(name, own)
  }
}
