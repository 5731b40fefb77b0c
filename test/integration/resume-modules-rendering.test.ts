import { describe, expect, it, vi } from 'vitest'
import { loadResumes } from '../../examples/resume-pipeline/data/inputs.js'
import type { JsonResume } from '../../examples/resume-pipeline/modules/documents.js'
import { renderHtml } from '../../examples/resume-pipeline/rendering/html.js'
import { renderPdf } from '../../examples/resume-pipeline/rendering/pdf.js'
import { TEMPLATE_IDS } from '../../examples/resume-pipeline/rendering/templates.js'

const resumes = loadResumes()
const worldly: JsonResume = {
  basics: {
    name: 'Łukasz Żółć 李雷 🚀',
    label: 'Инженер · مهندس · Μηχανικός',
    summary: 'ﬁ — “quotes” \u200b\u0000 e\u0301',
  },
  work: [{ name: 'Ćwikła', position: 'Çırak', highlights: ['日本語の要点', 'Rust & <b>Go</b>'] }],
}

describe.each(resumes)('the resume of $resume.basics.name', ({ resume }) => {
  it.each(TEMPLATE_IDS)('becomes a page with the name, the posts and nothing to load (%s)', async (templateId) => {
    const fetching = vi.spyOn(globalThis, 'fetch')
    const html = await renderHtml(templateId, resume)
    expect(html).toMatch(/^<!doctype html>/i)
    expect(html).toContain(resume.basics.name)
    for (const { position } of resume.work ?? []) expect(html).toContain(position)
    expect(html).not.toMatch(/<link[^>]+stylesheet|<script[^>]+src|@import/)
    expect(fetching).not.toHaveBeenCalled()
  })

  it.each(TEMPLATE_IDS)('becomes a PDF with pages, its bytes the same every time (%s)', async (templateId) => {
    const pdf = Buffer.from(await renderPdf(templateId, resume))
    expect(pdf.subarray(0, 5).toString('latin1')).toBe('%PDF-')
    expect(pdf.subarray(-6).toString('latin1')).toContain('%%EOF')
    expect(pagesIn(pdf)).toBeGreaterThanOrEqual(1)
    expect(Buffer.from(await renderPdf(templateId, resume)).equals(pdf)).toBe(true)
  })
})

describe('rendering', () => {
  it('takes names and sentences in any script', async () => {
    expect(await renderHtml('even', worldly)).toContain('Łukasz Żółć 李雷 🚀')
    expect(pagesIn(Buffer.from(await renderPdf('even', worldly)))).toBe(1)
  })

  it('does not let a resume put markup, attributes or script addresses into the page', async () => {
    const html = await renderHtml('even', {
      basics: {
        name: '<script>alert(1)</script>',
        label: '<img src=x>',
        summary: '[click](javascript:alert(2)) <b onclick=alert(3)>here</b>',
        url: 'javascript:alert(4)',
        email: '"onfocus="alert(5)',
      },
      work: [{ name: 'P&L', position: '**bold** & <i>more</i>', url: '" onmouseover="alert(6)' }],
    })
    expect(html).not.toMatch(/<script>alert|<img src=x|<b onclick|<i>more|javascript:|"onfocus|onmouseover/)
    expect(html).toContain('&lt;script&gt;alert(1)')
    expect(html).toContain('P&amp;L')
    expect(html).not.toContain('&amp;amp;')
  })

  it('goes on over as many pages as it takes', async () => {
    const highlights = Array.from({ length: 200 }, (_, index) => `Result number ${index}`)
    const pdf = await renderPdf('even', { basics: { name: 'Ada' }, work: [{ name: 'Mill', highlights }] })
    expect(pagesIn(Buffer.from(pdf))).toBeGreaterThan(2)
  })

  it('leaves out what a resume does not say', async () => {
    const bare = { basics: { name: 'Ada' } }
    expect(await renderHtml('even', bare)).toContain('Ada')
    expect(pagesIn(Buffer.from(await renderPdf('even', bare)))).toBe(1)
  })

  it('gives each template its own look', async () => {
    const { resume } = resumes[0]!
    const [pages, documents] = await Promise.all(
      [renderHtml, renderPdf].map((render) => Promise.all(TEMPLATE_IDS.map((id) => render(id, resume)))),
    )
    expect(pages![0]).not.toBe(pages![1])
    expect(documents![0]).not.toEqual(documents![1])
  })

  it.each(['nope', 'constructor', ''])('refuses the unknown template "%s" and names the known ones', async (id) => {
    await expect(renderHtml(id, worldly)).rejects.toThrow(`There is no template "${id}"; there are even, even-compact.`)
    await expect(renderPdf(id, worldly)).rejects.toThrow(RangeError)
  })
})

function pagesIn(pdf: Buffer): number {
  return pdf.toString('latin1').match(/\/Type \/Page\b/g)?.length ?? 0
}
