import type { Backend, Send } from '../backend'
import { MpAuthError } from '../errors'
import {
  CheckSessionKeyDocument,
  LogoutDocument,
  MeDocument,
  RefreshTokenDocument,
  RestoreAccountDocument,
  SilentLoginDocument,
  UnbindPhoneDocument,
  UpdatePhoneDocument,
  UpdateUserDocument,
} from '../generated/documents'
import { operationOf, type StringDocument } from './document'
import { bodyOf, errorOf } from './server-error'

export interface GraphQLBackendOptions {
  /** The address of mpauth's GraphQL API, for example `https://login.example.com/graphql`. */
  url: string
  /** Where pictures are uploaded to. `url` with `/avatars` in place of `/graphql`. */
  avatarUrl?: string
  /** Sent with each request, for example to name a tenant. */
  header?: Record<string, string>
  /** Of a request, in ms. The platform's own when absent. */
  timeout?: number
}

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` })

/** The login server mpauth. Its methods reject with an MpAuthError that has the code of the server's error. */
export function graphqlBackend({ url, avatarUrl, header, timeout }: GraphQLBackendOptions): Backend {
  const limit = timeout ? { timeout } : {}

  /** What the only field of a document brings back. */
  async function call<R, V>(
    send: Send,
    query: StringDocument<R, V>,
    variables: V,
    auth?: Record<string, string>,
  ): Promise<R[keyof R]> {
    const operationName = operationOf(query).name
    const response = await send({
      url,
      method: 'POST',
      data: { query, operationName, variables },
      header: { ...header, 'Content-Type': 'application/json', ...auth },
      ...limit,
    })
    const error = errorOf(response, operationName)
    if (error) throw error
    const data = bodyOf(response)?.data
    if (!data) throw new MpAuthError('SERVER', `${operationName}: no data`)
    return Object.values(data)[0]
  }

  return {
    silentLogin({ code, nonce, appId, device, consent, restores }, send) {
      // Left out, the AppID is the only one of the server.
      const input = { appId: appId || undefined, code, nonce, device, consent }
      return restores ? call(send, RestoreAccountDocument, { input }) : call(send, SilentLoginDocument, { input })
    },
    refreshToken: (refreshToken, send) => call(send, RefreshTokenDocument, { input: { refreshToken } }),
    me: (send) => call(send, MeDocument, {}),
    async updateUser({ avatarPath: _, ...input }, send) {
      return (await call(send, UpdateUserDocument, { input })).user
    },
    async updatePhone(input, send) {
      return (await call(send, UpdatePhoneDocument, { input })).user
    },
    async unbindPhone(send) {
      return (await call(send, UnbindPhoneDocument, {})).user
    },
    async logout(token, scope, send) {
      await call(send, LogoutDocument, { input: { scope } }, bearer(token))
    },
    async checkSessionKey(send) {
      return (await call(send, CheckSessionKeyDocument, {})) === 'VALID'
    },
    async uploadAvatar(filePath, token, send) {
      const response = await send({
        url: avatarUrl ?? url.replace(/\/graphql\/?$/, '/avatars'),
        filePath,
        name: 'file',
        // No Content-Type: the platform's own names the boundary of the form.
        header: { ...header, ...bearer(token) },
        ...limit,
      })
      const error = errorOf(response, 'avatar')
      if (error) throw error
      const key = bodyOf(response)?.avatarKey
      if (typeof key !== 'string') throw new MpAuthError('SERVER', 'avatar: no avatarKey')
      return key
    },
  }
}
