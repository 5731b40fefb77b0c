import { createRequire } from 'node:module'
import PDFDocument from 'pdfkit'
import type { JsonResume } from '../modules/documents.js'
import { templateOf } from './templates.js'

const require = createRequire(import.meta.url)
/** The built-in fonts of PDF know Latin letters only; DejaVu also has Greek, Cyrillic, Arabic and more. */
const REGULAR = require.resolve('dejavu-fonts-ttf/ttf/DejaVuSans.ttf')
const BOLD = require.resolve('dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf')

const MARGIN = 54
const GREY = '#555555'

/** Renders a resume as an A4 document. The same resume gives the same bytes, so that a cache may compare them. */
export async function renderPdf(templateId: string, resume: JsonResume): Promise<Uint8Array> {
  const { accent, fontSize } = templateOf(templateId)
  const document = new PDFDocument({
    size: 'A4',
    margin: MARGIN,
    font: REGULAR,
    info: { Title: resume.basics.name, CreationDate: lastChange(resume) },
  })
  const bytes = collect(document)
  write(createPen(document, accent[0], fontSize), resume)
  document.end()
  return bytes
}

function write(pen: Pen, resume: JsonResume): void {
  const { name, label, summary } = resume.basics
  pen.title(name, label)
  pen.text(summary)
  pen.section('Experience', resume.work, (job) => {
    pen.entry(`${job.position ?? ''}, ${job.name ?? ''}`, span(job), job.summary, job.highlights)
  })
  pen.section('Projects', resume.projects, (project) => {
    pen.entry(project.name, span(project), project.description, project.highlights)
  })
  pen.section('Volunteering', resume.volunteer, (post) => {
    pen.entry(`${post.position ?? ''}, ${post.organization ?? ''}`, span(post), post.summary, post.highlights)
  })
  pen.section('Education', resume.education, (school) => {
    pen.entry(`${school.studyType ?? ''} ${school.area ?? ''}`.trim(), school.institution, undefined, school.courses)
  })
  pen.section('Certificates', resume.certificates, ({ name, issuer }) => pen.pair(name, issuer))
  pen.section('Skills', resume.skills, ({ name, keywords }) => pen.pair(name, keywords?.join(', ')))
  pen.section('Languages', resume.languages, ({ language, fluency }) => pen.pair(language, fluency))
}

type Maybe<T> = T | null | undefined
type Pen = ReturnType<typeof createPen>

/** The few shapes that a resume is made of; whatever is empty leaves no trace. */
function createPen(document: PDFKit.PDFDocument, accent: string, size: number) {
  function line(text: Maybe<string>, font = REGULAR, colour = 'black', scale = 1): void {
    if (text)
      document
        .font(font, size * scale)
        .fillColor(colour)
        .text(text)
  }

  function title(name: string, label: Maybe<string>): void {
    line(name, BOLD, accent, 2.2)
    line(label, REGULAR, GREY, 1.2)
    document.moveDown(0.5)
  }

  function section<Item>(heading: string, items: Maybe<readonly Item[]>, each: (item: Item) => void): void {
    if (!items || items.length === 0) return
    document.moveDown(0.8)
    line(heading, BOLD, accent, 1.3)
    document.moveDown(0.2)
    for (const item of items) each(item)
  }

  function entry(
    heading: Maybe<string>,
    aside: Maybe<string>,
    text: Maybe<string>,
    points: Maybe<readonly string[]>,
  ): void {
    line(heading, BOLD)
    line(aside, REGULAR, GREY, 0.9)
    line(text)
    for (const point of points ?? []) line(`•  ${point}`)
    document.moveDown(0.4)
  }

  function pair(name: Maybe<string>, value: Maybe<string>): void {
    if (name)
      document
        .font(BOLD, size)
        .fillColor('black')
        .text(value ? `${name}: ` : name, { continued: Boolean(value) })
    line(value)
  }

  return { title, section, entry, pair, text: line as (text: Maybe<string>) => void }
}

function span({ startDate, endDate }: { startDate?: Maybe<string>; endDate?: Maybe<string> }): string {
  return startDate ? `${startDate.slice(0, 7)} – ${endDate?.slice(0, 7) || 'today'}` : ''
}

/** The day of the last change, so that the document does not depend on the moment or the place of its making. */
function lastChange({ meta }: JsonResume): Date {
  const day = /^\d{4}-\d{2}-\d{2}/.exec(meta?.lastModified ?? '')?.[0]
  const changedAt = new Date(`${day}T00:00:00Z`)
  return Number.isNaN(changedAt.getTime()) ? new Date(0) : changedAt
}

async function collect(document: PDFKit.PDFDocument): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  for await (const chunk of document) chunks.push(chunk as Buffer)
  return new Uint8Array(Buffer.concat(chunks))
}
