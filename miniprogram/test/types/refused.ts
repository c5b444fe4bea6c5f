// What must not compile. A line that does compile is an unused @ts-expect-error, and fails the test.
import { createSession, isMpAuthError, MpAuthError, type Session, wechat } from '../../src'
import { createGraphQL, graphqlBackend } from '../../src/entries/graphql'
import { createRequest } from '../../src/entries/request'
import { installFly } from '../../src/request/fly'
import * as nodes from './made/nodes'
import * as strings from './made/strings'

declare const session: Session
const gql = createGraphQL(session, { url: 'https://login.example.com/graphql' })

export async function documents(): Promise<void> {
  // @ts-expect-error variables that are required are missing
  await gql.mutate(strings.LogoutDocument)
  // @ts-expect-error the same for a DocumentNode
  await gql.mutate(nodes.LogoutDocument)
  // @ts-expect-error a variable is missing
  await gql.mutate(strings.LogoutDocument, {})
  // @ts-expect-error no such value of the enum
  await gql.mutate(strings.LogoutDocument, { input: { scope: 'EVERYWHERE' } })
  // @ts-expect-error no such field of the input
  await gql.mutate(nodes.LogoutDocument, { input: { scop: 'ALL' } })
  // @ts-expect-error of another type
  await gql.query(strings.FlowDocument, { appId: { id: 1 } })
  // @ts-expect-error no such variable
  await gql.query(strings.FlowDocument, { app: 'wx1' })
  // @ts-expect-error no variables at all
  await gql.query(strings.MeDocument, { id: '1' })
  // @ts-expect-error one of two, not both
  await gql.mutate(strings.PhoneDocument, { input: { code: 'a', encrypted: { iv: '', encryptedData: '' } } })
  // @ts-expect-error one of two, not none
  await gql.mutate(strings.PhoneDocument, { input: {} })
  // @ts-expect-error was not asked for
  void (await gql.query(strings.MeDocument)).me.createdAt
  // @ts-expect-error may be null
  void (await gql.query(nodes.MeDocument)).me.phone.masked
  // @ts-expect-error raw data may be absent
  void (await gql.raw(strings.MeDocument)).data.me
  // @ts-expect-error nothing is known of what a plain string brings back
  void (await gql.query('{ me { id } }')).me
  // @ts-expect-error no document
  await gql.query(42)
  // @ts-expect-error no such option
  await gql.query(strings.MeDocument, {}, { retries: 3 })
}

export async function requests(): Promise<void> {
  const request = createRequest(session)
  // @ts-expect-error Mini Programs have no PATCH
  await request({ url: '/a', method: 'PATCH' })
  // @ts-expect-error there is nothing to send to
  await request({})
  // @ts-expect-error not a word
  await request({ url: '/a', needLogin: 'no' })
  // @ts-expect-error nothing is known of the answer unless it is said
  void (await request({ url: '/a' })).data.price
  // @ts-expect-error no fly
  installFly({ request: () => Promise.resolve() }, session)
}

// @ts-expect-error a server has an address
graphqlBackend({})
// @ts-expect-error a session needs a server
createSession({ platform: wechat() })
// @ts-expect-error facts are in capitals, as the server spells them
createSession({ platform: wechat(), backend: graphqlBackend({ url: '' }), flow: ['phone'] })
// @ts-expect-error no such fact
void session.mustAuth({ need: ['EMAIL'] })
// @ts-expect-error neither a code nor ciphertext
void session.updatePhone({})
// @ts-expect-error who is logged in is not for others to say
session.user = null
// @ts-expect-error no such code
new MpAuthError('AUTH_EXPIRED')
// @ts-expect-error no such code
isMpAuthError(new Error(), 'NO_SUCH_CODE')
