import { render } from 'jsonresume-theme-even'
import type { JsonResume } from '../modules/documents.js'
import { templateOf } from './templates.js'

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/**
 * Renders a resume as a page, with the JSON Resume theme Even in the template's colours.
 *
 * The theme trusts a resume, we do not: text is escaped, and an address must be of the web. The theme's link to a web
 * font is taken out: opening somebody's resume should tell no third party.
 */
export async function renderHtml(templateId: string, resume: JsonResume): Promise<string> {
  const { accent } = templateOf(templateId)
  const harmless = disarm(resume) as JsonResume
  const themed = { ...harmless, meta: { themeOptions: { colors: { accent } } } }
  const html = render(themed as Parameters<typeof render>[0])
  return html.replace(/<link\b[^>]*\bhref="https?:[^>]*>/g, '')
}

/** A copy without markup and without addresses that run code; `null` becomes absent, as the theme expects. */
function disarm(value: unknown, key = ''): unknown {
  if (value === null) return undefined
  if (typeof value === 'string') return isAddress(key) && !/^https?:\/\//i.test(value) ? '' : escaped(value)
  if (Array.isArray(value)) return value.map((item) => disarm(item))
  if (typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, disarm(item, name)]))
}

function isAddress(key: string): boolean {
  return key === 'url' || key === 'image'
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character)
}
