import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Paths of all files in a folder, however deep. */
export function filesIn(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

/** All that stands in the files of a folder, a byte a character: what must not be there is looked for in it. */
export function textIn(folder: string): string {
  return filesIn(folder)
    .map((file) => readFileSync(file, 'latin1'))
    .join('\n')
}
