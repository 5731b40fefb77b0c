import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = new URL('../', import.meta.url)
// Below the root's node_modules, so that it finds the package's own dependencies rather than those of the peers.
const folder = new URL('node_modules/.cache/hopstash-bench/', root)

/** Bundles `src` the way the package is built, without its declarations. */
export async function buildSource() {
  const { build } = await import('esbuild')
  const { tsImport } = await import('tsx/esm/api')
  mkdirSync(folder, { recursive: true })
  // As in the package: without it the engine would have to guess what kind of module each file is.
  writeFileSync(new URL('package.json', folder), '{ "type": "module" }')
  const { BUNDLED, findEntries, wholeCore } = await tsImport('../tsup.config.ts', import.meta.url)
  const { dependencies, peerDependencies } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))
  await build({
    absWorkingDir: fileURLToPath(root),
    entryPoints: findEntries(),
    outdir: fileURLToPath(folder),
    bundle: true,
    external: Object.keys({ ...dependencies, ...peerDependencies }).filter((name) => !BUNDLED.includes(name)),
    plugins: [wholeCore()],
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'error',
  })
}

/** The address of a subpath (`''`, `'pipeline'`): of the fresh bundle, or of `dist` where `BENCH_DIST` is set. */
export function hopstashUrl(subpath = '') {
  const base = process.env.BENCH_DIST ? new URL('dist/', root) : folder
  return new URL(subpath === '' ? 'index.js' : `${subpath}/index.js`, base).href
}

/** Imports a subpath; `undefined` where it does not exist. */
export async function importHopstash(subpath = '') {
  const url = hopstashUrl(subpath)
  return existsSync(fileURLToPath(url)) ? import(pathToFileURL(fileURLToPath(url)).href) : undefined
}
