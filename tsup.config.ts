import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { build, type Plugin, transform } from 'esbuild'
import { defineConfig, type Options } from 'tsup'

/** CommonJS: to import it as an ES module costs a quarter of the whole import. */
export const BUNDLED = ['fast-json-stable-stringify']
/** ESM only: a CommonJS build that required them would fail where require(esm) is off. */
const BUNDLED_IN_COMMONJS = [...BUNDLED, 'p-limit', 'p-retry']
/** The browser build holds everything it needs, in one file. */
export const BUNDLED_FOR_BROWSERS = [...BUNDLED, '@noble/hashes', 'buffer', 'lru-cache', 'p-limit']

/** What stands in for the modules of Node in the browser build, beside the twins of whole files (`x.browser.ts`). */
const NODE_TWINS: Readonly<Record<string, string>> = {
  'node:buffer': './node_modules/buffer/index.js',
  'node:util': './src/keys/types.browser.ts',
}

const declarations = { entry: { ...findEntries(), browser: 'src/browser.ts' } }

const shared: Options = {
  entry: findEntries(),
  format: 'esm',
  // Without it each subpath gets a copy of every class it shares with another, and `instanceof` between them fails.
  splitting: true,
  noExternal: BUNDLED,
  esbuildPlugins: [wholeCore()],
  dts: declarations,
  sourcemap: true,
  target: 'node20',
  // All configurations run at once into one folder: the build script empties it before either starts.
  clean: false,
}

export default defineConfig([
  shared,
  {
    ...shared,
    // By itself in one file: what it shares with the root entry would split that into more.
    entry: { 'cli/main': 'src/cli/main.ts' },
    dts: false,
    splitting: false,
    esbuildPlugins: [],
    sourcemap: false,
    minify: true,
    keepNames: true,
  },
  {
    ...shared,
    entry: { browser: 'src/browser.ts' },
    dts: false,
    // Test runners that imitate a browser ask for the `browser` condition and still load by `require`.
    format: ['esm', 'cjs'],
    platform: 'browser',
    target: 'es2022',
    splitting: false,
    noExternal: [/./],
    removeNodeProtocol: false,
    define: { 'Symbol.asyncDispose': 'asyncDispose' },
    inject: ['src/runtime/async-dispose.browser.ts'],
    esbuildPlugins: [browserTwins()],
  },
  // Declarations for require: a config with `outExtension` would write them over those for import.
  { ...shared, format: 'cjs', dts: { ...declarations, only: true } },
  {
    ...shared,
    dts: false,
    noExternal: BUNDLED_IN_COMMONJS,
    outExtension: () => ({ js: '.cjs' }),
    plugins: [commonJs()],
    onSuccess: async () => writeFileSync('dist/third-party-licenses.txt', bundledLicenses()),
  },
])

/** Every `index.ts` below `src` is a published subpath: `{ 'pipeline/index': 'src/pipeline/index.ts' }`. */
export function findEntries(): Record<string, string> {
  const files = readdirSync(new URL('src', import.meta.url), { recursive: true, encoding: 'utf8' })
  const indexes = files.map((file) => file.replaceAll('\\', '/')).filter((file) => /(^|\/)index\.ts$/.test(file))
  return Object.fromEntries(indexes.sort().map((file) => [file.slice(0, -'.ts'.length), `src/${file}`]))
}

/**
 * Keeps the root entry in three files. The bundler makes one for every set of entries that share some code, and each costs
 * half a millisecond when `hopstash` is imported: the more subpaths there are, the slower it would get.
 *
 * So a subpath that shares much with the root loads all of it, and those that share little load all that any of them shares.
 */
export function wholeCore(): Plugin {
  return {
    name: 'whole-core',
    setup({ onResolve, onLoad, initialOptions }) {
      // What cannot be analysed cannot be built either, and the build says so once.
      const sharing = findSharing(Object.values(initialOptions.entryPoints as Record<string, string>)).catch(
        () => NOTHING,
      )
      onResolve({ filter: /^shared:/ }, ({ path }) => ({ path, namespace: 'shared', sideEffects: true }))
      // Neither TypeScript, which would drop what nobody uses, nor bare imports, which the bundler drops in our package.
      onLoad({ filter: /./, namespace: 'shared' }, async ({ path }) => ({
        contents: [...(await sharing)[path === 'shared:much' ? 'core' : 'little']]
          .map((file, index) => `import * as part${index} from './${file}'`)
          .join('\n'),
        loader: 'js',
        resolveDir: import.meta.dirname,
      }))
      onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, async ({ path }) => {
        const group = (await sharing).groupOf.get(relative(import.meta.dirname, path).replaceAll('\\', '/'))
        if (group === undefined) return undefined
        return { contents: `${readFileSync(path, 'utf8')}\nimport 'shared:${group}'\n`, loader: 'ts' }
      })
    },
  }
}

