import { optionInvalid } from '../errors/option-error.js'

/** Refuses anything but a list of tasks with an id each, no two alike. @throws OptionError `ERR_OPTION_INVALID` */
export function checkTasks(tasks: unknown): void {
  if (!Array.isArray(tasks)) throw optionInvalid('tasks', 'an array of tasks', tasks)
  const seen = new Set<string>()
  for (const [place, task] of tasks.entries()) {
    const id: unknown = (task as { readonly id?: unknown } | null | undefined)?.id
    if (typeof id !== 'string' || id === '') throw optionInvalid(`tasks[${place}].id`, 'a text', id)
    if (seen.has(id)) throw optionInvalid(`tasks[${place}].id`, 'different for every task', id)
    seen.add(id)
  }
}
