import { HopstashError } from './base-error.js'

/** An optional package that is not installed (`ERR_PEER_MISSING`). */
export class PeerError extends HopstashError {
  override readonly name = 'PeerError'
}

/** `ERR_PEER_MISSING`: names the package and the command that installs it. */
export function peerMissing(packageName: string, usedFor: string, cause?: unknown): PeerError {
  return new PeerError(
    `${usedFor} needs the package '${packageName}', which is not installed. Run: npm install ${packageName}`,
    {
      code: 'ERR_PEER_MISSING',
      cause,
      context: { package: packageName },
    },
  )
}
