import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'

/** The PostgreSQL server that scripts/with-postgres names, if it does. */
export const postgres = process.env.MPAUTH_TEST_POSTGRES_URL

/** Runs a statement. Needs psql. */
export function query(url: string, statement: string): void {
  execFileSync('psql', ['-qX', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-c', statement, url])
}

/** A database of its own, and what drops it. */
export function createDatabase(): { name: string; url: string; drop: () => void } {
  const name = `mpauth_sdk_${randomBytes(6).toString('hex')}`
  query(postgres as string, `CREATE DATABASE ${name} TEMPLATE template0`)
  const url = new URL(postgres as string)
  url.pathname = `/${name}`
  return { name, url: url.href, drop: () => query(postgres as string, `DROP DATABASE ${name} WITH (FORCE)`) }
}
