/** The colours and the type size of a template; HTML and PDF share them. */
export interface Template {
  /** Accent colours of the page, for a light and a dark screen. */
  accent: readonly [light: string, dark: string]
  /** Type size of the PDF, in points. */
  fontSize: number
}

const TEMPLATES: Record<string, Template> = {
  even: { accent: ['#0f5cc4', '#8ab4f8'], fontSize: 10 },
  'even-compact': { accent: ['#1d6b4f', '#7fd1ae'], fontSize: 8.5 },
}

/** The ids of all templates. */
export const TEMPLATE_IDS: readonly string[] = Object.keys(TEMPLATES)

/** Looks a template up; an unknown id is refused, with the known ones in the message. */
export function templateOf(templateId: string): Template {
  const template = Object.hasOwn(TEMPLATES, templateId) ? TEMPLATES[templateId] : undefined
  if (template) return template
  throw new RangeError(`There is no template "${templateId}"; there are ${TEMPLATE_IDS.join(', ')}.`)
}
