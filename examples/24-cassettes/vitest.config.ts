import { defineConfig } from 'vitest/config'

// Only because this example lies in the package's own repository: yours finds `hopstash` among its dependencies.
const built = process.env.TSX_TSCONFIG_PATH?.includes('built') === true
const [base, ending] = built ? ['../../dist/', 'js'] : ['../../src/', 'ts']
const at = (path: string): string => new URL(`${base}${path}.${ending}`, import.meta.url).pathname

export default defineConfig({
  resolve: {
    alias: [
      { find: /^hopstash$/, replacement: at('index') },
      { find: /^hopstash\/llm$/, replacement: at('llm/index') },
    ],
  },
})
