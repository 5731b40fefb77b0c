import { HopstashError } from './base-error.js'

/** A value no tier can keep, in strict mode, or what a cached route cannot answer with (`ERR_VALUE_UNSUPPORTED`). */
export class ValueError extends HopstashError {
  override readonly name = 'ValueError'
}

/** `ERR_VALUE_UNSUPPORTED`: names the path, never the value. */
export function valueUnsupported(path: string, received: string): ValueError {
  return new ValueError(`Expected a value that can be stored, received ${received} at ${path}. Return plain data.`, {
    code: 'ERR_VALUE_UNSUPPORTED',
    context: { path },
  })
}
