import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAccount } from '../../src/account/account'
import trusted from '../../src/generated/trusted-documents.json'
import { eventually } from './support/eventually'
import { Phone } from './support/phone'
import { Server } from './support/server'

let server: Server
let lily: Phone
beforeAll(async () => {
  const documents = fileURLToPath(new URL('../../src/generated/trusted-documents.json', import.meta.url))
  server = await Server.start({ MPAUTH_TRUSTED_DOCUMENTS: documents })
  lily = new Phone(server, 'lily').open()
})
afterAll(async () => {
  lily.close()
  await server.stop()
})

test('a server that takes the SDK’s own operations only serves all of the SDK', async () => {
  const { session } = lily
  await session.login()
  lily.ahead = 600_000
  await session.me()
  await session.updateUser({ nickname: 'Lily' })
  await session.updatePhone(await lily.tap())
  await session.unbindPhone()
  await session.ensureSessionKey()
  const account = createAccount(session, lily.gql)
  await account.exportMyData()
  await account.consents()
  await account.recordConsent({ purpose: 'terms', version: '1', granted: true })
  await account.deleteAccount()
  await account.restoreAccount()
  await session.logout()
  await eventually(() => expect(lily.sent('Logout')).toBe(1))
  await session.login({ force: true })
  const sent = lily.platform.requests().map(({ data }) => (data as { query: string }).query)
  // Nothing in the list is idle, and nothing was sent that is not in it.
  expect(new Set(sent)).toEqual(new Set(Object.values(trusted)))
})

test('and nothing else', async () => {
  await lily.session.login()
  for (const other of ['query Me { me { id } }', 'query Sessions { sessions { id } }', '{ __typename }'])
    await expect(lily.gql.query(other)).rejects.toMatchObject({ code: 'FORBIDDEN', action: 'NONE', retryable: false })
})
