import type { HopLog, Logger } from './hop-context.js'

/** The log of one hop of one run: every entry carries `context`. */
export function hopLog(logger: Logger | undefined, context: Readonly<Record<string, unknown>>): HopLog {
  const at =
    (level: keyof HopLog) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
      // A logger that fails must not fail the hop that told it something.
      try {
        const returned: unknown = logger?.(level, message, { ...context, ...fields })
        if (returned instanceof Promise) returned.catch(ignore)
      } catch {}
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

function ignore(): void {}
