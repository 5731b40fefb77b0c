import { describe, expect, it } from 'vitest'
import { type DocumentEdit, editsBetween, processGraph } from '../../../src/batch/index.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

const codeOf = (error: unknown) => (error as { code?: string }).code

interface Fix {
  readonly id: string
  readonly touches?: readonly string[]
  readonly dependsOn?: readonly string[]
  readonly ms?: number
  readonly edits?: (document: Resume) => readonly DocumentEdit[]
}
interface Resume {
  readonly title: string
  readonly summary: string
  readonly work: readonly { readonly text: string }[]
}
const resume: Resume = { title: 't', summary: 's', work: [{ text: 'w0' }, { text: 'w1' }] }
const set = (path: string, value: unknown) => () => [{ path, value }]

async function fix(fixes: readonly Fix[], more: object = {}) {
  const clock = createFakeClock()
  const log: string[] = []
  const running = processGraph(fixes, {
    document: resume,
    clock,
    touches: ({ touches }) => touches,
    dependsOn: ({ dependsOn }) => dependsOn ?? [],
    async run({ id, ms = 10, edits }, { document, rerun }) {
      log.push(`${rerun ? 'again' : 'begin'} ${id} ${clock.now()}`)
      await new Promise<void>((resolve) => void clock.setTimer(resolve, ms))
      return edits?.(document) ?? []
    },
    ...more,
  })
  await clock.advance(10_000)
  const result = await running
  expect(clock.pendingTimers()).toBe(0)
  return { ...result, log, statuses: result.outcomes.map(({ status }) => status) }
}

