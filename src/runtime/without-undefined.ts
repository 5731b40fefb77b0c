/** The same options without those that are `undefined`: they are left out, and what is laid over others hides none of them. */
export function withoutUndefined<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>
}
