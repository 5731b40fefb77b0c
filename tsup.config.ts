import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { transform } from 'esbuild'
import { defineConfig, type Options } from 'tsup'

/** ESM only: a CommonJS build that required them would fail where require(esm) is off. */
const BUNDLED_IN_COMMONJS = ['p-limit', 'p-retry']

const shared: Options = {
  entry: findEntries(),
  format: 'esm',
  // Without it each subpath gets a copy of every class it shares with another, and `instanceof` between them fails.
  splitting: true,
  dts: true,
  sourcemap: true,
  target: 'node20',
  // All configurations run at once into one folder: the build script empties it before either starts.
  clean: false,
}

export default defineConfig([
  shared,
  // Declarations for require: a config with `outExtension` would write them over those for import.
  { ...shared, format: 'cjs', dts: { only: true } },
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

/** The licences of the packages whose code the CommonJS build contains, with those of their own dependencies. */
function bundledLicenses(): string {
  const names = new Set(BUNDLED_IN_COMMONJS)
  for (const name of names) {
    const { dependencies = {} } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8'))
    for (const dependency of Object.keys(dependencies)) names.add(dependency)
  }
  return [...names]
    .map((name) => `${name}\n\n${readFileSync(`node_modules/${name}/license`, 'utf8')}`)
    .join('\n---\n\n')
}
