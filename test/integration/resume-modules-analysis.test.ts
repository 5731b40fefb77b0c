import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { loadAds, loadResumes } from '../../examples/resume-pipeline/data/inputs.js'
import type { JobAd, JsonResume, Profile } from '../../examples/resume-pipeline/modules/documents.js'
import type { Scoring } from '../../examples/resume-pipeline/modules/fast-svm/contract.js'
import type { Analysis } from '../../examples/resume-pipeline/modules/hermes/contract.js'
import type { ImaginatorOutput } from '../../examples/resume-pipeline/modules/imaginator/contract.js'
import {
  type Completion,
  type CompletionRequest,
  modelContract,
} from '../../examples/resume-pipeline/modules/model-server/contract.js'
import { type Module, startModule } from '../../examples/resume-pipeline/modules/module-server.js'
import {
  type Modules,
  type StartModulesOptions,
  startModules,
} from '../../examples/resume-pipeline/modules/start-modules.js'

interface Outcome {
  profile: Profile
  scoring: Scoring
  analysis: Analysis
  written: ImaginatorOutput
}

const resumes = Object.fromEntries(loadResumes().map(({ name, resume }) => [name, resume]))
const ads = Object.fromEntries(loadAds().map(({ name, ad }) => [name, ad]))
const webAd = ads['web-developer']!
const dataAd = ads['data-engineer']!
let modules: Modules

beforeAll(async () => {
  for (const name of ['OPENAI_BASE_URL', 'OPENAI_API_KEY', 'OPENAI_MODEL']) vi.stubEnv(name, undefined)
  modules = await startModules({ latencyFactor: 0 })
})
afterAll(() => modules.close())

describe('the inputs', () => {
  it('are the four resumes and the ad of @jsonresume/schema, and one ad of our own', () => {
    expect(Object.values(resumes).map(({ basics }) => basics.name)).toEqual([
      'Richard Hendriks',
      'Maya Okonkwo',
      'Daniel Reyes',
      'Dr. Lena Vasquez',
    ])
    expect(Object.values(ads).map(({ title, company }) => `${title}, ${company}`)).toEqual([
      'Web Developer, Microsoft',
      'Data Engineer, Northline Rail',
    ])
  })

  it('are fresh copies every time', () => {
    const [first] = loadResumes()
    first!.resume.basics.name = 'Somebody Else'
    expect(loadResumes()[0]!.resume.basics.name).toBe('Richard Hendriks')
  })
})

describe('Loader', () => {
  it('gives the same profile for a resume as text and as an object', async () => {
    const resume = resumes['new-grad']!
    expect(await load(JSON.stringify(resume))).toEqual(await load(resume))
  })

  it('counts overlapping years of work once and keeps contact details to itself', async () => {
    const job = { name: 'Mill', position: 'Engineer', highlights: [] }
    const profile = await load({
      basics: { name: 'Ada', email: 'ada@example.com', phone: '555-0100' },
      work: [
        { ...job, startDate: '2010-01', endDate: '2012-01' },
        { ...job, startDate: '2011-01-15', endDate: '2013' },
      ],
    })
    expect(profile.years).toBe(3)
    expect(JSON.stringify(profile)).not.toMatch(/ada@example|555-0100/)
  })

  it('lets a post without an end last until the resume was last changed', async () => {
    const work = [{ name: 'Mill', position: 'Engineer', startDate: '2020-01-01' }]
    const profile = await load({ basics: { name: 'Ada' }, work, meta: { lastModified: '2024-07-01T00:00:00' } })
    expect(profile.years).toBe(4.5)
  })

  it('repairs blanks, doubles and nulls, and warns of what it leaves out', async () => {
    const profile = await load({
      basics: { name: '  Ada\n Lovelace ', label: null },
      skills: [{ name: 'Maths', level: 'Expert', keywords: ['Series', 'series', ' '] }, { keywords: ['lost'] }],
      work: [{ name: 'Mill', startDate: '2012', endDate: '2010' }],
    })
    expect(profile).toMatchObject({ name: 'Ada Lovelace', label: '', years: 0 })
    expect(profile.skills).toEqual([{ name: 'Maths', level: 'master', keywords: ['series'] }])
    expect(profile.warnings).toEqual([
      'skills[1] has no name and was left out',
      'a post ends (2010) before it starts (2012) and counts for no time',
    ])
  })
})

