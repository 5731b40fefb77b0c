import { createStash, namespace, presets } from 'hopstash'
import {
  type BatchCheckpoint,
  batcher,
  combinePrompts,
  type DocumentEdit,
  type ItemOutcome,
  perItem,
  processGraph,
  processInBatches,
  streamInBatches,
  type TaskOutcome,
} from 'hopstash/batch'
import { describe, expectTypeOf, it } from 'vitest'
import { z } from 'zod'

interface Row {
  readonly id: string
}
const rows: readonly Row[] = []
async function* later(): AsyncGenerator<Row> {
  yield* rows
}

describe('processInBatches', () => {
  it('takes the type of its outcomes from the rows, without errors and promises', () => {
    expectTypeOf(processInBatches(rows, (batch) => batch.map(({ id }) => id))).resolves.toEqualTypeOf<
      ItemOutcome<string>[]
    >()
    expectTypeOf(processInBatches(later(), async (batch) => batch.map(() => 1))).resolves.toEqualTypeOf<
      ItemOutcome<number>[]
    >()
    const mixed = processInBatches(rows, (batch) => batch.map(({ id }) => (id === '' ? new Error() : id.length)))
    expectTypeOf(mixed).resolves.toEqualTypeOf<ItemOutcome<number>[]>()
    const promises = processInBatches(rows, (batch) => batch.map(async ({ id }) => id.length))
    expectTypeOf(promises).resolves.toEqualTypeOf<ItemOutcome<number>[]>()
  })

  it('types the item of perItem by the items', () => {
    const outcomes = processInBatches(
      rows,
      perItem(async (row, { index }) => `${row.id} ${index.toFixed()}`),
      { groupBy: (row) => row.id, concurrency: 'aggressive', batchSize: { min: 2 } },
    )
    expectTypeOf(outcomes).resolves.toEqualTypeOf<ItemOutcome<string>[]>()
  })

  it('has a value only where the status says so', () => {
    const outcome = {} as ItemOutcome<number>
    if (outcome.status === 'ok') expectTypeOf(outcome.value).toEqualTypeOf<number>()
    else {
      expectTypeOf(outcome.value).toEqualTypeOf<undefined>()
      expectTypeOf(outcome.error).toEqualTypeOf<unknown>()
    }
  })

  it('refuses unknown names and functions that do not return rows', () => {
    // @ts-expect-error: no such size
    void processInBatches(rows, (batch) => [...batch], { batchSize: 'huge' })
    // @ts-expect-error: one value is not a row an item
    void processInBatches(rows, (batch) => batch.length)
    // @ts-expect-error: a stream's option
    void processInBatches(rows, (batch) => [...batch], { ordered: false })
    const checkpoint = {} as BatchCheckpoint
    expectTypeOf(streamInBatches(rows, (batch) => [...batch], { resume: checkpoint, ordered: false })).toEqualTypeOf<
      AsyncGenerator<ItemOutcome<Row>, void, void>
    >()
  })
})

describe('batcher', () => {
  it('is a function of one item', () => {
    const read = batcher({ load: async (ids: readonly string[]) => ids.map((id) => id.length) })
    expectTypeOf(read('a')).resolves.toEqualTypeOf<number>()
    // @ts-expect-error: another item
    void read(5)
    const byMap = batcher({ load: (items: readonly Row[]) => new Map(items.map((item) => [item, item.id])) })
    expectTypeOf(byMap({ id: 'a' })).resolves.toEqualTypeOf<string>()
    const partial = batcher({
      load: (ids: readonly string[]) => ids.map((id) => (id === '' ? new Error() : id.length)),
    })
    expectTypeOf(partial('a')).resolves.toEqualTypeOf<number>()
  })

  it('keeps values in a namespace that takes them', () => {
    const stash = createStash({ namespaces: { ...presets, size: namespace<number, string>({}) } })
    const load = async (ids: readonly string[]) => ids.map((id) => id.length)
    batcher({ load, in: stash.size })
    batcher({ load, in: stash.general, name: 'size' })
    batcher({ load, in: stash.size, key: (id) => id.trim() })
    // @ts-expect-error: the namespace's key is a text
    batcher({ load, in: stash.size, key: (id) => ({ id }) })
  })
})

describe('combinePrompts', () => {
  const tasks = [{ id: 'a', prompt: 'p', size: 5 }]

  it('types values by the schema and tasks by the tasks', () => {
    const combined = combinePrompts({
      tasks,
      ask: (asked) => ({ answers: asked.map(({ id, size }) => ({ id, value: size })) }),
      schema: z.object({ score: z.number() }),
      fallback: (task) => ({ score: task.size }),
    })
    expectTypeOf(combined)
      .resolves.toHaveProperty('outcomes')
      .toEqualTypeOf<readonly TaskOutcome<{ score: number }>[]>()
    // @ts-expect-error: tasks have ids
    void combinePrompts({ tasks: [{ prompt: 'p' }], ask: () => '' })
  })

  it('leaves values unknown without a schema', () => {
    expectTypeOf(combinePrompts({ tasks, ask: () => '' }))
      .resolves.toHaveProperty('values')
      .toEqualTypeOf<ReadonlyMap<string, unknown>>()
  })
})

describe('processGraph', () => {
  it('types results by run and the document by the document', async () => {
    const { outcomes, document } = await processGraph(['a'], {
      document: { list: [1] },
      run: (name, { document }) => {
        expectTypeOf(document).toEqualTypeOf<{ list: number[] }>()
        return name.length
      },
      merge: (length): DocumentEdit[] => [{ path: '/list/-', value: length }],
    })
    expectTypeOf(document).toEqualTypeOf<{ list: number[] }>()
    expectTypeOf(outcomes[0]?.value).toEqualTypeOf<number | undefined>()
  })

  it('needs no document', async () => {
    const { outcomes } = await processGraph(rows, { dependsOn: ({ id }) => [id], run: async ({ id }) => id })
    expectTypeOf(outcomes[0]?.value).toEqualTypeOf<string | undefined>()
    // @ts-expect-error: edits set or remove, not both
    const edit: DocumentEdit = { path: '/a', value: 1, remove: true }
    void edit
  })
})
