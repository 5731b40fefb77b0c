import { termOf } from './terms.js'

/**
 * What else hints at a skill: whoever writes React has met HTML, though the resume does not say so.
 *
 * Hand-made and one-directional. A hint earns half of what the word itself earns.
 */
const HINTS: Record<string, readonly string[]> = {
  html: ['React', 'Next.js', 'Vue', 'Angular', 'Svelte'],
  css: ['React', 'Next.js', 'Vue', 'Angular', 'Tailwind'],
  javascript: ['TypeScript', 'React', 'Next.js', 'Node.js', 'Vue', 'Angular'],
  react: ['Next.js'],
  'node.js': ['Next.js', 'Express', 'NestJS'],
  sql: ['PostgreSQL', 'MySQL', 'SQLite', 'dbt', 'BigQuery', 'Snowflake'],
  nosql: ['MongoDB', 'Redis', 'Cassandra', 'DynamoDB', 'key-value stores'],
  python: ['pandas', 'PySpark', 'Django', 'NumPy'],
  spark: ['PySpark', 'Databricks', 'Flink'],
  kafka: ['Kinesis', 'Pulsar', 'streaming'],
  airflow: ['Dagster', 'Prefect'],
  snowflake: ['BigQuery', 'Redshift', 'Databricks'],
  'data modeling': ['dbt', 'SQL models', 'star schema'],
  terraform: ['Pulumi', 'CloudFormation'],
  aws: ['S3', 'EC2', 'Lambda', 'Amazon Web Services'],
}

/** The terms that hint at `term`, as they are usually written. */
export function hintsAt(term: string): readonly string[] {
  return BY_TERM.get(term) ?? []
}

const BY_TERM: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries(HINTS).map(([name, hints]) => [termOf(name), hints]),
)
