import { createPrivateKey, sign } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Server } from './server'

/** What stands before the seed in PKCS #8 (RFC 8410, section 7). */
const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex')

const decoded = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString())
const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** The same token as the server would have made it two hours ago, signed with its own key, and over since. */
export async function expired(server: Server, token: string): Promise<string> {
  const [header = '', payload = ''] = token.split('.')
  const { kid } = decoded(header)
  const keys = JSON.parse(await readFile(join(server.data, 'dev-keys.json'), 'utf8'))
  const { seed } = keys.signing.find(({ id }: { id: string }) => id === kid)
  const claims = decoded(payload)
  for (const name of ['iat', 'nbf', 'exp']) if (name in claims) claims[name] -= 7200
  const body = `${header}.${encoded(claims)}`
  const key = createPrivateKey({
    key: Buffer.concat([pkcs8, Buffer.from(seed, 'base64')]),
    format: 'der',
    type: 'pkcs8',
  })
  return `${body}.${sign(null, Buffer.from(body), key).toString('base64url')}`
}