describe('processGraph', () => {
  it('runs independent items at once and dependent ones as soon as those before are done', async () => {
    const { log, report } = await fix([
      { id: 'z', dependsOn: ['b'], ms: 20 },
      { id: 'a', ms: 100 },
      { id: 'b', ms: 20 },
      { id: 'c', dependsOn: ['a', 'z'], ms: 5 },
    ])
    expect(log).toEqual(['begin b 0', 'begin a 0', 'begin z 20', 'begin c 100'])
    expect(report).toMatchObject({ order: ['b', 'z', 'a', 'c'], runs: 4, conflicts: [], atOnce: 2, durationMs: 105 })
  })

  it('lets items that touch the same place, or one inside of it, take turns, and all others run at once', async () => {
    const { log, document } = await fix([
      { id: 'title', touches: ['/title'], edits: set('/title', 'T') },
      { id: 'job', touches: ['/work/0/text'], edits: set('/work/0/text', 'W0') },
      { id: 'jobs', touches: ['/work'], edits: ({ work }) => [{ path: '/work', value: [...work, { text: 'new' }] }] },
      {
        id: 'other',
        touches: ['/work/1'],
        edits: ({ work }) => [{ path: '/work/1/text', value: `${work[1]?.text}!` }],
      },
    ])
    expect(log).toEqual(['begin title 0', 'begin job 0', 'begin jobs 10', 'begin other 20'])
    expect(document).toEqual({ title: 'T', summary: 's', work: [{ text: 'W0' }, { text: 'w1!' }, { text: 'new' }] })
    expect(resume.title).toBe('t')
  })

  it('runs an item again whose edits met those of another, alone, on what is there, and reports it', async () => {
    const append = (text: string) => (document: Resume) => [{ path: '/summary', value: `${document.summary}${text}` }]
    const { document, report, outcomes, log } = await fix([
      { id: 'slow', ms: 50, edits: append('1') },
      { id: 'quick', ms: 5, edits: append('2') },
      { id: 'free', ms: 5, edits: set('/title', 'T') },
    ])
    expect(document).toMatchObject({ summary: 's12', title: 'T' })
    expect(report.conflicts).toEqual([{ id: 'quick', paths: ['/summary'], with: ['slow'] }])
    expect(outcomes.map(({ runs, conflict }) => [runs, conflict === null])).toEqual([
      [1, true],
      [2, false],
      [1, true],
    ])
    expect(log.at(-1)).toBe('again quick 50')
  })

  it('comes to the same whoever is faster', async () => {
    const append = (text: string) => (document: Resume) => [{ path: '/summary', value: `${document.summary}${text}` }]
    const fixes = (ms: readonly number[]) =>
      ['1', '2', '3'].map((text, at) => ({ id: text, ms: ms[at]!, edits: append(text) }))
    for (const ms of [
      [1, 2, 3],
      [3, 2, 1],
      [2, 1, 3],
    ])
      expect((await fix(fixes(ms))).document.summary).toBe('s123')
  })

  it('lets one that keeps to what it said go first, whoever was faster', async () => {
    const { document, report } = await fix([
      {
        id: 'strays',
        ms: 1,
        touches: ['/title'],
        edits: ({ summary }) => [{ path: '/summary', value: `${summary} strayed` }],
      },
      {
        id: 'keeps',
        ms: 50,
        touches: ['/summary'],
        edits: ({ summary }) => [{ path: '/summary', value: `${summary} kept` }],
      },
    ])
    expect(document.summary).toBe('s kept strayed')
    expect(report.conflicts).toEqual([{ id: 'strays', paths: ['/summary'], with: ['keeps'] }])
  })

  it('takes two appended elements for a conflict, and a removed one for a change of the list', async () => {
    const { document, report } = await fix([
      { id: 'one', edits: set('/work/-', { text: 'one' }) },
      { id: 'two', edits: set('/work/-', { text: 'two' }) },
      { id: 'gone', edits: () => [{ path: '/work/0', remove: true }] },
    ])
    expect(document.work.map(({ text }) => text)).toEqual(['w1', 'one', 'two'])
    expect(report.conflicts.map(({ id }) => id)).toEqual(['two', 'gone'])
  })

  it('merges whole documents by what differs', async () => {
    const { document, report } = await fix(
      [
        { id: 'a', edits: set('/title', 'T') },
        { id: 'b', edits: set('/summary', 'S') },
      ],
      {
        run: async ({ id }: Fix, { document }: { document: Resume }) =>
          id === 'a' ? { ...document, title: 'T' } : { ...document, summary: 'S' },
        merge: (next: Resume, { document }: { document: Resume }) => editsBetween(document, next),
      },
    )
    expect(document).toEqual({ ...resume, title: 'T', summary: 'S' })
    expect(report.conflicts).toEqual([])
  })

  it('skips what needs an item that failed, with its error, and nothing else', async () => {
    const failed = new Error('failed')
    const { outcomes, statuses, document } = await fix([
      {
        id: 'a',
        touches: ['/title'],
        edits: () => {
          throw failed
        },
      },
      { id: 'b', touches: ['/title'], dependsOn: ['a'] },
      { id: 'c', dependsOn: ['b'], touches: [] },
      { id: 'd', touches: ['/title'], edits: set('/title', 'D') },
    ])
    expect(statuses).toEqual(['failed', 'skipped', 'skipped', 'ok'])
    expect(outcomes[2]).toMatchObject({ reason: 'upstream_failed', error: failed, runs: 0 })
    expect(document.title).toBe('D')
  })

  it('keeps the turn of a skipped item: who comes after it waits for those before it', async () => {
    const { log } = await fix([
      { id: 'long', touches: ['/title'], ms: 100 },
      {
        id: 'fails',
        touches: [],
        ms: 1,
        edits: () => {
          throw new Error('no')
        },
      },
      { id: 'skipped', touches: ['/title'], dependsOn: ['fails'] },
      { id: 'last', touches: ['/title'] },
    ])
    expect(log.at(-1)).toBe('begin last 100')
  })

  it('fails an item whose edits lead nowhere, and leaves the document as it was', async () => {
    const paths = ['title', '/work/7/text', '/nothing/here', '/title/deeper', '/work/-/text', '/~2', '/work/01']
    const { outcomes, document } = await fix(paths.map((path, at) => ({ id: `${at}`, edits: set(path, 1) })))
    expect(outcomes.map(({ error }) => codeOf(error))).toEqual(paths.map(() => 'ERR_EDIT_INVALID'))
    expect(document).toEqual(resume)
    const removed = await fix([
      { id: 'a', edits: () => [{ path: '/nothing', remove: true }] },
      { id: 'b', edits: () => [{ path: '', remove: true }] },
      { id: 'c', edits: () => 'no list' as never },
    ])
    expect(removed.statuses).toEqual(['failed', 'failed', 'failed'])
  })

  it('gives an item the results of those it depends on, and a document nobody can change', async () => {
    const { outcomes } = await processGraph(['a', 'b'], {
      id: (name) => name,
      dependsOn: (name) => (name === 'b' ? ['a'] : []),
      run: (name, { resultOf }) => `${name} after ${resultOf('a')}`,
    })
    expect(outcomes[1]!.value).toBe('b after a after undefined')
    const { outcomes: strict } = await processGraph(['a'], {
      document: { list: [1] },
      run: (_, { document }) => {
        document.list.push(2)
        return []
      },
    })
    expect(strict[0]).toMatchObject({ status: 'failed', reason: 'error' })
  })

  it('lets no edit be changed from outside after it was made, and no prototype', async () => {
    const value = { deep: [1] }
    const edits = [
      { path: '/title', value },
      { path: '/__proto__', value: { polluted: true } },
    ]
    const { document } = await fix([{ id: 'a', edits: () => edits }])
    value.deep.push(2)
    expect((document as unknown as { title: unknown }).title).toEqual({ deep: [1] })
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
    expect(Object.getPrototypeOf(document)).toBe(Object.prototype)
  })

  it('gives up on an item that takes too long, and cancels what is left when the signal aborts', async () => {
    const { outcomes } = await fix([{ id: 'a', ms: 5000 }], { timeout: '1s' })
    expect(outcomes[0]).toMatchObject({ status: 'failed', reason: 'timeout' })
    const caller = new AbortController()
    const running = processGraph(['a', 'b', 'c'], {
      dependsOn: (_, index) => (index === 0 ? [] : [`${index - 1}`]),
      run: (name) => {
        if (name === 'b') caller.abort(new Error('left'))
        return name === 'a' ? name : new Promise<string>(() => {})
      },
      signal: caller.signal,
    })
    const outcome = await running
    expect(outcome.outcomes.map(({ status }) => status)).toEqual(['ok', 'cancelled', 'cancelled'])
    const none = await processGraph(['a'], { run: (name) => name, signal: AbortSignal.abort() })
    expect(none.outcomes[0]).toMatchObject({ status: 'cancelled', runs: 0 })
    expect((await processGraph([], { run: () => 1 })).outcomes).toEqual([])
  })

  it('orders thousands of items without comparing each with each', async () => {
    const items = Array.from({ length: 5000 }, (_, n) => ({ id: `${n}`, path: `/list/${n % 1000}` }))
    const { report } = await processGraph(items, { touches: ({ path }) => [path], run: () => 1, concurrency: 100 })
    expect(report.order).toHaveLength(5000)
    const chain = Array.from({ length: 5000 }, (_, n) => n)
    const { outcomes } = await processGraph(chain, { dependsOn: (n) => (n === 0 ? [] : [`${n - 1}`]), run: () => 1 })
    expect(outcomes.every(({ status }) => status === 'ok')).toBe(true)
  })
})

