/** An open post on our board. */
export interface Posting {
  id: string
  title: string
  company: string
  city: string
  skills: readonly string[]
}

/** The board: small, made up, and all the same for everybody. */
export const POSTINGS: readonly Posting[] = [
  posting('p-101', 'Frontend Engineer', 'Fern & Field', 'Lisbon', [
    'TypeScript',
    'React',
    'CSS',
    'HTML',
    'Accessibility',
  ]),
  posting('p-102', 'Full-stack Developer', 'Harbour Tickets', 'Hamburg', [
    'Node.js',
    'React',
    'PostgreSQL',
    'REST APIs',
  ]),
  posting('p-103', 'Web Developer', 'Kiosk Nine', 'Leipzig', ['HTML', 'CSS', 'JavaScript', 'PHP']),
  posting('p-104', 'Data Analyst', 'Orchard Foods', 'Austin', ['SQL', 'Excel', 'Tableau', 'Python']),
  posting('p-105', 'Analytics Engineer', 'Tidewater Retail', 'Remote', [
    'dbt',
    'SQL',
    'Snowflake',
    'Python',
    'Airflow',
  ]),
  posting('p-106', 'Data Engineer', 'Northline Rail', 'Warsaw', ['Spark', 'Kafka', 'Python', 'Airflow']),
  posting('p-107', 'Storage Engineer', 'Basalt Cloud', 'Zurich', ['Replication', 'Erasure coding', 'Rust', 'Go']),
  posting('p-108', 'Platform Engineer', 'Signal Post', 'Dublin', ['Kubernetes', 'Terraform', 'Prometheus', 'Go']),
  posting('p-109', 'Codec Engineer', 'Lumen Video', 'Oslo', ['Compression', 'Mpeg', 'C++', 'MP4']),
  posting('p-110', 'Machine Learning Intern', 'Quiet Labs', 'Seattle', ['Python', 'Machine Learning', 'Git']),
  posting('p-111', 'Operations Manager', 'Long Table', 'Austin', [
    'P&L management',
    'Scheduling',
    'Vendor negotiation',
  ]),
]

function posting(id: string, title: string, company: string, city: string, skills: readonly string[]): Posting {
  return { id, title, company, city, skills }
}
