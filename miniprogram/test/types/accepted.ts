// What an app writes. All of it has to compile.
import { type Fly, default as fly } from 'flyio'
import {
  type AuthPolicy,
  AuthStep,
  type Backend,
  createSession,
  errorOf,
  isExpired,
  isMpAuthError,
  type Session,
  type User,
  useSession,
  wechat,
} from '../../src'
import { createGraphQL, graphqlBackend } from '../../src/entries/graphql'
import { createGuards } from '../../src/entries/guards'
import { createRequest } from '../../src/entries/request'
import { installFly } from '../../src/request/fly'
import * as nodes from './made/nodes'
import * as strings from './made/strings'

const url = 'https://login.example.com/graphql'
const session: Session = createSession({ platform: wechat(), backend: graphqlBackend({ url }), flow: ['PHONE'] })
const gql = createGraphQL(session, { url, header: { 'X-A': '1' }, timeout: 1000 })

export async function documents(): Promise<void> {
  // Of GraphQL Code Generator, in both of its modes: the variables may be left out where there are none.
  const step: 'ONE' | 'TWO' | 'THREE' = (await gql.query(strings.MeDocument)).me.authStep
  const masked: string | undefined = (await gql.query(nodes.MeDocument)).me.phone?.masked
  const ok: boolean = (await gql.mutate(strings.LogoutDocument, { input: { scope: 'ALL' } })).logout.ok
  await gql.mutate(nodes.LogoutDocument, { input: {} }, { needLogin: true, replay: false, authorize: false })
  await gql.query(strings.MeDocument, {}, { dedupe: false, header: { a: 'b' }, timeout: 5, operationName: 'Me' })
  const flow: string[] = (await gql.query(strings.FlowDocument)).authFlow.flow
  await gql.query(strings.FlowDocument, { appId: 'wx1' })

  // Of hand: whoever writes it says what comes back.
  const { things } = await gql.query<{ things: number[] }>('{ things }', { n: 1 })
  const unknown: unknown = await gql.request('{ things }')

  const { data, errors } = await gql.raw(strings.MeDocument)
  const maybe: string | undefined = data?.me.id ?? errors?.[0]?.message
  void [step, masked, ok, flow, things, unknown, maybe]
}

export async function requests(): Promise<void> {
  const policy: AuthPolicy = { expired: (response, code) => isExpired(response, code) || code === '40101' }
  const request = createRequest(session, { baseURL: 'https://api.example.com', policy })
  const { data } = await request<{ price: number }>({ url: '/buy', method: 'POST', data: { id: 1 }, needLogin: true })
  const price: number = data.price
  const uninstall: () => void = installFly(fly as Fly, session, policy)
  uninstall()
  const error = errorOf({ statusCode: 500, header: {}, data: '' })
  if (isMpAuthError(error, 'RATE_LIMITED', 'GRAPHQL')) void [error.retryAfterMs, price]
}

// A person of the app's own, from a server of its own.
interface Customer extends User {
  level: number
}
declare const backend: Backend<Customer>
const customers = createSession({ platform: wechat(), backend })
export const level: number | undefined = customers.user?.level
export const found: Session<Customer> = useSession<Customer>('shop')
createGraphQL(customers, { url })
createRequest(customers)
installFly(fly as Fly, customers)

const { mustAuth } = createGuards(session)
export class Page {
  @mustAuth({ mustAuthStep: AuthStep.TWO })
  async buy(id: string): Promise<void> {
    await session.updatePhone({ code: id })
  }
}
