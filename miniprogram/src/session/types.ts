import type { Backend, LogoutScope, SilentLoginInput, UpdatePhoneInput, UpdateUserInput, User } from '../backend'
import type { Emitter } from '../emitter'
import type { MpAuthError } from '../errors'
import type { Fuse, FuseOptions } from '../fuse'
import type { Logger } from '../logger'
import type { Platform, Storage } from '../platform'
import type { Status } from '../status'
import type { AuthFact, AuthFlow, AuthStep } from '../step'

/** What is known while somebody is logged in. */
export interface Snapshot<U extends User = User> {
  token: string
  refreshToken: string | null
  user: U
  /** When the token ends, by this device's clock, counted from its receipt; null when the server did not tell. */
  expiresAt: number | null
  /** When the token was received. */
  loginAt: number
}

export interface SessionOptions<U extends User = User> {
  platform: Platform
  backend: Backend<U>
  /** Sessions of different names live beside each other; components take the name as a property. `default`. */
  name?: string
  /** What the app asks of people, in this order. Profile, then phone. */
  flow?: AuthFlow
  /** The page that asks when no popup is on the screen, for example `/pages/auth/index`. */
  authPage?: string
  /** Pages of the tab bar, so that the auth page can go back to one. */
  tabPages?: readonly string[]
  /** How mustAuth asks when it is not told. POPUP. */
  mode?: AuthDisplayMode
  /** The id of the popup on a page. `auth-popup`. */
  popupCompName?: string
  /** How long before its end a token is renewed, in ms. 60000. */
  leewayMs?: number
  /** How long wx.login may take, in ms. 8000. */
  loginTimeoutMs?: number
  fuse?: FuseOptions
  /** How many calls may wait for a login. 100. */
  maxQueue?: number
  /** How often a failed login is repeated, each time with a new code, and the first pause. 1, 300 ms. */
  retry?: { times?: number; baseMs?: number }
  /** Whether requests log in again by themselves after a logout. `guest`, the default: only the person does. */
  afterLogout?: 'guest' | 'relogin'
  /** Lets a data pre-fetch carry the access token in place of a login code. Off. */
  prefetchToken?: boolean
  storage?: Storage
  logger?: Logger
  /** Milliseconds since 1970. Date.now. */
  now?: () => number
  /** Between 0 and 1. Math.random. */
  random?: () => number
  /** Calls back after so many ms. setTimeout. */
  delay?: (ms: number, then: () => void) => () => void
}

/** Where the person is asked. */
export enum AuthDisplayMode {
  POPUP = 'button',
  PAGE = 'page',
  /** Nowhere: what is missing is an error. */
  NONE = 'none',
}

export interface MustAuthOptions {
  /** The step to reach. TWO. */
  mustAuthStep?: AuthStep
  /** Facts to have, whatever the flow; takes the place of the step. */
  need?: readonly AuthFact[]
  mode?: AuthDisplayMode
  popupCompName?: string
  authPage?: string
  /** Where the auth page goes back to; the page on the screen, with its query, when absent. */
  backTo?: string
  /** The page or component that holds the popup; the page on the screen when absent. */
  host?: unknown
  /** Gives up after so many ms; never when absent. */
  timeoutMs?: number
}

/** How to log in. A login that says `consent` or `restores` is forced. */
export interface LoginOptions extends Pick<SilentLoginInput, 'consent' | 'restores'> {
  /** Also when logged in, or out on purpose. */
  force?: boolean
  /** For the log. */
  reason?: string
}

/** How the session calls whoever wants to know. Listeners run at once; what they throw is logged. */
export interface SessionEvents<U extends User = User> {
  'login:start': { reason: string }
  'login:success': { reason: string; user: U }
  'login:fail': MpAuthError
  'session:cleared': { reason: string }
  user: U
  'auth:step': { from: AuthStep; to: AuthStep }
  'auth:need': { need: AuthFact[] }
  'auth:done': { step: AuthStep }
  'auth:cancel': { error: unknown }
  'sessionkey:refreshed': { reason: string }
  fuse: { open: boolean }
  perf: { platformMs: number; serverMs: number }
}

/** The login of a Mini Program: the only place that obtains codes and holds tokens. */
export interface Session<U extends User = User> {
  readonly name: string
  readonly status: { readonly login: Status<Snapshot<U>>; readonly auth: Status<AuthStep> }
  readonly events: Emitter<SessionEvents<U>>
  readonly fuse: Fuse
  readonly flow: AuthFlow
  readonly platform: Platform
  readonly logger: Logger
  /** As the options said; empty when they did not. */
  readonly tabPages: readonly string[]
  readonly user: U | null
  /** Whether the person has logged out on purpose; survives a restart. */
  readonly loggedOut: boolean

  /** Logs in unless logged in. `force` does so anyway, with a code, and ends a logout. */
  login(options?: LoginOptions): Promise<Snapshot<U>>
  /** Logged in: goes on. Logging in: waits. Else logs in; after a logout rejects with LOGGED_OUT. */
  ensureLogin(): Promise<Snapshot<U>>
  /** Renews the login: one flight, whoever asks. `staleToken` that is no longer the current one: nothing to do. */
  refreshLogin(options?: { staleToken?: string; reason?: string }): Promise<Snapshot<U>>
  /** A token that is good now. */
  getToken(): Promise<string>
  /** The stored token, good or not; null without one. */
  peekToken(): string | null
  /**
   * Makes sure that ciphertexts can be decrypted. Before a button is shown, never after the tap. Only `encrypted` data
   * needs it, which old base libraries give: a phone `code`, a nickname and a picture do not.
   */
  ensureSessionKey(): Promise<void>

  hasUser(): boolean
  hasPhone(): boolean
  hasUnionId(): boolean
  currentAuthStep(): AuthStep
  missing(need?: readonly AuthFact[]): AuthFact[]

  /** Resolves once the person has what is needed, asking them where it must. USER_CANCELLED, NO_AUTH_HOST, TIMEOUT. */
  mustAuth(options?: MustAuthOptions): Promise<AuthStep>
  /** What the present mustAuth still asks for; empty when none waits. For the UI that asks. */
  readonly needed: readonly AuthFact[]
  /** The UI that asks says that the person has answered: waiters go on if nothing is missing. */
  resolveAuth(): void
  /** The UI that asks was left. */
  rejectAuth(error?: unknown): void

  updateUser(input: UpdateUserInput): Promise<U>
  updatePhone(input: UpdatePhoneInput): Promise<U>
  unbindPhone(): Promise<U>
  me(): Promise<U>
  uploadAvatar(filePath: string): Promise<string>

  /** Ends the session here at once, and on the server as soon as it can be reached. */
  logout(options?: { scope?: LogoutScope }): Promise<void>
  /**
   * Forgets the session without telling the server: the next request logs in again. With `out`, for a session that the
   * server has ended at the person's wish, it counts as a logout.
   */
  clearSession(reason?: string, out?: boolean): void
  /** Takes the session out of the registry and ends its listeners. */
  destroy(): void
}
