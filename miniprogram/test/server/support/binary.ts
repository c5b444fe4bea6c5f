import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Builds the server, unless MPAUTH_BINARY names one. */
export default function setup(): (() => void) | undefined {
  if (process.env.MPAUTH_BINARY) return undefined
  const directory = mkdtempSync(join(tmpdir(), 'mpauth-sdk-binary-'))
  const binary = join(directory, 'mpauth')
  const root = fileURLToPath(new URL('../../../..', import.meta.url))
  const remove = () => rmSync(directory, { recursive: true })
  try {
    execFileSync('go', ['build', '-o', binary, '.'], { cwd: root, stdio: 'inherit' })
  } catch (error) {
    remove()
    throw error
  }
  process.env.MPAUTH_BINARY = binary
  return remove
}
