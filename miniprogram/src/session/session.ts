import { AuthGate } from '../auth/must-auth'
import type { Backend, LogoutScope, Send, UpdatePhoneInput, UpdateUserInput, User } from '../backend'
import { Emitter } from '../emitter'
import { isMpAuthError, MpAuthError } from '../errors'
import { Fuse } from '../fuse'
import { LockQueue } from '../lock-queue'
import type { Logger } from '../logger'
import type { Platform } from '../platform'
import { AuthCore } from '../request/auth-core'
import { uploadAvatar } from '../request/upload'
import { Status } from '../status'
import { type AuthFact, type AuthFlow, type AuthStep, missingOf, stepOf } from '../step'
import { isOwn, register, sharedSession, unregister } from './registry'
import { Renewal } from './renewal'
import { settingsOf } from './settings'
import type { LoginOptions, MustAuthOptions, Session, SessionEvents, SessionOptions, Snapshot } from './types'

/**
 * Creates the session of a Mini Program; once, before any page. A second call with a name returns the first one's
 * session, also when it was another copy of the SDK that made it. Throws CONFIG without a platform or a backend.
 */
export function createSession<U extends User = User>(options: SessionOptions<U>): Session<U> {
  for (const part of ['platform', 'backend'] as const)
    if (!options[part]) throw new MpAuthError('CONFIG', `createSession without ${part}`)
  const { platform, name = 'default' } = options
  const known = isOwn(name)
  const found = sharedSession(platform, name)
  if (found) {
    if (known) found.logger.warn(`mpauth: session '${name}' exists already`)
    return found as unknown as Session<U>
  }
  const session = new MpSession(options)
  register(platform, session as unknown as Session)
  return session
}

class MpSession<U extends User> implements Session<U> {
  readonly name: string
  readonly status: { readonly login: Status<Snapshot<U>>; readonly auth: Status<AuthStep> }
  readonly events: Emitter<SessionEvents<U>>
  readonly fuse: Fuse
  readonly flow: AuthFlow
  readonly tabPages: readonly string[]
  readonly platform: Platform
  readonly logger: Logger

  private readonly backend: Backend<U>
  private readonly renewal: Renewal<U>
  private readonly core: AuthCore
  private readonly gate: AuthGate
  private readonly keyQueue = new LockQueue({ name: 'session key' })
  private readonly unlisten: (() => void)[] = []

  constructor(options: SessionOptions<U>) {
    const settings = settingsOf(options)
    const { platform, logger, delay, fuse } = settings
    const onError = (error: unknown) => logger.error('mpauth: a listener failed', error)
    this.name = settings.name
    this.flow = settings.flow
    this.tabPages = settings.tabPages
    this.platform = platform
    this.backend = settings.backend
    this.logger = logger
    this.events = new Emitter(onError)
    this.status = { login: new Status('login', { delay, onError }), auth: new Status('auth', { delay, onError }) }
    this.fuse = new Fuse({
      name: 'login',
      now: settings.now,
      ...fuse,
      onChange: (open) => {
        logger.warn(`mpauth: fuse ${open ? 'open' : 'closed'}`)
        this.events.emit('fuse', { open })
        if (fuse && fuse.onChange) fuse.onChange(open)
      },
    })
    this.renewal = new Renewal(settings, this.status.login, this.events, this.fuse)
    this.core = new AuthCore(this)
    this.gate = new AuthGate(this, settings)
    const snap = this.renewal.fresh()
    if (snap) this.status.login.success(snap)
    for (const on of ['onOnline', 'onShow'] as const)
      if (platform[on]) this.unlisten.push(platform[on](() => this.renewal.again(on)))
    this.renewal.endings.flush()
  }

  get user(): U | null {
    const { snap } = this.renewal.vault
    return snap && snap.user
  }

  get loggedOut(): boolean {
    return this.renewal.vault.out
  }

  get needed(): readonly AuthFact[] {
    return this.gate.needed
  }

  async login({ force, reason = 'login', ...more }: LoginOptions = {}): Promise<Snapshot<U>> {
    if (!force && !more.consent && !more.restores) return this.renewal.ready(reason)
    this.renewal.exchange.forgive()
    return this.renewal.renew(reason, more)
  }

  ensureLogin(): Promise<Snapshot<U>> {
    return this.renewal.ready('ensure')
  }

  refreshLogin({
    staleToken,
    reason = 'refresh',
  }: {
    staleToken?: string
    reason?: string
  } = {}): Promise<Snapshot<U>> {
    return this.renewal.replace(staleToken, reason)
  }

  async getToken(): Promise<string> {
    return (await this.ensureLogin()).token
  }

