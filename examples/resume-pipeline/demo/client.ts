import { type AnalysisRequest, type AnalysisResponse, analysisResponse } from '../answer.js'

/** One user's answer, and how long it took. */
export interface Answer {
  payload: AnalysisResponse
  ms: number
}

/** Asks the back end as a user would, and holds it to its schema. */
export async function ask(url: string, request: AnalysisRequest): Promise<Answer> {
  const startedAt = performance.now()
  const response = await post(`${url}/api/analyse`, request)
  const payload = analysisResponse.parse(await response.json())
  return { payload, ms: performance.now() - startedAt }
}

/** Asks for the resume as a page or a document: how many bytes, and how long it took. */
export async function render(url: string, kind: 'html' | 'pdf', { resume }: AnalysisRequest) {
  const startedAt = performance.now()
  const response = await post(`${url}/api/resume.${kind}`, { resume })
  const { byteLength } = await response.arrayBuffer()
  return { bytes: byteLength, ms: performance.now() - startedAt }
}

async function post(url: string, body: unknown): Promise<Response> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (response.ok) return response
  await response.body?.cancel()
  throw new Error(`${new URL(url).pathname} answered ${response.status}`)
}
