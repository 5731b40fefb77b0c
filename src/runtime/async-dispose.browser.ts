/** `Symbol.asyncDispose`, or where a browser lacks it the symbol that compilers of `await using` fall back to. */
export const asyncDispose: symbol =
  (Symbol as { readonly asyncDispose?: symbol }).asyncDispose ?? Symbol.for('Symbol.asyncDispose')
