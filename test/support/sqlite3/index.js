'use strict'
const wasm = require('node-sqlite3-wasm')

// `all` answers on a later turn, as the native package does: @keyv/sqlite is asynchronous about it.
class Database {
  #database

  constructor(path, done) {
    let failure = null
    try {
      this.#database = new wasm.Database(path)
    } catch (error) {
      failure = error
    }
    setImmediate(done, failure)
  }

  configure(option, value) {
    if (option === 'busyTimeout') this.#database.exec(`PRAGMA busy_timeout = ${Number(value)}`)
  }

  all(sql, ...rest) {
    const done = rest.pop()
    try {
      const rows = this.#database.all(sql, rest.flat())
      setImmediate(done, null, rows)
    } catch (error) {
      setImmediate(done, error)
    }
  }

  close(done) {
    this.#database.close()
    setImmediate(done, null)
  }
}

module.exports = { Database }
