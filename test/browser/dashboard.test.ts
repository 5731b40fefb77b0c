import { mkdirSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { adminHandler } from '../../src/admin/handler.js'
import { nodeHandler } from '../../src/admin/node.js'
import { createStash } from '../../src/cache/stash.js'
import { pipeline } from '../../src/pipeline/pipeline.js'
import { startChromium } from '../support/chromium.js'

const TOKEN = 'the-token-of-this-test'
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')
/** Where pictures of the page are left for people to look at; nowhere by default. */
const PICTURES = process.env['HOPSTASH_TEST_PICTURES']

let browser: Browser
beforeAll(async () => {
  browser = await startChromium()
})
afterAll(() => browser.close())

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function startSite() {
  const stash = createStash({ store: 'memory' })
  const analyze = pipeline<number>('analyze')
    .hop('loader', { run: ({ input }) => input })
    .hop('scorer', { needs: ['loader'], run: (): Promise<number> => Promise.reject(new Error('down')), fallback: [0] })
    .assemble(({ scorer }) => scorer)
  // A pool of the host's own may name its numbers as it likes.
  const pool = { stats: () => ({ '': 1, idleSockets: 2 }) }
  const handler = adminHandler(stash, { token: TOKEN, pipelines: [analyze], providers: { openai: 'sk-canary' }, pool })
  const server = createServer(nodeHandler(handler))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    server.closeAllConnections()
    server.close()
  })
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  for (let n = 0; n < 3; n++) await stash.job.getOrSet('secret-key', () => ({ title: 'secret-value' }))
  await stash.template.getOrSet({ templateId: 't1', resume: {}, resumeId: '42' }, () => 'page')
  await analyze.run(1)
  return { stash, analyze, origin }
}

interface Visit {
  readonly page: Page
  readonly complaints: string[]
  readonly asked: string[]
}

async function visit(origin: string, context: Parameters<Browser['newContext']>[0] = {}): Promise<Visit> {
  const visitor: BrowserContext = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...context })
  closers.unshift(() => visitor.close())
  const page = await visitor.newPage()
  const complaints: string[] = []
  const asked: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('request', (request) => asked.push(request.url()))
  await page.goto(`${origin}/api/cache/`)
  return { page, complaints, asked }
}

async function signIn({ page }: Visit): Promise<void> {
  await page.getByLabel('Token').fill(TOKEN)
  await page.getByRole('button', { name: 'Open' }).click()
  await page.getByRole('heading', { name: 'Namespaces' }).waitFor()
  await page.locator('tr[data-name="job"]').waitFor()
}

const cellsOf = (page: Page, name: string) =>
  page
    .locator(`tr[data-name="${name}"] td`)
    .evaluateAll((cells) =>
      Object.fromEntries(cells.map((cell) => [cell.getAttribute('data-label') ?? '', cell.textContent?.trim() ?? ''])),
    )