describe('FastSVM', () => {
  it('is linear: the decision is the sum of the contributions less the bias, and the weights add up to 1', async () => {
    const { scoring } = await run('new-grad', webAd)
    const sum = scoring.terms.reduce((total, { contribution }) => total + contribution, 0)
    const weights = scoring.terms.reduce((total, { weight }) => total + weight, 0)
    expect(scoring.decision).toBeCloseTo(sum - scoring.bias, 3)
    expect(weights).toBeCloseTo(1, 2)
    for (const { weight, value, contribution } of scoring.terms) expect(contribution).toBeCloseTo(weight * value, 3)
  })

  it('puts the web people first for the web ad and the data people first for the data ad', async () => {
    const ranking = async (ad: JobAd) => {
      const scored = await Promise.all(
        Object.keys(resumes).map(async (name) => ({ name, score: (await run(name, ad)).scoring.score })),
      )
      return scored.sort((a, b) => b.score - a.score).map(({ name }) => name)
    }
    expect((await ranking(webAd)).slice(0, 2).sort()).toEqual(['new-grad', 'sample'])
    expect((await ranking(dataAd)).slice(0, 2).sort()).toEqual(['career-changer', 'senior-engineer'])
  })

  it('rates a resume higher once it says the missing word, and names the skills that match', async () => {
    const before = await run('sample', webAd)
    const after = await run('sample', webAd, (resume) => {
      resume.skills!.push({ name: 'Frontend', level: 'Advanced', keywords: ['React'] })
    })
    expect(after.scoring.score).toBeGreaterThan(before.scoring.score)
    expect(before.scoring.skills.map(({ matched }) => matched)).toEqual([
      ['Web Development', 'HTML', 'CSS', 'Javascript'],
    ])
    expect(after.scoring.skills.map(({ name }) => name)).toContain('Frontend')
  })
})

describe('Hermes', () => {
  it('orders the gaps by weight and suggests an experience for the heaviest five, in that order', async () => {
    const { analysis } = await run('career-changer', webAd)
    const weights = analysis.gaps.map(({ weight }) => weight)
    expect(weights).toEqual([...weights].sort((a, b) => b - a))
    expect(analysis.suggested_experiences.map(({ gap }) => gap)).toEqual(
      analysis.gaps.slice(0, 5).map(({ requirement }) => requirement),
    )
    expect(new Set(analysis.gaps.map(({ priority }) => priority))).toEqual(new Set(['high', 'medium', 'low']))
  })

  it('closes a gap when the resume lists the skill, and halves it when something hints at the skill', async () => {
    const gapOf = async (keyword?: string) => {
      const { analysis } = await run('sample', webAd, (resume) => {
        if (keyword) resume.skills!.push({ name: 'Frontend', level: 'Master', keywords: [keyword] })
      })
      return analysis.gaps.find(({ requirement }) => requirement === 'React')?.weight
    }
    expect(await gapOf()).toBe(1)
    expect(await gapOf('Next.js')).toBe(0.5)
    expect(await gapOf('React')).toBeUndefined()
  })

  it('does not take years in another trade for years in the field', async () => {
    const { analysis } = await run('career-changer', webAd)
    const gap = analysis.gaps.find(({ requirement }) => requirement.startsWith('3+ years'))
    expect(gap?.evidence).toBe('0.7 of 3 years in the field, 9.1 in all')
  })

  it('counts a nice-to-have for less than a must', async () => {
    const weightOf = async (level: string) => {
      const ad = { title: 'Baker', skills: [{ name: 'Ovens', level, keywords: ['Sourdough'] }] }
      return (await run('sample', ad)).analysis.gaps[0]!.weight
    }
    expect(await weightOf('Nice to have')).toBeLessThan(await weightOf('Master'))
  })

  it('takes its match score from FastSVM, and estimates one without', async () => {
    const { profile, scoring, analysis } = await run('new-grad', webAd)
    expect(analysis).toMatchObject({ match_score: scoring.score, match_source: 'fast-svm' })
    const alone = await ask<{ analysis: Analysis }>(modules.hermes, '/analyse', { profile, job: webAd })
    expect(alone.analysis.match_source).toBe('coverage')
    expect(alone.analysis.gaps).toEqual(analysis.gaps)
  })
})

