import {
  byConfidence,
  cached,
  createDeduper,
  createStash,
  type ForgetReceipt,
  type LoaderContext,
  type Namespace,
  namespace,
  type PresetTypes,
  preset,
  presets,
  type StandardSchema,
} from 'hopstash'
import { describe, expectTypeOf, it } from 'vitest'

interface Letter {
  readonly text: string
  readonly confidence: number
}
interface LetterKey {
  readonly jobId: string
  readonly userId: string
}

const stash = createStash({
  namespaces: {
    ...presets,
    evaluation: preset('evaluation').as<{ score: number }>(),
    letter: namespace<Letter, LetterKey>({
      key: ({ jobId }) => ['letter', jobId],
      scope: ({ userId }) => userId,
      ttl: byConfidence((letter) => letter.confidence, { min: '5m', max: '30d' }),
      tags: (letter, { jobId }) => [letter.text, `job:${jobId}`],
      cacheable: (letter) => letter.text !== '',
    }),
  },
})
const key: LetterKey = { jobId: 'j', userId: 'u' }
const letter: Letter = { text: 'Dear', confidence: 1 }

describe('options of a call or a stash', () => {
  it('that are not known to be there may be handed on as they are', () => {
    const some: {
      signal: AbortSignal | undefined
      scope: string | undefined
      ttl: '5m' | undefined
      tags: string[] | undefined
    } = { signal: undefined, scope: undefined, ttl: undefined, tags: undefined }
    const { signal, ...written } = some
    void stash.general.getOrSet('k', () => 1, some)
    void stash.general.set('k', 1, written)
    void stash.general.delete('k', { scope: some.scope })
    void stash.general.getOrSetMany(['k'], () => [], { aligned: true, ...some })
    void createDeduper()('k', async () => 1, { signal })
    preset('job', { ttl: some.ttl, max: undefined })
    namespace<string, string>({ ttl: some.ttl, staleIfError: undefined, cacheable: undefined })
  })

  it('name a store by a text that is known when the program runs', () => {
    createStash({ store: process.env.REDIS_URL })
    createStash({ store: new URL('redis://127.0.0.1:6379') })
    // @ts-expect-error a number is no store
    createStash({ store: 6379 })
  })
})

describe('getOrSetMany', () => {
  it('takes a loader of the keys it is given, which may be of a narrower type than those of the namespace', () => {
    const ids: readonly string[] = ['j1']
    const rows = async (some: readonly string[]): Promise<{ id: string }[]> => some.map((id) => ({ id }))
    const byId = async (some: readonly string[]) => new Map(some.map((id) => [id, { id }]))
    const jobs = createStash({ namespaces: { job: preset('job').as<{ id: string }>() } })
    const found = jobs.job.getOrSetMany(ids, rows, { by: (job) => job.id })
    expectTypeOf(found).toEqualTypeOf<Promise<({ id: string } | undefined)[]>>()
    void jobs.job.getOrSetMany(['j1', 'j2'], rows, { by: (job) => job.id })
    void jobs.job.getOrSetMany(['j1', 'j2'], byId, {})
    void jobs.job.getOrSetMany(['j1', 2], (some) => some.map((id) => ({ id: String(id) })), { aligned: true })
    const settled = jobs.job.getOrSetMany(['j1'], rows, { by: (job) => job.id, settled: true })
    expectTypeOf(settled).toEqualTypeOf<Promise<PromiseSettledResult<{ id: string } | undefined>[]>>()
    // @ts-expect-error not all keys are texts
    void jobs.job.getOrSetMany(['j1', 2], rows, { by: (job) => job.id })
    // @ts-expect-error not a key of this namespace
    void jobs.job.getOrSetMany([true], () => [], { aligned: true })
  })
})

