import { HopstashError } from './base-error.js'

/** An optional package that is not installed (`ERR_PEER_MISSING`). */
export class PeerError extends HopstashError {
  override readonly name = 'PeerError'
}

/** `ERR_PEER_MISSING`: names the package and the command that installs it, or why it cannot be loaded although it is there. */
export function peerMissing(packageName: string, usedFor: string, cause?: unknown): PeerError {
  const what = isAbsent(cause)
    ? `which is not installed. Run: npm install ${packageName}`
    : `which cannot be loaded: ${messageOf(cause)}. In a bundle, leave the package outside (\`external\`).`
  return new PeerError(`${usedFor} needs the package '${packageName}', ${what}`, {
    code: 'ERR_PEER_MISSING',
    cause,
    context: { package: packageName },
  })
}

function isAbsent(cause: unknown): boolean {
  const { code } = (cause ?? { code: 'MODULE_NOT_FOUND' }) as { readonly code?: unknown }
  return code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND'
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message.replace(/\.$/, '') : 'it threw no error'
}
