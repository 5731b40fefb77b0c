/** Of this realm, or of the same name directly below another realm's `Object.prototype`. */
export function isBuiltIn(prototype: object, ours: object, name: string): boolean {
  if (prototype === ours) return true
  const above: object | null = Object.getPrototypeOf(prototype)
  return above !== null && above !== Object.prototype && isObjectPrototype(above) && prototype.constructor.name === name
}

/** Whether it is `Object.prototype`, of whatever realm. */
export function isObjectPrototype(prototype: object): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')
}
