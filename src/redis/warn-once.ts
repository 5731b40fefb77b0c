// Process-wide, as the connections are.
const warned = new Set<string>()

/** Warns once in the life of the process, however many stashes there are. */
export function warnOnce(code: string, about: string, message: string): void {
  const key = `${code} ${about}`
  if (warned.has(key)) return
  warned.add(key)
  process.emitWarning(message, { type: 'HopstashWarning', code })
}
