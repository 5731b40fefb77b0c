import type { Channel } from './channels.js'

const SILENT: Channel = Object.freeze({ hasSubscribers: false, publish() {} })

/** Browsers have no diagnostics channels: nobody can listen, so no outcome is ever made. */
export function channelNamed(_name: string): Channel {
  return SILENT
}
