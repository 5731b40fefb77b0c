/** What the back end pays for: databases as slow as they are, models by the scale. */
export interface Upstreams {
  queryPage(page: number): Promise<readonly Job[]>
  loadTable(): Promise<readonly Job[]>
  queryJob(id: string): Promise<Job | undefined>
  evaluate(job: Job, resume: Resume): Promise<Evaluation>
  tailor(job: Job, resume: Resume): Promise<string>
  readResume(): Promise<Resume>
  saveResume(resume: Resume): Promise<Resume>
  ingest(count: number): Promise<readonly Job[]>
  /** Calls so far, by name. */
  readonly calls: Readonly<Record<string, number>>
}

export interface Job {
  readonly id: string
  readonly title: string
}

export interface Resume {
  readonly id: string
  readonly version: number
  readonly text: string
}

export interface Evaluation {
  readonly jobId: string
  readonly score: number
}

/** A second of a model takes so many milliseconds here. */
export const MODEL_MS_PER_SECOND = 20
const PAGE = 20

export function createUpstreams(jobCount: number): Upstreams {
  const jobs = Array.from({ length: jobCount }, (_, n) => jobOf(n))
  const calls: Record<string, number> = {}
  let resume: Resume = { id: 'master', version: 1, text: 'TypeScript, Redis, SQL' }
  const pay = async (name: string, ms: number): Promise<void> => {
    calls[name] = (calls[name] ?? 0) + 1
    await new Promise((resolve) => setTimeout(resolve, ms))
  }
  const payModel = (name: string, seconds: number): Promise<void> => pay(name, seconds * MODEL_MS_PER_SECOND)
  return {
    calls,
    async queryPage(page) {
      await pay('page query', 300)
      return jobs.slice((page - 1) * PAGE, page * PAGE)
    },
    async loadTable() {
      await pay('table load', 500)
      return [...jobs]
    },
    async queryJob(id) {
      await pay('job query', 100)
      return jobs.find((job) => job.id === id)
    },
    async evaluate(job, { version }) {
      await payModel('evaluation', 10 + ((Number(job.id) * 7 + version) % 50))
      return { jobId: job.id, score: (Number(job.id) * 31 + version) % 100 }
    },
    async tailor(job, { version }) {
      await payModel('tailoring', 30)
      return `Resume ${version} for ${job.title}`
    },
    async readResume() {
      await pay('resume read', 75)
      return resume
    },
    async saveResume(next) {
      await pay('resume write', 75)
      resume = next
      return next
    },
    async ingest(count) {
      await pay('ingestion', 500)
      const added = Array.from({ length: count }, (_, n) => jobOf(jobs.length + n))
      jobs.unshift(...added)
      return added
    },
  }
}

function jobOf(n: number): Job {
  return { id: String(n), title: `Engineer ${n}` }
}
