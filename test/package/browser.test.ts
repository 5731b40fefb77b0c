import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import vm from 'node:vm'
import { Buffer as BrowserBuffer } from 'buffer/index.js'
import fc from 'fast-check'
import ts from 'typescript'
import { beforeAll, describe, expect, test } from 'vitest'
import * as browser from '../../src/browser.js'
import * as node from '../../src/index.js'
import { createFakeClock } from '../../src/testing/fake-clock.js'

type Bundle = typeof browser

/** What a page has beside the language itself: neither `process` nor `Buffer`. */
const PAGE = {
  AbortController,
  AbortSignal,
  Blob,
  clearTimeout,
  console,
  DOMException,
  performance,
  queueMicrotask,
  setTimeout,
  structuredClone,
  TextDecoder,
  TextEncoder,
  URL,
}

describe('the browser build', () => {
  let bundle: Bundle
  beforeAll(() => {
    bundle = loadIntoPage('')
  })

  test.each(['dist/browser.js', 'dist/browser.cjs'])('%s is one file that asks for no other', (file) => {
    const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ESNext)
    const { importedFiles } = ts.preProcessFile(source.text, true, true)
    expect(importedFiles.map(({ fileName }) => fileName)).toEqual([])
    expect(source.text).not.toContain('node:')
  })

  test.each([
    ['import', "await import('hopstash')"],
    ['require', "createRequire(process.cwd() + '/x.js')('hopstash')"],
  ])('is what the browser condition gives to %s, and a script that uses it ends by itself', (_how, load) => {
    expect(
      run(`const { presets, createStash } = ${load}
      delete globalThis.Buffer
      const print = console.log, hidden = globalThis.process
      delete globalThis.process
      const value = await createStash().resume.getOrSet(7, async () => ({ name: 'Ada' }))
      globalThis.process = hidden
      print(JSON.stringify([Object.keys(presets), value]))`),
    ).toEqual([['analysis', 'resume', 'optimizedResume', 'pdfBlob', 'recommendations'], { name: 'Ada' }])
  })

  test('exports what the package exports in Node, but the settings of its environment', () => {
    expect(Object.keys(bundle).sort()).toEqual(Object.keys(browser).sort())
    expect(Object.keys(node).filter((name) => !(name in bundle))).toEqual(['settings'])
  })

  test('has the sizes and lifetimes of a front end', () => {
    const table = Object.entries(bundle.presets).map(([name, { options }]) => [name, options.max, options.ttl])
    expect(table).toEqual([
      ['analysis', 50, '10m'],
      ['resume', 50, '10m'],
      ['optimizedResume', 30, '5m'],
      ['pdfBlob', 20, '10m'],
      ['recommendations', 50, '10m'],
    ])
    const page = readFileSync('docs/browser.md', 'utf8')
    for (const [name, max, ttl] of table) expect(page).toContain(`| \`${name}\` | ${max} | ${ttl} |`)
    expect(bundle.createStash().names()).toEqual(table.map(([name]) => name))
    expect(bundle.createStash({}).names()).toEqual(table.map(([name]) => name))
  })

  test('refuses the presets of a server and their stores, saying what there is', () => {
    expect(() => bundle.preset('evaluation' as never)).toThrow(/ERR|analysis/)
    expect(() => bundle.createStash({ store: 'redis://:secret@cache' as never })).toThrow("'memory'")
    expect(() => bundle.createStash({ store: 'redis://:secret@cache' as never })).not.toThrow('secret')
  })

  test('keeps a Blob as it is, for every reader', async () => {
    const stash = bundle.createStash()
    const blob = new Blob(['%PDF'])
    const key = { templateId: 'modern', resume: { name: 'Ada' } }
    expect(await stash.pdfBlob.getOrSet(key, () => blob)).toBe(blob)
    expect(stash.pdfBlob.peek({ resume: { name: 'Ada' }, templateId: 'modern' })).toBe(blob)
  })

  test('cleans up every 5 minutes', async () => {
    const clock = createFakeClock()
    const stash = bundle.createStash({ clock, namespaces: { short: bundle.namespace<number, string>({ ttl: '1m' }) } })
    await stash.short.set('a', 1)
    await clock.advance(299_000)
    expect(stash.short.stats().size).toBe(1)
    await clock.advance(1_000)
    expect(stash.short.stats().size).toBe(0)
    await stash.close()
    expect(clock.pendingTimers()).toBe(0)
  })

  test('needs no Symbol.asyncDispose', () => {
    const stash = loadIntoPage('delete Symbol.asyncDispose').createStash() as object
    expect(Object.keys(stash)).not.toContain('undefined')
    expect(Symbol.for('Symbol.asyncDispose') in stash).toBe(true)
  })

  test('has types that need neither those of Node nor a newer target', () => {
    const consumer = join(resolve('.'), 'browser-consumer.ts')
    const text = `import { createStash, digestOf } from 'hopstash'
      const stash = createStash()
      export const blob: Promise<Blob> = stash.pdfBlob.getOrSet({ templateId: 't', resume: {} }, () => new Blob([]))
      export const text: string = digestOf(1)
      // @ts-expect-error a preset of the server
      stash.aiResponse`
    expect(typeErrors(consumer, text)).toEqual([])
  })
})

