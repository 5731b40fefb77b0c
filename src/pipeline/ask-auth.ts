import { isThenable } from '../runtime/thenable.js'
import type { AuthContext } from './define-hop.js'

/** Asks `auth` for the credentials of one attempt, at once where it can be, and tells one of `accept` and `refuse`. */
export function askAuth(
  auth: (context: AuthContext) => unknown,
  context: AuthContext,
  accept: (credentials: unknown) => void,
  refuse: (error: unknown) => void,
): void {
  let credentials: unknown
  let later: boolean
  try {
    credentials = auth(context)
    later = isThenable(credentials)
  } catch (error) {
    refuse(error)
    return
  }
  if (later) Promise.resolve(credentials).then(accept, refuse)
  else accept(credentials)
}
