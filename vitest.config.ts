import { defineConfig } from 'vitest/config'

const SECONDS = 1_000

export default defineConfig({
  resolve: {
    alias: [
      { find: /^hopstash$/, replacement: new URL('src/index.ts', import.meta.url).pathname },
      { find: /^hopstash\/(.+)$/, replacement: new URL('src/$1/index.ts', import.meta.url).pathname },
    ],
  },
  test: {
    restoreMocks: true,
    unstubGlobals: true,
    unstubEnvs: true,
    // For what comes soon: only what never comes takes so long, on a machine of any speed.
    expect: { poll: { timeout: 20 * SECONDS } },
    // Where a file starts processes and servers, one at a time; everything else side by side.
    maxWorkers: '100%',
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text-summary', 'html', 'json-summary'],
    },
    projects: [
      suite('unit', { testTimeout: 60 * SECONDS }),
      suite('contract', { testTimeout: 300 * SECONDS }),
      suite('property', { testTimeout: 300 * SECONDS }),
      suite('integration', { fileParallelism: false, testTimeout: 300 * SECONDS, hookTimeout: 120 * SECONDS }),
      suite('model', { testTimeout: 300 * SECONDS }),
      suite('browser', { fileParallelism: false, testTimeout: 120 * SECONDS, hookTimeout: 300 * SECONDS }),
      suite('package', {
        testTimeout: 300 * SECONDS,
        hookTimeout: 300 * SECONDS,
        globalSetup: ['./test/package/build-first.ts'],
      }),
      {
        extends: true,
        test: {
          name: 'types',
          include: [],
          typecheck: {
            enabled: true,
            only: true,
            include: ['test/types/**/*.test-d.ts'],
            tsconfig: './tsconfig.types.json',
          },
        },
      },
    ],
  },
})

/** One folder of `test/` as a project of its own, so that `vitest run --project unit` runs just that. */
function suite(name: string, options: object) {
  return { extends: true as const, test: { name, include: [`test/${name}/**/*.test.ts`], ...options } }
}
