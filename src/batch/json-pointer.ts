import { editInvalid } from '../errors/batch-error.js'

/** The steps of a JSON Pointer (RFC 6901): `'/work/0/summary'` is `['work', '0', 'summary']`, `''` the whole document. */
export function stepsOf(pointer: string): readonly string[] {
  if (typeof pointer !== 'string' || (pointer !== '' && !pointer.startsWith('/')) || /~(?![01])/.test(pointer)) {
    throw editInvalid(String(pointer), "it is no JSON Pointer such as '/work/0/summary'")
  }
  return pointer === '' ? [] : pointer.slice(1).split('/').map(unescapeStep)
}

/** The pointer of some steps. */
export function pointerOf(steps: readonly (string | number)[]): string {
  return steps.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

/** Whether a change of one is a change of the other: they are the same place, or one is inside the other. */
export function overlaps(one: readonly string[], other: readonly string[]): boolean {
  const length = Math.min(one.length, other.length)
  for (let at = 0; at < length; at++) if (one[at] !== other[at]) return false
  return true
}

/** Whether the first place is the second, or inside of it. */
export function isWithin(inner: readonly string[], outer: readonly string[]): boolean {
  return inner.length >= outer.length && overlaps(inner, outer)
}

function unescapeStep(step: string): string {
  return step.replaceAll('~1', '/').replaceAll('~0', '~')
}
