/** What a listener of a channel throws ends the process; a tracer that fails must not. */
export function quietly(tell: () => void): void {
  try {
    tell()
  } catch {}
}
