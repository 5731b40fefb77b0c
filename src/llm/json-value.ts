/** An object of parsed JSON. */
export type JsonObject = { readonly [name: string]: unknown }

/** The value if it is a JSON object, else an empty one: what a provider sends is never trusted to have a shape. */
export function objectOr(value: unknown): JsonObject {
  return isObject(value) ? value : EMPTY
}

/** The value if it is an array, else an empty one. */
export function arrayOr(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : NONE
}

/** The value if it is a count, else 0. */
export function countOr(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0
}

/** The value if it is a string with something in it, else `undefined`: some send `''` for what they do not know yet. */
export function textOr(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** Whether the value is a string with something in it, or an array with something in it. */
export function isFilled(value: unknown): boolean {
  return (typeof value === 'string' || Array.isArray(value)) && value.length > 0
}

/** Whether the value is an object and no array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The value of a JSON text, or `undefined`: no JSON text means `undefined`. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const EMPTY: JsonObject = Object.freeze({})
const NONE: readonly unknown[] = Object.freeze([])
