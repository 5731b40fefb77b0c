/**
 * Returns `generator` so that leaving it takes effect at once: `onLeave` is called before its own `return` and `throw`,
 * which wait until what it is waiting for has come, and that may be long.
 */
export function leftAtOnce<T>(
  generator: AsyncGenerator<T, void, undefined>,
  onLeave: () => void,
): AsyncGenerator<T, void, undefined> {
  const end = generator.return.bind(generator)
  const fail = generator.throw.bind(generator)
  return Object.assign(generator, {
    return(value: void | PromiseLike<void>) {
      onLeave()
      return end(value)
    },
    throw(error: unknown) {
      onLeave()
      return fail(error)
    },
  })
}