  peekToken(): string | null {
    return this.renewal.vault.token || null
  }

  ensureSessionKey(): Promise<void> {
    return this.keyQueue.run(() => this.renewSessionKey())
  }

  hasUser(): boolean {
    return !this.missing(['PROFILE']).length
  }

  hasPhone(): boolean {
    return !this.missing(['PHONE']).length
  }

  hasUnionId(): boolean {
    const { user } = this
    return !!(user && user.hasUnionId)
  }

  currentAuthStep(): AuthStep {
    return stepOf(this.user, this.flow)
  }

  missing(need: readonly AuthFact[] = this.flow): AuthFact[] {
    return missingOf(this.user, need)
  }

  mustAuth(options?: MustAuthOptions): Promise<AuthStep> {
    return this.gate.mustAuth(options)
  }

  resolveAuth(): void {
    this.gate.resolveAuth()
  }

  rejectAuth(error?: unknown): void {
    this.gate.rejectAuth(error)
  }

  updateUser({ avatarPath, nickname, ...rest }: UpdateUserInput): Promise<U> {
    const { epoch } = this.renewal
    return this.adopt(async (backend) => {
      let input: UpdateUserInput = rest
      // Forms report what was left alone as an empty text.
      if (nickname) input = { ...input, nickname }
      if (avatarPath) input = { ...input, avatarKey: await this.uploadAvatar(avatarPath) }
      const save = () => backend.updateUser(input, this.send)
      return save().catch(async (error) => {
        // WeChat judges a name only of somebody whom it has seen lately, and a session goes on for weeks without it.
        if (!isMpAuthError(error, 'LOGIN_CODE_INVALID')) throw error
        this.renewal.mustBe(epoch)
        await this.renewal.renew('nickname', {})
        return save()
      })
    })
  }

  updatePhone(input: UpdatePhoneInput): Promise<U> {
    return this.adopt((backend) => backend.updatePhone(input, this.send))
  }

  unbindPhone(): Promise<U> {
    return this.adopt((backend) => backend.unbindPhone(this.send))
  }

  me(): Promise<U> {
    return this.adopt((backend) => backend.me(this.send))
  }

  uploadAvatar(filePath: string): Promise<string> {
    return uploadAvatar(this, this.backend, filePath)
  }

  async logout({ scope = 'THIS' }: { scope?: LogoutScope } = {}): Promise<void> {
    // The others are no part of this device: its own login goes on.
    if (scope === 'OTHERS') return this.backend.logout(await this.getToken(), scope, this.send)
    // Another context may have renewed the login: it is the latest token that has to end.
    this.renewal.vault.reload()
    const { snap } = this.renewal.vault
    this.renewal.end('logout', true)
    if (snap) this.renewal.endings.add({ token: snap.token, refreshToken: snap.refreshToken, scope })
  }

  clearSession(reason = 'clear', out = false): void {
    this.renewal.end(reason, out)
  }

  destroy(): void {
    this.renewal.destroy()
    for (const off of this.unlisten) off()
    unregister(this.platform, this as unknown as Session)
    this.gate.rejectAuth(new MpAuthError('STALE', 'destroyed'))
    this.events.clear()
  }

  /** Keeps what the server answers about the user, unless the login of the question has ended by then. */
  private async adopt(ask: (backend: Backend<U>) => Promise<U>): Promise<U> {
    const { epoch } = this.renewal
    return this.renewal.adopt(await ask(this.backend), epoch)
  }

  /** With the token, renewed where it must be, and repeated once. */
  private readonly send: Send = (request) =>
    this.core.run(true, true, (header) =>
      this.platform.request({ ...request, header: { ...request.header, ...header } }),
    )

  private async renewSessionKey(): Promise<void> {
    const { renewal } = this
    const { epoch, codes } = renewal
    await this.ensureLogin()
    // A login with a code has just brought a new key.
    if (renewal.codes !== codes || (await this.isSessionKeyGood())) return
    renewal.mustBe(epoch)
    await renewal.renew('session key', {})
  }

  /**
   * The platform speaks of the key of the latest code, wherever that went; only the server knows which key it holds. If
   * the server cannot say, a tap may fail once, which renews the key too: better than no tap at all.
   */
  private async isSessionKeyGood(): Promise<boolean> {
    const { platform, backend } = this
    if (platform.checkSession && !(await platform.checkSession().catch(() => false))) return false
    if (!backend.checkSessionKey) return true
    return backend.checkSessionKey(this.send).catch((error: unknown) => {
      this.logger.warn('mpauth: session_key not checked', error)
      return true
    })
  }
}