describe('items that say themselves what they depend on', () => {
  it('run in that order, and name each other by text or number', async () => {
    const items = [
      { id: 'c', dependsOn: ['b', 1] },
      { id: 'b', dependsOn: [1] },
      { id: 1, dependsOn: null },
      { id: 'd' },
    ]
    const { report } = await processGraph(items, { run: ({ id }, { resultOf }) => `${id} after ${resultOf('1')}` })
    expect(report).toMatchObject({ order: ['1', 'd', 'b', 'c'], atOnce: 2 })
  })

  it('are refused for a cycle before anything runs', async () => {
    const ran: string[] = []
    const items = [
      { id: 'a', dependsOn: ['b'] },
      { id: 'b', dependsOn: ['a'] },
    ]
    const error = await processGraph(items, { run: ({ id }) => ran.push(id) }).catch((error) => error)
    expect(codeOf(error)).toBe('ERR_GRAPH_INVALID')
    expect(String(error)).toContain('a -> b -> a')
    expect(ran).toEqual([])
  })

  it('do not count where the option says it', async () => {
    const { report } = await processGraph([{ id: 'a', dependsOn: 'another thing' }, { id: 'b' }], {
      dependsOn: ({ id }) => (id === 'a' ? ['b'] : []),
      run: () => 1,
    })
    expect(report.order).toEqual(['b', 'a'])
  })

  it.each([['b'], [{ b: true }], [7], [[{ id: 'b' }]], [[undefined]]])('are refused for %j', async (dependsOn) => {
    const items = [{ id: 'a', dependsOn }, { id: 'b' }]
    for (const options of [{ run: () => 1 }, { run: () => 1, dependsOn: () => dependsOn }]) {
      const error = await processGraph(items, options as never).catch((error) => error)
      expect(codeOf(error)).toBe('ERR_OPTION_INVALID')
      expect(String(error)).toContain('`dependsOn`')
    }
  })
})

describe('a graph that has no order', () => {
  const graph = (edges: Record<string, readonly string[]>) =>
    processGraph(Object.keys(edges), { id: (name) => name, dependsOn: (name) => edges[name] ?? [], run: () => 1 })

  it.each([
    [{ a: ['b'], b: ['c'], c: ['a'] }, 'a -> b -> c -> a'],
    [{ x: ['a'], a: ['b'], b: ['a'] }, 'a -> b -> a'],
    [{ a: ['a'] }, 'a -> a'],
    [{ letter: ['summery'], summary: [] }, "Did you mean 'summary'"],
    [{ a: [], b: ['zz'] }, "'b' depends on 'zz', which is none of them. Name items of this call."],
    [{ jobs: ['job'], job1: [] }, "Did you mean 'job1'"],
    [{ jobs: ['job'], other: [] }, 'Name items of this call'],
  ])('is refused with the way: %j', async (edges, message) => {
    const error = await graph(edges as never).catch((error) => error)
    expect(codeOf(error)).toBe('ERR_GRAPH_INVALID')
    expect(String(error)).toContain(message)
  })

  it('is refused for two items of one id', async () => {
    await expect(processGraph([{ id: 'a' }, { id: 'a' }], { run: () => 1 })).rejects.toThrow("'a'")
  })

  const one = () => 1
  it.each([
    ['items', ['a', { run: one }]],
    ['run', [[], {}]],
    ['touches', [[1], { run: one, touches: '/a' }]],
    ['touches', [[1], { run: one, touches: Boolean }]],
    ['dependsOn', [[1], { run: one, dependsOn: Boolean }]],
    ['document', [[1], { run: one, merge: Boolean }]],
    ['document', [[1], { run: one, document: one }]],
    ['id', [[1], { run: one, id: () => undefined }]],
    ['touch', [[1], { run: one, touch: one }]],
  ] as const)('%s is refused by name', async (name, [items, options]) => {
    const error = await processGraph(items as never, options as never).catch((error) => error)
    expect(codeOf(error)).toBe('ERR_OPTION_INVALID')
    expect(String(error)).toContain(`\`${name}`)
  })
})
