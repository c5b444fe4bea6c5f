import type { HttpRequest, HttpResponse } from './platform'
import type { AuthFact, AuthStepName } from './step'

/**
 * The login server, in the words of the published protocol. `graphqlBackend` talks to mpauth; another
 * server is another object of this shape. Methods reject with an MpAuthError.
 */
export interface Backend<U extends User = User> {
  /** Exchanges a login code. Runs outside of all interceptors, so that it can never wait for itself. */
  silentLogin(input: SilentLoginInput, send: Send): Promise<Login<U>>
  /** Goes on with a session without the platform. Absent where the server has no refresh tokens. */
  refreshToken?(refreshToken: string, send: Send): Promise<Login<U>>
  /** The others are for a person who is logged in: `send` adds the token, and renews it where it must. */
  me(send: Send): Promise<U>
  updateUser(input: UpdateUserInput, send: Send): Promise<U>
  updatePhone(input: UpdatePhoneInput, send: Send): Promise<U>
  unbindPhone(send: Send): Promise<U>
  /** `token` is the one to end: by the time this runs the session on the device is gone. */
  logout(token: string, scope: LogoutScope, send: Send): Promise<void>
  /** Whether the session_key that the server holds is the one the platform works with. Absent where it cannot tell. */
  checkSessionKey?(send: Send): Promise<boolean>
  /** Uploads a picture, and answers the key that `updateUser` takes. Absent where the server stores none. */
  uploadAvatar?(filePath: string, token: string, send: Upload): Promise<string>
}

export type Send = <T = unknown>(request: HttpRequest) => Promise<HttpResponse<T>>
export type Upload = (upload: {
  url: string
  filePath: string
  name: string
  header?: Record<string, string>
}) => Promise<HttpResponse<string>>

export interface SilentLoginInput {
  code: string
  anonymousCode?: string
  /** Made anew for each code: a repeat of the very same request gets the same answer. */
  nonce: string
  appId: string
  device: Device
  /** What the person has just agreed to; some servers create nobody without it. */
  consent?: ConsentInput
  /** The person wants an account back that they had asked to close. */
  restores?: boolean
}

/** What a person decided about a text. */
export interface ConsentInput {
  /** What it is about, for example `privacy-policy`. */
  purpose: string
  /** The version of the text that they saw. */
  version: string
  /** Whether they agree; false withdraws. */
  granted: boolean
}

export interface Device {
  /** A random name that this installation keeps. */
  id: string
  name: string
  platform: string
  sdkVersion: string
}

export interface Login<U extends User = User> {
  token: string
  /** For how many seconds the token is valid, counted from the answer; null when the server does not tell. */
  expiresIn: number | null
  refreshToken: string | null
  user: U
  isNewUser: boolean
}

/** What the app knows of the person. The number is masked: what is stored on a device can be read there. */
export interface User {
  id: string
  nickname: string | null
  avatarUrl: string | null
  phone: { masked: string } | null
  hasProfile: boolean
  hasPhone: boolean
  hasUnionId: boolean
  authStep: AuthStepName
  missing: AuthFact[]
}

/** What a person gives of themselves. `avatarPath` is a local file, uploaded first. */
export interface UpdateUserInput {
  nickname?: string
  avatarPath?: string
  avatarKey?: string
  encrypted?: { iv: string; encryptedData: string; rawData: string; signature: string }
  removeProfile?: boolean
}

/** What the phone button handed over: `code`, or the ciphertext on old base libraries. */
export type UpdatePhoneInput = { code: string } | { encrypted: { iv: string; encryptedData: string } }

export type LogoutScope = 'THIS' | 'OTHERS' | 'ALL'
