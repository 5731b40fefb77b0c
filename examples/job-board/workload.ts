/** One kind of request, and how long each took. */
export interface Step {
  readonly name: string
  readonly times: number[]
}

/** A morning of one applicant: looks through the feed, opens jobs, has some evaluated, one of them twice, tailors, looks again. */
export async function spendMorning(origin: string): Promise<Step[]> {
  const steps = new Map<string, number[]>()
  const ask = async (name: string, path: string, method = 'GET', body?: object): Promise<unknown> => {
    const startedAt = performance.now()
    const response = await fetch(`${origin}${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    const answer = await response.json()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status}`)
    steps.set(name, [...(steps.get(name) ?? []), performance.now() - startedAt])
    return answer
  }
  const look = async (): Promise<void> => {
    for (let n = 0; n < 3; n++) {
      await ask('GET /api/jobs', '/api/jobs?page=1')
      await ask('GET /api/resumes/master', '/api/resumes/master')
    }
    for (const id of ['1', '2', '3', '4', '5']) await ask('GET /api/jobs/:id', `/api/jobs/${id}`)
  }
  const evaluate = (ids: readonly string[]) =>
    Promise.all(ids.map((id) => ask('POST /api/evaluations/:id', `/api/evaluations/${id}`, 'POST')))

  await look()
  const first = await evaluate(['1', '2', '3', '3'])
  const again = await evaluate(['1', '2', '3'])
  if (JSON.stringify(first.slice(0, 3)) !== JSON.stringify(again)) throw new Error('an evaluation changed by itself')
  for (let n = 0; n < 2; n++) await ask('POST /api/resumes/tailor', '/api/resumes/tailor', 'POST', { jobId: '1' })
  await look()
  return [...steps].map(([name, times]) => ({ name, times }))
}

/** The two rules that no cache may break: a new master, and an ingestion run, are seen by the very next request. */
export async function checkRules(origin: string): Promise<void> {
  const json = async (path: string, method = 'GET', body?: object) => {
    const init =
      body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
    return (await fetch(`${origin}${path}`, { method, ...init })).json() as Promise<Record<string, unknown>>
  }
  const before = await json('/api/evaluations/1', 'POST')
  await json('/api/resumes/master', 'PUT', { text: 'TypeScript, Redis, SQL, Go' })
  const after = await json('/api/evaluations/1', 'POST')
  if (before.score === after.score) throw new Error('the evaluation is of the old master')
  const feed = (await json('/api/jobs?page=1')) as unknown as { id: string }[]
  await json('/api/ingest', 'POST', { count: 3 })
  const fresh = (await json('/api/jobs?page=1')) as unknown as { id: string }[]
  if (feed[0]?.id === fresh[0]?.id) throw new Error('the feed is the old one')
  if ((await json(`/api/jobs/${fresh[0]?.id}`)).id !== fresh[0]?.id) throw new Error('a new job cannot be opened')
}
