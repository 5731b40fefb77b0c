import { setTimeout as sleep } from 'node:timers/promises'

/** A table by id. Every read is counted and takes as long as a query of a database nearby. */
export interface Table<Row> {
  find(id: string): Promise<Row>
  /** One query for several. */
  findMany(ids: readonly string[]): Promise<(Row & { readonly id: string })[]>
}

/** Counts what was read. */
export interface Database {
  readonly queries: number
  table<Row extends object>(rows: Readonly<Record<string, Row>>): Table<Row>
}

/** Makes a database in this process. */
export function createDatabase(queryMs: number): Database {
  let queries = 0
  const query = async (): Promise<void> => {
    queries += 1
    if (queryMs > 0) await sleep(queryMs)
  }
  return {
    get queries() {
      return queries
    },
    table: (rows) => ({
      async find(id) {
        await query()
        const row = rows[id]
        if (row === undefined) throw new RangeError(`There is no row ${id}.`)
        return structuredClone(row)
      },
      async findMany(ids) {
        await query()
        return ids.flatMap((id) => (rows[id] === undefined ? [] : [{ ...structuredClone(rows[id]), id }]))
      },
    }),
  }
}
