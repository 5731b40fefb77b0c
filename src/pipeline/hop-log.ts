import type { HopLog, Logger } from './hop-context.js'

/** The log of one hop of one run: every entry carries `context`. */
export function hopLog(logger: Logger | undefined, context: Readonly<Record<string, unknown>>): HopLog {
  const at =
    (level: keyof HopLog) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}): void =>
      logger?.(level, message, { ...context, ...fields })
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
