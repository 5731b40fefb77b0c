/**
 * The method a class defines to say what it is as part of a key: `[keyForm]() { return this.id }`.
 *
 * The result is canonicalised beside the name of the class, so two classes with equal forms stay apart. The name
 * is `constructor.name`: a minifier that renames classes turns hits into misses; `static name = 'Money'` prevents that.
 */
export const keyForm: unique symbol = Symbol.for('hopstash.keyForm')