describe('keys of the browser build', () => {
  let bundle: Bundle
  beforeAll(() => {
    bundle = loadIntoPage('')
  })

  test.each([
    ['ASCII', 'resume', 'QiaWIb0pRXFSFXTKvGEpsonhJCzMA1lt48T6lo3A1RU'],
    ['Unicode', 'Lebenslauf für Zoë 😀', 'vGXqAaUYiQzu8jG-nJKSfp6MKy1G-7gOOKmeOOMqBg4'],
    ['a lone surrogate', 'a\ud800', 'sm8SfiA70OD090WdlFnfofaXz4wwmDpO8jj4ndbPANA'],
    ['a long text', 'lorem ipsum '.repeat(500), 'ECANtaTHNa5-7kc4MQnk_bNHGtn55r1aVlUjlpLbKiA'],
    ['a buffer', BrowserBuffer.from('abc'), 'Fyhzdp0igrvsTtlTC9z7QOsMU_jAfTUlXOUDjAekC9Y'],
    ['a Set', new Set<unknown>(['b', 1, 'a']), 'pXlzTTjYcpAmve0SZK6DLyb5rur6N_s9zT3kVY-DdlY'],
  ])('are those of key schema 1 for %s', (_what, value, expected) => {
    expect(bundle.digestOf(value)).toBe(expected)
  })

  test.each([
    ['a URL', new URL('https://jobs.example/a?b=c#d')],
    ['a DataView', new DataView(Uint8Array.of(1, 2, 3).buffer)],
    ['an ArrayBuffer', Uint8Array.of(1, 2, 3).buffer],
    ['a RegExp', /a+/gi],
    ['the prototype of RegExp', RegExp.prototype],
    ['a Map behind a Proxy', new Proxy(new Map([[1, 2]]), {})],
    ['a class of Dates', new (class Day extends Date {})(0)],
    ['an Error', new TypeError('x')],
    ['a text of a mebibyte', 'ü'.repeat(2 ** 20)],
    ['a key longer than the first buffer', Array.from({ length: 5000 }, (_, index) => `field ${index}`)],
  ])('are those of Node for %s', (_what, value) => {
    expect(outcome(() => bundle.digestOf(value))).toEqual(outcome(() => node.digestOf(value)))
  })

  const anything = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
    withSparseArray: true,
    withNullPrototype: true,
    withObjectString: true,
    key: fc.string({ unit: 'binary' }),
    values: [fc.string({ unit: 'binary' }), fc.double(), fc.bigInt(), fc.constant('a\udc00'), fc.constant(Symbol('s'))],
  })

  test('are those of Node for whatever a program may make, of its own realm or another', () => {
    fc.assert(
      fc.property(anything, (value) => {
        expect(outcome(() => bundle.digestOf(value))).toEqual(outcome(() => node.digestOf(value)))
      }),
      { numRuns: 2000 },
    )
  })

  test('are those of Node with a secret, in texts and in explanations', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 200 })
    const texts = fc.string({ unit: 'binary', minLength: 16, maxLength: 200 })
    expect(keyText(bundle, 'a secret of a page', {})).toMatch(/^hopstash:golden:v1:/)
    fc.assert(
      fc.property(texts, bytes, anything, (secret, other, value) => {
        const text = outcome(() => keyText(bundle, secret, value))
        expect(text).toEqual(outcome(() => keyText(node as never, secret, value)))
        for (const option of [secret, other]) {
          const keyed = outcome(() => bundle.digestOf(value, { secret: option }))
          expect(keyed).toEqual(outcome(() => node.digestOf(value, { secret: option })))
        }
        expect(outcome(() => bundle.explainKey(value))).toEqual(outcome(() => node.explainKey(value)))
      }),
      { numRuns: 300 },
    )
  })
})

function keyText({ createStash, namespace }: Bundle, secret: string, value: unknown): unknown {
  const namespaces = { golden: namespace<number, readonly unknown[]>({ key: (parts) => parts }) }
  return createStash({ secret, namespaces, clock: createFakeClock() }).golden.explain(['a', value]).key
}

/** What a call gives, plain: objects of two realms are never equal. */
function outcome(call: () => unknown): unknown {
  try {
    return JSON.stringify(call())
  } catch (error) {
    return { code: (error as { code?: string }).code, message: (error as Error).message }
  }
}

/** The CommonJS file in a realm of its own that has only what a page has. */
function loadIntoPage(before: string, result = 'module.exports'): Bundle {
  const page = vm.createContext({ ...PAGE })
  vm.runInContext(before, page)
  const text = readFileSync('dist/browser.cjs', 'utf8')
  return vm.runInContext(`(() => { const module = { exports: {} }; ${text}\nreturn ${result} })()`, page) as Bundle
}

function run(body: string): unknown {
  const args = [
    '--conditions=browser',
    '--input-type=module',
    '-e',
    `import { createRequire } from 'node:module'\n${body}`,
  ]
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 }))
}

function typeErrors(file: string, text: string): string[] {
  const options: ts.CompilerOptions = {
    noEmit: true,
    strict: true,
    exactOptionalPropertyTypes: true,
    types: [],
    customConditions: ['browser'],
    lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.esnext.disposable.d.ts'],
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
  }
  const host = ts.createCompilerHost(options, true)
  const { getSourceFile, fileExists, readFile } = host
  host.fileExists = (path) => path === file || fileExists(path)
  host.readFile = (path) => (path === file ? text : readFile(path))
  host.getSourceFile = (path, language) =>
    path === file ? ts.createSourceFile(path, text, language, true) : getSourceFile(path, language)
  const diagnostics = ts.getPreEmitDiagnostics(ts.createProgram([file], options, host))
  return diagnostics.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '))
}