describe('keys', () => {
  it('that are wrong are compile errors, for every verb', () => {
    // @ts-expect-error a field is missing
    void stash.letter.getOrSet({ jobId: 'j' }, () => letter)
    // @ts-expect-error a field is of the wrong type
    stash.letter.peek({ jobId: 1, userId: 'u' })
    // @ts-expect-error a field is misspelt
    void stash.letter.get({ jobid: 'j', userId: 'u' })
    // @ts-expect-error not a key of this namespace
    void stash.letter.set('k', letter)
    // @ts-expect-error not a key of this namespace
    void stash.letter.delete('k')
    // @ts-expect-error not keys of this namespace
    void stash.letter.getMany(['k'])
  })

  it('of presets are those of the table', () => {
    void stash.template.get({ templateId: 't', resume: {} })
    // @ts-expect-error templateId is missing
    void stash.template.get({ resume: {} })
    void stash.evaluation.get({ jobId: 'j', resume: {} })
    void stash.evaluation.get({ jobId: 'j', resumeVersion: 3, resumeId: '42' })
    // @ts-expect-error either the resume or its version, not both
    void stash.evaluation.get({ jobId: 'j', resume: {}, resumeVersion: 3 })
    void stash.job.get('j1')
    // @ts-expect-error a job is found by its id
    void stash.job.get({ id: 'j1' })
    void stash.jobFeed.get({ query: 'q', page: 1 })
    // @ts-expect-error the page is a number
    void stash.jobFeed.get({ query: 'q', page: '1' })
    void stash.aiResponse.get(['anything'])
  })
})

describe('values', () => {
  it('of a typed namespace are its own: the loader returns them, a call does not choose', () => {
    expectTypeOf(stash.letter.getOrSet(key, () => letter)).resolves.toEqualTypeOf<Letter>()
    expectTypeOf(stash.letter.getOrSet(key, async () => letter)).resolves.toEqualTypeOf<Letter>()
    // @ts-expect-error a loader of another type
    void stash.letter.getOrSet(key, () => 'Dear')
    // @ts-expect-error the call does not choose the type
    void stash.letter.getOrSet<string>(key, () => 'Dear')
    // @ts-expect-error a value of another type
    void stash.letter.set(key, 'Dear')
    // @ts-expect-error a saved value of another type
    void stash.letter.writeThrough(key, 'Dear', () => undefined)
    expectTypeOf(stash.evaluation.getOrSet({ jobId: 'j', resume: {} }, () => ({ score: 1 }))).resolves.toEqualTypeOf<{
      score: number
    }>()
    expectTypeOf(stash.template.peek({ templateId: 't', resume: 1 })).toEqualTypeOf<string | undefined>()
    expectTypeOf(stash.pdf.get({ templateId: 't', resume: 1 })).resolves.toEqualTypeOf<Uint8Array | undefined>()
  })

  it('are told in a function of the host that is generic in them', () => {
    const remember = <V>(of: Namespace<V, string>, load: (id: string) => Promise<V>): Promise<V> =>
      of.getOrSet('k', ({ key }) => load(key))
    type Job = { readonly state: 'open' | 'closed' }
    const jobs = createStash({ namespaces: { job: namespace<Job, string>() } })
    const load = async (): Promise<Job> => ({ state: 'open' })
    expectTypeOf(remember(jobs.job, load)).resolves.toEqualTypeOf<Job>()
    expectTypeOf(jobs.job.getOrSet('k', async () => ({ state: 'open' }))).resolves.toEqualTypeOf<Job>()
    // @ts-expect-error no such state
    void jobs.job.getOrSet('k', async () => ({ state: 'ajar' }))
  })

  it('of an unknown namespace are those of the call', () => {
    expectTypeOf(stash.aiResponse.getOrSet('k', () => letter)).resolves.toEqualTypeOf<Letter>()
    expectTypeOf(stash.general.getOrSet('k', async () => 5)).resolves.toEqualTypeOf<number>()
    void stash.letter.getOrSet(key, (load) => {
      expectTypeOf(load.key).toEqualTypeOf<LetterKey>()
      return letter
    })
    void stash.general.getOrSet({ id: 5 }, (load) => expectTypeOf(load.key).toEqualTypeOf<{ id: number }>())
    const byKey = ({ key }: LoaderContext<Letter, LetterKey>) => ({ ...letter, text: key.jobId })
    void stash.letter.getOrSet(key, byKey)
    void stash.letter.warm([{ key, load: byKey }])
    // @ts-expect-error a loader for keys of another kind
    void stash.general.getOrSet('k', byKey)
    expectTypeOf(stash.general.getOrSet<number>('k', () => 5)).resolves.toEqualTypeOf<number>()
    expectTypeOf(stash.general.get('k')).resolves.toBeUnknown()
    expectTypeOf(stash.general.peek('k')).toBeUnknown()
  })

  it('reach getEntry, getMany, getOrSetMany, update and warm', () => {
    expectTypeOf(stash.letter.getMany([key])).resolves.toEqualTypeOf<(Letter | undefined)[]>()
    void stash.letter.getEntry(key).then((entry) => expectTypeOf(entry?.value).toEqualTypeOf<Letter | undefined>())
    expectTypeOf(stash.letter.getOrSetMany([key], () => [letter], { aligned: true })).resolves.toEqualTypeOf<
      (Letter | undefined)[]
    >()
    expectTypeOf(
      stash.letter.getOrSetMany([key], () => [letter], { aligned: true, settled: true }),
    ).resolves.toEqualTypeOf<PromiseSettledResult<Letter | undefined>[]>()
    // @ts-expect-error `by` returns a key of the namespace
    void stash.letter.getOrSetMany([key], () => [letter], { by: (one) => one.text })
    // @ts-expect-error rows are values of the namespace
    void stash.letter.getOrSetMany([key], () => ['Dear'], { aligned: true })
    void stash.letter.update(
      key,
      (current) => {
        expectTypeOf(current).toEqualTypeOf<Letter | undefined>()
        return letter
      },
      (saved) => expectTypeOf(saved).toEqualTypeOf<Letter>(),
    )
    // @ts-expect-error a loader of another type
    void stash.letter.warm([{ key, load: () => 'Dear' }])
  })

  it('come from a schema', () => {
    const schema = {} as StandardSchema<unknown, { score: number; reason: string }>
    const typed = createStash({ namespaces: { evaluation: preset('evaluation', { schema }) } })
    expectTypeOf(typed.evaluation).toEqualTypeOf<
      Namespace<{ score: number; reason: string }, PresetTypes['evaluation']['key']>
    >()
  })
})