describe('the dashboard', () => {
  it('shows nothing before the token, and nothing for a wrong one', async () => {
    const { origin } = await startSite()
    const there = await visit(origin)
    expect(await there.page.content()).not.toMatch(/secret-|sk-canary|aiResponse/)
    await there.page.getByLabel('Token').fill('not-the-token-of-this-test')
    await there.page.getByRole('button', { name: 'Open' }).click()
    await there.page.getByText('This token does not fit.').waitFor()
    expect(await there.page.locator('#desk').isHidden()).toBe(true)
    expect(await there.page.evaluate('sessionStorage.length')).toBe(0)
  })

  it('shows the numbers of the handler, never a key or a value, and asks nobody else', async () => {
    const { origin } = await startSite()
    const there = await visit(origin)
    await signIn(there)
    const response = await fetch(`${origin}/api/cache/stats`, { headers: { authorization: `Bearer ${TOKEN}` } })
    const { caches } = (await response.json()) as { caches: Record<string, Record<string, unknown>> }
    expect(await cellsOf(there.page, 'job')).toMatchObject({
      'Hit rate': caches.job_cache?.hit_rate,
      Hits: String(caches.job_cache?.hits),
      Misses: String(caches.job_cache?.misses),
      Entries: '1 / 1,000',
      Lives: '1.0 h',
    })
    await there.page.getByText('analyze').first().waitFor()
    await there.page.getByText('degraded', { exact: false }).first().waitFor()
    // Each run is told twice: as a strip in its line, and hop by hop below.
    const bars = there.page.locator('#runs details:first-of-type .strip i')
    expect(await bars.evaluateAll((all) => all.map((bar) => bar.className))).toEqual(['ok', 'degraded'])
    const tiers = there.page.locator('#tiers dt, #tiers dd')
    expect((await tiers.allTextContents()).slice(2)).toEqual([
      'Shared store',
      'none: this process alone',
      'openai',
      'configured',
      'Pool: ',
      '1',
      'Pool: idle sockets',
      '2',
    ])
    expect(await there.page.content()).not.toMatch(/secret-key|secret-value|sk-canary/)
    expect(there.asked.every((url) => url.startsWith(`${origin}/api/cache`))).toBe(true)
    expect(there.complaints).toEqual([])
  })

  it('lives: what happens is seen without a reload', async () => {
    const { stash, analyze, origin } = await startSite()
    const there = await visit(origin)
    await signIn(there)
    for (let n = 0; n < 5; n++) await stash.job.getOrSet('secret-key', () => ({ title: 'x' }))
    await expect
      .poll(
        () =>
          there.page.evaluate(
            `document.querySelector('tr[data-name="job"] td[data-label="Hits"]')?.textContent === '7'`,
          ),
        { timeout: 30_000 },
      )
      .toBe(true)
    await there.page.locator('ol.keys li').first().waitFor()
    const before = await there.page.locator('#runs details').count()
    await analyze.run(2)
    await expect
      .poll(() => there.page.evaluate(`document.querySelectorAll('#runs details').length === ${before + 1}`), {
        timeout: 30_000,
      })
      .toBe(true)
  })

  it('clears a namespace after a confirmation, by keyboard, and not without', async () => {
    const { stash, origin } = await startSite()
    const there = await visit(origin)
    await signIn(there)
    const { page } = there
    await page.getByRole('button', { name: 'Clear job' }).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    expect(stash.job.peek('secret-key')).toBeDefined()
    await page.getByRole('button', { name: 'Clear job' }).focus()
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.getByText('Cleared job.').waitFor()
    expect(stash.job.peek('secret-key')).toBeUndefined()
    expect(stash.template.stats().size).toBe(1)
  })

  it('invalidates by tag', async () => {
    const { stash, origin } = await startSite()
    const there = await visit(origin)
    await signIn(there)
    await there.page.getByLabel('Tags, separated by commas').fill('resume:42, other')
    await there.page.getByRole('button', { name: 'Invalidate…' }).click()
    await there.page.getByRole('button', { name: 'Invalidate', exact: true }).click()
    await there.page.getByText('Invalidated.').waitFor()
    expect(stash.template.peek({ templateId: 't1', resume: {}, resumeId: '42' })).toBeUndefined()
  })

  it('says so when the handler cannot be reached any more', async () => {
    const { origin } = await startSite()
    const there = await visit(origin)
    await signIn(there)
    await there.page.route('**/live', (route) => route.abort())
    await closers.pop()?.()
    await there.page.getByText('reconnecting').waitFor()
  })

  const looks = [
    { width: 1280, scheme: 'light' },
    { width: 1280, scheme: 'dark' },
    { width: 390, scheme: 'light' },
    { width: 390, scheme: 'dark' },
    { width: 820, scheme: 'light' },
  ] as const
  it.each(looks)('is accessible and fits at $width px, $scheme', async ({ width, scheme }) => {
    const { origin } = await startSite()
    const there = await visit(origin, { viewport: { width, height: 844 }, colorScheme: scheme, bypassCSP: true })
    await there.page.addScriptTag({ path: AXE })
    const gate = await violationsOf(there.page)
    await signIn(there)
    const desk = await violationsOf(there.page)
    if (PICTURES !== undefined) {
      mkdirSync(PICTURES, { recursive: true })
      await there.page.screenshot({ path: join(PICTURES, `dashboard-${width}-${scheme}.png`), fullPage: true })
    }
    await there.page.getByRole('button', { name: 'Clear all…' }).click()
    const dialog = await violationsOf(there.page)
    expect({ gate, desk, dialog }).toEqual({ gate: [], desk: [], dialog: [] })
    const overflow = await there.page.evaluate(
      'document.documentElement.scrollWidth - document.documentElement.clientWidth',
    )
    expect(overflow).toBe(0)
  })
})

function violationsOf(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const axe = (globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } }).axe
    const { violations } = await axe.run()
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`)
    interface Violation {
      readonly id: string
      readonly nodes: readonly { readonly html: string }[]
    }
  })
}
