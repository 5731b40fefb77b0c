import type { Skill } from '../documents.js'
import { contentTerms, createTermBag, termOf } from '../text/terms.js'
import { POSTINGS } from './postings.js'

/** What a word shared with the title adds when posts are ranked. */
const TITLE_BONUS = 0.1

/** Finds the posts whose skills a person has most of. */
export function search({ title, skills, limit }: { title: string; skills: Skill[]; limit: number }) {
  const own = new Set(skills.flatMap(({ name, keywords }) => [name, ...keywords]).map(termOf))
  const titleTerms = contentTerms(title)
  const ranked = POSTINGS.map(({ skills: wanted, ...post }) => {
    const matched = wanted.filter((label) => own.has(termOf(label)))
    const fit = Math.round((matched.length / wanted.length) * 100) / 100
    const postTitle = createTermBag(post.title)
    const rank = fit + TITLE_BONUS * titleTerms.filter(({ term }) => postTitle.has(term)).length
    return { job: { ...post, fit, matched }, rank }
  })
  return {
    jobs: ranked
      .filter(({ job }) => job.matched.length > 0)
      .sort((a, b) => b.rank - a.rank)
      .slice(0, limit)
      .map(({ job }) => job),
  }
}