describe('options', () => {
  it('that do not exist or are of another type are compile errors', () => {
    // @ts-expect-error misspelt
    namespace({ tll: '1h' })
    // @ts-expect-error no duration
    namespace({ ttl: 'an hour' })
    // @ts-expect-error no duration
    void stash.general.getOrSet('k', () => 1, { ttl: 'soon' })
    // @ts-expect-error misspelt
    void stash.general.getOrSet('k', () => 1, { forcefresh: true })
    // @ts-expect-error a preset has its key
    preset('job', { key: () => [] })
    // @ts-expect-error no such preset
    preset('jobs')
    // @ts-expect-error a loader has no ttl
    void stash.general.set('k', 1, { maxAge: '1h' })
    // @ts-expect-error no namespace of that name
    void stash.letters
    // @ts-expect-error a subject is a text
    namespace<Letter, LetterKey>({ subject: () => 42 })
    // @ts-expect-error isolation is one of three words
    namespace({ isolation: 'copy' })
    // @ts-expect-error a size is a number
    namespace({ maxValueBytes: '8MB' })
    // @ts-expect-error a clear takes nothing
    void stash.clear('general')
    // @ts-expect-error a clear takes nothing
    void stash.letter.clear(key)
    // @ts-expect-error only 'store' can be required
    void stash.letter.delete(key, { require: 'sotre' })
    // @ts-expect-error nothing is required of a read
    stash.letter.peek(key, { require: 'store' })
    // @ts-expect-error a subject is a text
    void stash.forget(42)
    // @ts-expect-error a loader is a function
    void stash.general.getOrSet('k', 5)
    // @ts-expect-error a save is needed
    void stash.letter.writeThrough(key, letter)
    // @ts-expect-error namespaces have names
    createStash({ namespaces: [namespace()] })
  })

  it('of an erasure: its receipt tells what it reached', () => {
    expectTypeOf(stash.forget('42')).resolves.toEqualTypeOf<ForgetReceipt>()
    expectTypeOf<ForgetReceipt['store']>().toEqualTypeOf<number | 'none'>()
  })
})

