import { HopstashError } from './base-error.js'

/** A key that has no canonical form, or lacks a required scope (`ERR_KEY_UNSUPPORTED`, `ERR_SCOPE_REQUIRED`). */
export class KeyError extends HopstashError {
  override readonly name = 'KeyError'
}

/** `ERR_KEY_UNSUPPORTED`: names the path of the part that has no canonical form, never its value. */
export function keyUnsupported(path: string, received: string): KeyError {
  return new KeyError(
    `Expected a key made of plain data, received ${received} at ${path}. Leave it out of the key, or give a \`key\` function that returns the parts that matter.`,
    { code: 'ERR_KEY_UNSUPPORTED', context: { path } },
  )
}

/** `ERR_KEY_UNSUPPORTED`: the input of a preset lacks a part that its key is made of. */
export function keyIncomplete(path: string, received: string): KeyError {
  return new KeyError(
    `Expected a key with a value at ${path}, received ${received}. Without it one answer would serve two questions.`,
    { code: 'ERR_KEY_UNSUPPORTED', context: { path } },
  )
}

/** `ERR_KEY_UNSUPPORTED`: a subject that cannot be one. Never shows it. */
export function subjectUnsupported(received: string): KeyError {
  return new KeyError(
    `Expected a subject of 1 to 1024 characters, received ${received}. Give the text the namespaces' \`subject\` functions return.`,
    { code: 'ERR_KEY_UNSUPPORTED', context: { path: '$' } },
  )
}

/** `ERR_SCOPE_REQUIRED`: the namespace asks for a scope and the call has none. */
export function scopeRequired(namespace: string): KeyError {
  return new KeyError(
    `Namespace '${namespace}' requires a scope, received none. Pass \`{ scope }\`, or declare \`scope: (key) => …\`.`,
    { code: 'ERR_SCOPE_REQUIRED', context: { namespace } },
  )
}
