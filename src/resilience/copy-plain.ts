/** A copy of plain objects and lists, so that nobody's change reaches the next run; anything else as it is. */
export function copyPlain<T>(value: T): T {
  return copyOf(value, new Map()) as T
}

// What is met again is the copy made of it before: a cycle stays one, and ends.
function copyOf(value: unknown, copies: Map<object, unknown>): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (copies.has(value)) return copies.get(value)
  if (Array.isArray(value)) {
    const list: unknown[] = []
    copies.set(value, list)
    for (const part of value) list.push(copyOf(part, copies))
    return list
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  const object: Record<string, unknown> = {}
  copies.set(value, object)
  for (const [key, part] of Object.entries(value)) {
    Object.defineProperty(object, key, {
      value: copyOf(part, copies),
      writable: true,
      enumerable: true,
      configurable: true,
    })
  }
  return object
}