describe('cached', () => {
  it('keeps the type of the function: parameters, result, this and overloads', () => {
    async function evaluate(jobId: string, resume: object): Promise<number> {
      return jobId.length + Object.keys(resume).length
    }
    const evaluateCached = cached(evaluate, { in: stash.general })
    expectTypeOf(evaluateCached).toBeCallableWith('j', {})
    expectTypeOf(evaluateCached('j', {})).resolves.toEqualTypeOf<number>()
    expectTypeOf(evaluateCached.fresh('j', {})).resolves.toEqualTypeOf<number>()
    expectTypeOf(evaluateCached.peek('j', {})).toEqualTypeOf<number | undefined>()
    expectTypeOf(evaluateCached.key('j', {})).toBeString()
    // @ts-expect-error a wrong argument
    void evaluateCached(1, {})
    // @ts-expect-error a missing argument
    void evaluateCached.delete('j')

    function find(id: number): Promise<Letter>
    function find(name: string): Promise<Letter[]>
    async function find(_by: number | string): Promise<Letter | Letter[]> {
      return []
    }
    const findCached = cached(find, { in: stash.general })
    expectTypeOf(findCached(1)).resolves.toEqualTypeOf<Letter>()
    expectTypeOf(findCached('a')).resolves.toEqualTypeOf<Letter[]>()

    const generic = cached(async <T>(value: T): Promise<T> => value, { in: stash.general, name: 'generic' })
    expectTypeOf(generic('a' as const)).resolves.toEqualTypeOf<'a'>()

    const bound = cached(
      async function (this: { factor: number }, n: number) {
        return n * this.factor
      },
      { in: stash.general, name: 'bound' },
    )
    // @ts-expect-error without its `this`
    void bound(1)
    const host = { factor: 2, bound }
    expectTypeOf(host.bound(1)).resolves.toEqualTypeOf<number>()
  })

  it('takes asynchronous functions only: a cached result comes as a promise', () => {
    // @ts-expect-error synchronous
    cached((n: number) => n * 2, { in: stash.general, name: 'double' })
  })

  it('gives key and tags the parameters of the function', () => {
    cached(async (jobId: string, page: number) => [jobId, page], {
      in: stash.general,
      name: 'list',
      key: (jobId, page) => {
        expectTypeOf(jobId).toEqualTypeOf<string>()
        expectTypeOf(page).toEqualTypeOf<number>()
        return { jobId }
      },
      tags: (jobId) => [jobId],
    })
  })

  it('decorates methods that return promises', () => {
    class Renderer {
      @cached.method({ in: stash.template, name: 'a', key: (templateId: string) => ({ templateId, resume: 1 }) })
      async render(templateId: string): Promise<string> {
        return templateId
      }
    }
    expectTypeOf(new Renderer().render).toEqualTypeOf<(templateId: string) => Promise<string>>()
  })

  it('decorates fields that hold a function, and keeps their type', () => {
    class Renderer {
      readonly name = 'one'
      @cached.method({ in: stash.general, name: 'b' })
      render = async (templateId: string): Promise<string> => `${templateId} by ${this.name}`

      // @ts-expect-error no function
      @cached.method({ in: stash.general, name: 'c' })
      size = 5
    }
    expectTypeOf(new Renderer().render).toEqualTypeOf<(templateId: string) => Promise<string>>()
  })
})

describe('createDeduper', () => {
  it('returns what the call returns', () => {
    const dedupe = createDeduper()
    expectTypeOf(dedupe('k', async () => 5)).resolves.toEqualTypeOf<number>()
    expectTypeOf(dedupe(['k'], ({ signal }) => signal.aborted)).resolves.toEqualTypeOf<boolean>()
  })
})

describe('the stash', () => {
  it('has all presets by default, and only what was declared otherwise', () => {
    const all = createStash()
    expectTypeOf(all.resume).toEqualTypeOf<Namespace<unknown, string | number>>()
    const one = createStash({ namespaces: { letter: namespace<Letter, LetterKey>() } })
    expectTypeOf(one.letter).toEqualTypeOf<Namespace<Letter, LetterKey>>()
    // @ts-expect-error not declared
    void one.template
    expectTypeOf(one.namespace('letter')).toEqualTypeOf<Namespace>()
  })
})
