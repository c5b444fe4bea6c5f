import type { Backend, Login, Send, User } from '../backend'
import { MpAuthError } from '../errors'
import {
  CheckSessionKeyDocument,
  LogoutDocument,
  MeDocument,
  RefreshTokenDocument,
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
  const more = timeout === undefined ? {} : { timeout }

  async function call<R, V>(
    send: Send,
    document: StringDocument<R, V>,
    variables: V,
    auth?: Record<string, string>,
  ): Promise<R> {
    const { name } = operationOf(document)
    const response = await send({
      url,
      method: 'POST',
      data: { query: document, operationName: name, variables },
      header: { ...header, 'Content-Type': 'application/json', ...auth },
      ...more,
    })
    const error = errorOf(response, name)
    if (error) throw error
    const data = bodyOf(response)?.data
    if (!data) throw new MpAuthError('SERVER', `${name}: no data`)
    return data as R
  }

  return {
    async silentLogin({ code, nonce, appId, device }, send): Promise<Login> {
      const input = {
        // Left out, it means the only app of the server.
        ...(appId && { appId }),
        code,
        nonce,
        // A name that is too long must not stand in the way of a login.
        device: {
          id: device.id,
          name: device.name.slice(0, 64),
          platform: device.platform.slice(0, 32),
          sdkVersion: device.sdkVersion.slice(0, 32),
        },
      }
      return (await call(send, SilentLoginDocument, { input })).silentLogin
    },
    async refreshToken(refreshToken, send): Promise<Login> {
      return (await call(send, RefreshTokenDocument, { input: { refreshToken } })).refreshToken
    },
    async me(send): Promise<User> {
      return (await call(send, MeDocument, {})).me
    },
    async updateUser({ nickname, avatarKey, encrypted, removeProfile }, send): Promise<User> {
      const input = { nickname, avatarKey, encrypted, removeProfile }
      return (await call(send, UpdateUserDocument, { input })).updateUser.user
    },
    async updatePhone(input, send): Promise<User> {
      return (await call(send, UpdatePhoneDocument, { input })).updatePhone.user
    },
    async unbindPhone(send): Promise<User> {
      return (await call(send, UnbindPhoneDocument, {})).unbindPhone.user
    },
    async logout(token, scope, send): Promise<void> {
      await call(send, LogoutDocument, { input: { scope } }, bearer(token))
    },
    async checkSessionKey(send): Promise<boolean> {
      return (await call(send, CheckSessionKeyDocument, {})).checkSessionKey === 'VALID'
    },
    async uploadAvatar(filePath, token, send): Promise<string> {
      const response = await send({
        url: avatarUrl ?? url.replace(/\/graphql\/?$/, '/avatars'),
        filePath,
        name: 'file',
        // No Content-Type: the platform's own names the boundary of the form.
        header: { ...header, ...bearer(token) },
        ...more,
      })
      const error = errorOf(response, 'avatar')
      if (error) throw error
      const key = bodyOf(response)?.avatarKey
      if (typeof key !== 'string') throw new MpAuthError('SERVER', 'avatar: no avatarKey')
      return key
    },
  }
}
