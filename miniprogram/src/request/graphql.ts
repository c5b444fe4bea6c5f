import { authorized } from '../auth/guards'
import { MpAuthError } from '../errors'
import type { HttpResponse } from '../platform'
import { mergeHeaders } from './address'
import { AuthCore, type AuthPolicy } from './auth-core'
import { type Operation, operationOf, type TypedDocument, textOf } from './document'
import type { RequestSession } from './request'
import { bodyOf, errorOf } from './server-error'

export interface GraphQLConfig {
  url: string
  /** Sent with each request. */
  header?: Record<string, string>
  /** Of a request, in ms. The platform's own when absent. */
  timeout?: number
  policy?: AuthPolicy
  /** Whether AUTH_STEP_REQUIRED asks the person for what is missing and then goes on. True. */
  authorize?: boolean
}

export interface GraphQLOptions {
  /** Which operation of a document that holds several. The first. */
  operationName?: string
  /** Whether the operation waits for a login and carries its token. True. */
  needLogin?: boolean
  /** Whether it is sent again, once, after its token was refused and renewed. True. */
  replay?: boolean
  /** Whether a query joins one in flight that asks the same with the same token. True; mutations never do. */
  dedupe?: boolean
  authorize?: boolean
  header?: Record<string, string>
  timeout?: number
}

/** What a server answered, as it answered it. */
export interface GraphQLResult<R> {
  data?: R | null
  errors?: readonly GraphQLFault[]
  extensions?: Record<string, unknown>
}

/** An error in the words of the GraphQL specification. */
export interface GraphQLFault {
  message: string
  path?: readonly (string | number)[]
  extensions?: Record<string, unknown>
}

/** The variables may be left out where none is required. */
export type GraphQLArgs<V> =
  Record<string, never> extends V ? [variables?: V, options?: GraphQLOptions] : [variables: V, options?: GraphQLOptions]

type Call = <R = unknown, V = Record<string, unknown>>(
  document: string | TypedDocument<R, V>,
  ...args: GraphQLArgs<V>
) => Promise<R>

export interface GraphQL {
  /** The data of a query. Rejects with an MpAuthError: the server's first error, or why there was no answer. */
  query: Call
  /** As `query`, for a mutation. */
  mutate: Call
  /** As either. */
  request: Call
  /** The whole answer, with partial data. Rejects only when there is no GraphQL answer, or no login for it. */
  raw<R = unknown, V = Record<string, unknown>>(
    document: string | TypedDocument<R, V>,
    ...args: GraphQLArgs<V>
  ): Promise<GraphQLResult<R>>
}

/** A GraphQL client with the login, for mpauth and for the app's own server. */
export function createGraphQL(session: RequestSession, config: GraphQLConfig): GraphQL {
  const client = new Client(session, config)
  const call =
    (kind?: Operation['kind']): Call =>
    (document, ...[variables, options]) =>
      client.data(document, variables, options, kind)
  return {
    query: call('query'),
    mutate: call('mutation'),
    request: call(),
    raw: async <R, V>(document: string | TypedDocument<R, V>, ...[variables, options]: GraphQLArgs<V>) =>
      bodyOf(await client.send(document, variables, options)) as GraphQLResult<R>,
  }
}

class Client {
  private readonly core: AuthCore
  private readonly inFlight = new Map<string, Promise<HttpResponse>>()

  constructor(
    private readonly session: RequestSession,
    private readonly config: GraphQLConfig,
  ) {
    this.core = new AuthCore(session, config.policy)
  }

  /** The data, or the first error. */
  async data<R>(
    document: string | TypedDocument<R, never>,
    variables: unknown,
    options: GraphQLOptions = {},
    kind?: Operation['kind'],
  ): Promise<R> {
    const run = async () => {
      const response = await this.send(document, variables, options, kind)
      const name = options.operationName ?? operationOf(textOf(document)).name
      const error = this.core.refusal(response, name) ?? errorOf(response, name)
      if (error) throw error
      return bodyOf(response)?.data as R
    }
    return (options.authorize ?? this.config.authorize ?? true) ? authorized(this.session, run) : run()
  }

  /** The answer, of which is sure that it is GraphQL. */
  async send(
    document: string | TypedDocument<unknown, never>,
    variables: unknown,
    options: GraphQLOptions = {},
    wanted?: Operation['kind'],
  ): Promise<HttpResponse> {
    const query = textOf(document)
    const { kind, name } = operationOf(query)
    if (kind === 'subscription' || (wanted && wanted !== kind)) throw new MpAuthError('CONFIG', `${name} is a ${kind}`)
    const { operationName = name, needLogin = true, replay = true, dedupe = true } = options
    const header = mergeHeaders({ 'Content-Type': 'application/json' }, this.config.header, options.header)
    const timeout = options.timeout ?? this.config.timeout
    const post = async () => {
      const response = await this.core.run(
        needLogin,
        // A mutation that came back with data has done something.
        (refusal) => replay && (kind === 'query' || !bodyOf(refusal)?.data),
        (auth) =>
          this.session.platform.request({
            url: this.config.url,
            method: 'POST',
            data: { query, operationName, variables },
            header: mergeHeaders(header, auth),
            ...(timeout !== undefined && { timeout }),
          }),
      )
      const body = bodyOf(response)
      if (body?.data === undefined && !(body?.errors as unknown[] | undefined)?.length) {
        throw errorOf(response, name) ?? new MpAuthError('SERVER', `${name}: neither data nor errors`)
      }
      return response
    }
    if (kind !== 'query' || !dedupe) return post()
    const key = JSON.stringify([
      needLogin && this.session.peekToken(),
      query,
      operationName,
      variables,
      replay,
      header,
      timeout,
    ])
    return this.join(key, post)
  }

  private join(key: string, post: () => Promise<HttpResponse>): Promise<HttpResponse> {
    const found = this.inFlight.get(key)
    if (found) return found
    const flight = post()
    this.inFlight.set(key, flight)
    const over = () => this.inFlight.delete(key)
    flight.then(over, over)
    return flight
  }
}
