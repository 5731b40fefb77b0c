import type { StandardSchema } from '../../src/runtime/standard-schema.js'

/** What schemas that keep to no standard may give; `'secret'` stands for the value, which no message may quote. */
export const ODD_RESULTS: readonly (readonly [what: string, result: unknown])[] = [
  ['nothing', undefined],
  ['nothing, later', Promise.resolve(undefined)],
  ['null', null],
  ['a text', 'secret'],
  ['issues that are no list', { issues: 'secret' }],
  ['null for issues', { issues: null, value: 'secret' }],
  ['neither a value nor issues', { secret: 'secret' }],
]

/** A schema that answers whatever `validate` gives. */
export function oddSchema(validate: () => unknown): StandardSchema<unknown, never> {
  return { '~standard': { version: 1, vendor: 'odd', validate: validate as () => never } }
}
