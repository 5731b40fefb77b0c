import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type JobAd, type JsonResume, jobAd, jsonResume } from '../modules/documents.js'

/** The files of `@jsonresume/schema`, wherever it is installed. */
const schemaPackage = dirname(createRequire(import.meta.url).resolve('@jsonresume/schema/package.json'))

const RESUMES = {
  sample: 'sample.resume.json',
  'new-grad': 'examples/new-grad.resume.json',
  'career-changer': 'examples/career-changer.resume.json',
  'senior-engineer': 'examples/senior-engineer.resume.json',
}

/** The four resumes that ship with `@jsonresume/schema`; every call reads fresh copies. */
export function loadResumes(): { name: string; resume: JsonResume }[] {
  return Object.entries(RESUMES).map(([name, file]) => ({
    name,
    resume: jsonResume.parse(readJson(join(schemaPackage, file))),
  }))
}

/** The ad that ships with `@jsonresume/schema`, and one of our own that asks for quite different things. */
export function loadAds(): { name: string; ad: JobAd }[] {
  const files = {
    'web-developer': join(schemaPackage, 'sample.job.json'),
    'data-engineer': new URL('data-engineer.job.json', import.meta.url),
  }
  return Object.entries(files).map(([name, file]) => ({ name, ad: jobAd.parse(readJson(file)) }))
}

function readJson(file: string | URL): unknown {
  return JSON.parse(readFileSync(file, 'utf8'))
}