describe('the whole way', () => {
  it.each(Object.keys(resumes))('names the top gap of %s in the suggestions and in the final section', async (name) => {
    for (const ad of [webAd, dataAd]) {
      const { analysis, written } = await run(name, ad)
      const top = analysis.gaps[0]!.requirement
      expect(analysis.suggested_experiences[0]).toMatchObject({ gap: top })
      expect(analysis.suggested_experiences[0]!.suggestion).toContain(top)
      expect(written.final).toContain(top)
      expect(written.critique).toContain(top)
    }
  })

  it.each(Object.keys(resumes))('gives %s another top gap and another final section for another ad', async (name) => {
    const [web, data] = [await run(name, webAd), await run(name, dataAd)]
    expect(data.analysis.gaps[0]!.requirement).not.toBe(web.analysis.gaps[0]!.requirement)
    expect(data.written.final).not.toContain(web.analysis.gaps[0]!.requirement)
    expect(data.written.text).not.toBe(web.written.text)
  })

  it('answers the same question the same way', async () => {
    expect(await run('senior-engineer', dataAd)).toEqual(await run('senior-engineer', dataAd))
  })

  it('finds open posts that fit, best first, and as many as were asked for', async () => {
    const { skills } = await load(resumes['senior-engineer']!)
    const { jobs } = await ask<{ jobs: { title: string; fit: number }[] }>(modules.jobSearch, '/search', {
      title: 'Data Engineer',
      skills,
      limit: 2,
    })
    expect(jobs.map(({ title }) => title)).toEqual(['Storage Engineer', 'Platform Engineer'])
  })
})

describe('another model', () => {
  let stubborn: Module
  let seen: CompletionRequest[]

  beforeAll(async () => {
    seen = []
    stubborn = await startModule({
      name: 'stubborn-model',
      token: 'key-of-the-provider',
      contract: modelContract,
      handle(request): Completion {
        seen.push(request)
        const message = { role: 'assistant' as const, content: 'I would rather talk about the weather.' }
        return {
          id: 'chatcmpl-1',
          object: 'chat.completion',
          created: 0,
          model: request.model,
          choices: [{ index: 0, message, finish_reason: 'stop' }],
          usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
        }
      },
    })
  })
  afterAll(() => stubborn.close())

  it('is asked where OPENAI_BASE_URL says, under OPENAI_API_KEY, and the stand-in is not', async () => {
    vi.stubEnv('OPENAI_BASE_URL', `${stubborn.url}/v1/`)
    vi.stubEnv('OPENAI_API_KEY', stubborn.token)
    vi.stubEnv('OPENAI_MODEL', 'weather-1')
    const { written, started } = await writeWith({})
    expect(written.text).toBe('I would rather talk about the weather.')
    expect(written.usage).toEqual({ model: 'weather-1', calls: 3, input_tokens: 30, output_tokens: 15 })
    expect(started.model.calls()).toEqual([])
  })

  it('cannot keep the top gap out of the final section, and is told no name and no contact', async () => {
    const { written } = await writeWith({ openAiBaseUrl: `${stubborn.url}/v1`, openAiApiKey: stubborn.token })
    expect(written.final).toBe('I would rather talk about the weather. Next to learn: React.')
    expect(JSON.stringify(seen)).not.toMatch(/Hendriks|richard|555-4321/)
  })

  async function writeWith(options: StartModulesOptions) {
    const started = await startModules({ latencyFactor: 0, ...options })
    try {
      const { profile, analysis } = await run('sample', webAd)
      const body = { profile, job: webAd, analysis }
      return { started, written: await ask<ImaginatorOutput>(started.imaginator, '/write', body) }
    } finally {
      await started.close()
    }
  }
})

async function run(name: string, job: JobAd, change: (resume: JsonResume) => void = () => {}): Promise<Outcome> {
  const resume = structuredClone(resumes[name]!)
  change(resume)
  const profile = await load(resume)
  const scoring = await ask<Scoring>(modules.fastSvm, '/score', { text: profile.text, skills: profile.skills, job })
  const { analysis } = await ask<{ analysis: Analysis }>(modules.hermes, '/analyse', { profile, job, match: scoring })
  const written = await ask<ImaginatorOutput>(modules.imaginator, '/write', { profile, job, analysis })
  return { profile, scoring, analysis, written }
}

function load(resume: unknown): Promise<Profile> {
  return ask<Profile>(modules.loader, '/load', { resume })
}

async function ask<Answer>({ url, token }: Module, path: string, body: object): Promise<Answer> {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'x-caller': 'back-end' },
    body: JSON.stringify(body),
  })
  expect([path, response.status]).toEqual([path, 200])
  return response.json() as Promise<Answer>
}