interface Sharing {
  readonly core: Iterable<string>
  readonly little: Iterable<string>
  readonly groupOf: ReadonlyMap<string, 'much' | 'little'>
}
const NOTHING: Sharing = { core: [], little: [], groupOf: new Map() }

/** What each entry, and each file loaded on first use, has in common with the root entry, by paths from here. */
async function findSharing(entries: string[]): Promise<Sharing> {
  const { metafile } = await build({
    absWorkingDir: import.meta.dirname,
    entryPoints: entries,
    bundle: true,
    format: 'esm',
    logLevel: 'silent',
    metafile: true,
    outdir: 'dist',
    packages: 'external',
    platform: 'node',
    write: false,
  })
  const importsOf = (file: string, wanted: string): string[] =>
    (metafile.inputs[file]?.imports ?? [])
      .filter(({ external, kind }) => external !== true && kind === wanted)
      .map(({ path }) => path)
  const closureOf = (file: string, seen = new Set<string>()): Set<string> => {
    seen.add(file)
    for (const path of importsOf(file, 'import-statement')) if (!seen.has(path)) closureOf(path, seen)
    return seen
  }
  const core = closureOf('src/index.ts')
  const little = new Set<string>()
  const groupOf = new Map<string, 'much' | 'little'>()
  for (const file of [...core].flatMap((from) => importsOf(from, 'dynamic-import'))) groupOf.set(file, 'much')
  for (const entry of entries) {
    if (entry === 'src/index.ts') continue
    const shared = [...closureOf(entry)].filter((file) => core.has(file))
    const isMuch = shared.length > core.size / 4
    groupOf.set(entry, isMuch ? 'much' : 'little')
    if (!isMuch) for (const file of shared) little.add(file)
  }
  return { core, little, groupOf }
}

/** Takes `x.browser.ts` where it stands beside an imported `x.ts`, and {@link NODE_TWINS}; any other Node module fails the build. */
function browserTwins(): Plugin {
  return {
    name: 'browser-twins',
    setup(build) {
      build.onResolve({ filter: /^\.{1,2}\/.*\.js$/ }, ({ path, importer, resolveDir }) => {
        const twin = join(resolveDir, path.replace(/\.js$/, '.browser.ts'))
        return existsSync(twin) && twin !== importer ? { path: twin } : undefined
      })
      build.onResolve({ filter: /^node:/ }, ({ path }) => {
        const twin = NODE_TWINS[path]
        if (twin === undefined) return { errors: [{ text: `${path} has no twin for browsers` }] }
        return { path: join(import.meta.dirname, twin) }
      })
    },
  }
}

/**
 * Turns split ES modules into CommonJS. The bundler's own splitting for CommonJS goes through a compiler that rewrites class
 * fields, `?.` and `??` into helper calls, which costs time on every cache hit, and writes absolute paths into source maps.
 */
function commonJs(): NonNullable<Options['plugins']>[number] {
  return {
    name: 'commonjs',
    async renderChunk(code, info) {
      if (!info.path.endsWith('.cjs')) return
      const { code: converted, map } = await transform(requireOwnChunks(code), {
        format: 'cjs',
        platform: 'node',
        target: 'node20',
        banner: '"use strict";',
        sourcemap: true,
        sourcefile: info.path,
      })
      return { code: converted.replace(/^\/\/# sourceMappingURL=.*\n?/m, ''), map }
    },
    buildEnd({ writtenFiles }) {
      for (const { name } of writtenFiles) if (name.endsWith('.cjs.map')) removeAbsolutePaths(name)
    },
  }
}

/** `import()` of a CommonJS file hides its default export behind another one; `require` gives the names as they are. */
function requireOwnChunks(code: string): string {
  return code.replaceAll(/\bimport\(("\.{1,2}\/[^"]+\.cjs")\)/g, 'new Promise((resolve) => resolve(require($1)))')
}

function removeAbsolutePaths(file: string): void {
  const { file: _own, ...map } = JSON.parse(readFileSync(file, 'utf8'))
  const toRelative = (source: string) => (source.startsWith('.') ? source : source.replace(/^.*[\\/]/, './'))
  writeFileSync(file, JSON.stringify({ ...map, sources: map.sources.map(toRelative) }))
}

/** The licences of the packages whose code the builds contain, with those of their own dependencies. */
function bundledLicenses(): string {
  const names = new Set([...BUNDLED_IN_COMMONJS, ...BUNDLED_FOR_BROWSERS].sort())
  for (const name of names) {
    const { dependencies = {} } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8'))
    for (const dependency of Object.keys(dependencies)) names.add(dependency)
  }
  return [...names].map((name) => `${name}\n\n${readFileSync(licenseFile(name), 'utf8')}`).join('\n---\n\n')
}

function licenseFile(name: string): string {
  const found = readdirSync(`node_modules/${name}`).find((file) => /^licen[cs]e(?:\.(?:md|txt))?$/i.test(file))
  if (found === undefined) throw new Error(`${name} has no licence file`)
  return `node_modules/${name}/${found}`
}
