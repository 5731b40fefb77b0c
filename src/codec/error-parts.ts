import { malformed } from './stop.js'
import { ERROR_CLASSES, errorClassOf } from './value-kind.js'

/** Name, whether it is enumerable, value. */
export type ErrorProperty = readonly [name: string, isEnumerable: boolean, value: unknown]

/** What makes up an error: class and own properties (`message`, `stack`, `cause`, `code`, …), in their order. */
export interface ErrorParts {
  /** Index of `ERROR_CLASSES`. */
  readonly classIndex: number
  readonly properties: readonly ErrorProperty[]
}

/** The parts of an error of one of the language's own classes. */
export function errorParts(error: Error): ErrorParts {
  const properties = Object.getOwnPropertyNames(error).map((name): ErrorProperty => {
    const isEnumerable = Object.prototype.propertyIsEnumerable.call(error, name)
    return [name, isEnumerable, (error as unknown as Record<string, unknown>)[name]]
  })
  return { classIndex: errorClassOf(error), properties }
}

/** An error of these parts, and of nothing else: not of the stack of whoever reads it. */
export function buildError({ classIndex, properties }: ErrorParts): Error {
  const Class = ERROR_CLASSES[classIndex]
  if (Class === undefined) throw malformed('an unknown class of error')
  const error = new Class()
  for (const name of Object.getOwnPropertyNames(error)) Reflect.deleteProperty(error, name)
  for (const [name, enumerable, value] of properties) {
    Object.defineProperty(error, name, { value, enumerable, writable: true, configurable: true })
  }
  return error
}
