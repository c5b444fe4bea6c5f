import type { Login, User } from '../backend'
import type { Emitter } from '../emitter'
import { isMpAuthError, MpAuthError } from '../errors'
import type { Fuse } from '../fuse'
import { LockQueue } from '../lock-queue'
import type { Status } from '../status'
import { type AuthStep, stepOf } from '../step'
import { Endings } from './ending'
import { asError, Exchange, type More } from './login'
import type { Settings } from './settings'
import { type Envelope, isFresh, Vault } from './snapshot'
import type { SessionEvents, Snapshot } from './types'

interface Flight {
  readonly epoch: number
  readonly reason: string
  byCode: boolean
  readonly more: More | undefined
  /** Over, one way or the other, and everybody told. */
  done?: Promise<void>
}

interface Landing<U extends User> {
  snap: Snapshot<U>
  from: AuthStep
  /** A login was there before, whose session_key the new one's has replaced. */
  rekeyed: boolean
}

/**
 * The login as it comes, goes on and ends. Renewals run one at a time inside the lock, and the fuse inside of that, so
 * that only real ones count. What an answer brings is kept only if the login that it belongs to has not ended meanwhile:
 * every end begins an epoch, and an answer of another epoch is dropped.
 */
export class Renewal<U extends User> {
  private current = 0
  /** The latest. */
  private flight: Partial<Flight> = {}
  private destroyed = false
  /** The token that the server has refused, whatever the clock says. */
  private refused: string | undefined
  /** The last login failed for now, and nobody has tried since. */
  private wanted = false
  /** How many logins were made with a code: each renews the session_key. */
  codes = 0

  readonly vault: Vault<U>
  readonly exchange: Exchange<U>
  readonly endings: Endings<U>
  private readonly queue: LockQueue

  constructor(
    private readonly settings: Settings<U>,
    private readonly status: Status<Snapshot<U>>,
    private readonly events: Emitter<SessionEvents<U>>,
    private readonly fuse: Fuse,
  ) {
    this.vault = new Vault(settings, (before, after) => this.foreign(before, after))
    this.exchange = new Exchange(settings, (perf) => events.emit('perf', perf))
    this.endings = new Endings(settings, this.vault, this.exchange.send)
    this.queue = new LockQueue({ name: 'login', maxQueue: settings.maxQueue })
  }

  get epoch(): number {
    return this.current
  }

  /** Throws STALE when the login of that time has ended. */
  mustBe(epoch: number): void {
    if (this.destroyed || epoch !== this.current) throw new MpAuthError('STALE', 'login ended')
  }

  /** The login, if its token can be used now. */
  fresh(): Snapshot<U> | null {
    const { snap } = this.vault
    return snap && snap.token !== this.refused && isFresh(snap, this.settings) ? snap : null
  }

  /** A login that can be used now: the one that is there, or a new one. */
  async ready(reason: string): Promise<Snapshot<U>> {
    const snap = this.destroyed ? null : this.fresh()
    if (!snap) return this.renew(reason)
    // A renewal that failed has left the old login in place.
    if (!this.status.isSuccess() && !this.queue.busy) this.status.success(snap)
    return snap
  }

  /** A new login, unless the token that was refused is no longer the current one: then that one will do. */
  async replace(refused: string | undefined, reason: string): Promise<Snapshot<U>> {
    const token = this.vault.token
    if (refused !== undefined) {
      if (token !== undefined && refused !== token) return this.ready(reason)
      this.refused = token
    }
    return this.renew(reason)
  }

  /**
   * A new login. Joins the renewal that is under way, if that one can give what is asked for; else waits until it is
   * over: `more` wants a login with a code, for a new session_key and for what it says itself; a refresh token brings
   * neither, and a renewal from before a logout brings nothing.
   */
  async renew(reason: string, more?: More): Promise<Snapshot<U>> {
    const alone = more && (more.consent || more.restores)
    const epoch = this.current
    const stale = this.vault.token
    for (;;) {
      this.mustBe(epoch)
      const { flight } = this
      if (this.queue.busy && flight.epoch === epoch && (flight.byCode || !more) && !alone) break
      if (!this.queue.busy) this.vault.reload()
      this.mustBe(epoch)
      if (this.vault.out && !more && this.settings.afterLogout !== 'relogin') {
        const error = new MpAuthError('LOGGED_OUT')
        // Pages that wait for a login hear that there is none.
        this.status.fail(error)
        throw error
      }
      if (!this.queue.busy) break
      await flight.done
    }
    // Another context has renewed it.
    if (!this.queue.busy && !more && this.vault.token !== stale && this.fresh()) return this.ready(reason)
    const { snap } = await (this.queue.busy ? this.queue.run<Landing<U>>(never) : this.fly(reason, more))
    this.mustBe(epoch)
    return snap
  }

  /** The network is back, or the app: what failed for want of it is tried once more. */
  again(why: string): void {
    this.endings.flush()
    if (!this.wanted) return
    this.wanted = false
    this.ready(why).catch(ignore)
  }

  /** Keeps what the server says about the user, unless it is about a login that has ended. */
  adopt(user: U, epoch: number): U {
    this.vault.reload()
    this.mustBe(epoch)
    const { snap } = this.vault
    if (!snap) throw new MpAuthError('STALE')
    const from = this.step()
    const next = { ...snap, user }
    this.vault.write({ snap: next })
    if (this.status.isSuccess()) this.status.success(next)
    this.events.emit('user', user)
    this.stepped(from)
    return user
  }

  /** Ends the login on this device, and perhaps says that the person wants it so. */
  end(reason: string, logout = false): void {
    const from = this.step()
    this.vault.write(({ out }) => ({ snap: null, out: logout || out }))
    if (this.settings.prefetchToken) this.prefetch('')
    this.ended(reason, from)
  }

  /** Another context has logged out, or has a new login; it is taken over already. */
  private foreign(before: Envelope<U>, after: Envelope<U>): void {
    const from = this.step(before.snap)
    if (after.out || !after.snap) {
      this.ended('elsewhere', from)
      return
    }
    this.settings.logger.info('mpauth: renewed elsewhere')
    this.events.emit('user', after.snap.user)
    this.stepped(from)
  }

  destroy(): void {
    this.destroyed = true
    this.wanted = false
    this.current++
  }

  private async fly(reason: string, more?: More): Promise<Landing<U>> {
    const flight: Flight = { epoch: this.current, reason, byCode: !!more, more }
    this.flight = flight
    const flown = this.queue.run(() => this.run(flight))
    // First of all who wait for it, and after the lock is free: listeners may call the session again.
    flight.done = flown.then(
      (landing) => this.landed(flight, landing),
      (error) => this.failed(flight, asError(error)),
    )
    return flown
  }

  private async run(flight: Flight): Promise<Landing<U>> {
    const { snap } = this.vault
    const refreshToken = (!flight.byCode && this.settings.backend.refreshToken && snap && snap.refreshToken) || null
    flight.byCode = !refreshToken
    this.exchange.check(refreshToken ? 'token' : 'code')
    this.fuse.pass()
    this.settings.logger.info(`mpauth: login by ${refreshToken ? 'refresh token' : 'code'} (${flight.reason})`)
    this.status.ing()
    this.events.emit('login:start', { reason: flight.reason })
    const login = await this.obtain(flight, refreshToken)
    this.vault.reload()
    if (flight.epoch !== this.current && this.vault.out && !this.destroyed)
      // Nobody uses it, so it had better not live on.
      this.endings.add({ token: login.token, refreshToken: login.refreshToken, scope: 'THIS' })
    this.mustBe(flight.epoch)
    return this.keep(flight, login)
  }

  private async obtain(flight: Flight, refreshToken: string | null): Promise<Login<U>> {
    const alive = () => this.mustBe(flight.epoch)
    if (refreshToken) {
      try {
        return await this.exchange.byToken(refreshToken, alive)
      } catch (error) {
        if (!this.exchange.needsCode(error)) throw error
        this.settings.logger.info('mpauth: refresh token refused', error)
        alive()
        this.vault.write(({ snap }) =>
          snap && snap.refreshToken === refreshToken ? { snap: { ...snap, refreshToken: null } } : {},
        )
        alive()
      }
      this.exchange.check('code')
      flight.byCode = true
    }
    const login = await this.exchange.byCode(this.vault.envelope.device, alive, flight.more)
    this.codes++
    return login
  }

  private keep(flight: Flight, login: Login<U>): Landing<U> {
    const from = this.step()
    const at = this.settings.now()
    const { token, refreshToken, user, expiresIn } = login
    const expiresAt = typeof expiresIn === 'number' ? at + expiresIn * 1000 : null
    const snap = { token, refreshToken: refreshToken || null, user, loginAt: at, expiresAt }
    const { end, snap: old } = this.vault.envelope
    // A login with a code takes the place of the device's session on the server: that one has ended by itself.
    // Whoever had logged out everywhere, and was not heard, is still logged in elsewhere.
    const others = end.some(({ scope }) => scope === 'ALL')
      ? [{ token, refreshToken: null, scope: 'OTHERS' as const }]
      : []
    this.vault.write({ snap, out: false, ...(flight.byCode && { end: others }) })
    this.endings.flush()
    this.wanted = false
    if (this.settings.prefetchToken) this.prefetch(token)
    return { snap, from, rekeyed: flight.byCode && old !== null }
  }

  private landed({ epoch, reason }: Flight, { snap, from, rekeyed }: Landing<U>): void {
    if (epoch !== this.current) return
    this.settings.logger.info(`mpauth: logged in (${reason})`)
    this.status.success(snap)
    this.events.emit('login:success', { reason, user: snap.user })
    this.events.emit('user', snap.user)
    if (rekeyed) this.events.emit('sessionkey:refreshed', { reason })
    this.stepped(from)
  }

  private failed({ epoch, reason }: Flight, error: MpAuthError): void {
    const { code } = error
    this.settings.logger.warn(`mpauth: login failed (${reason})`, error)
    // The app was put in the background: that says nothing about the server.
    if (error.data && error.data.interrupted) this.fuse.uncount()
    if (epoch !== this.current) return
    // The login is kept whatever the network does, but not against the server's word on the account.
    if (isMpAuthError(error, 'ACCOUNT_DISABLED', 'ACCOUNT_CLOSING') && this.vault.snap) this.end(code)
    this.wanted = error.retryable
    this.status.fail(error)
    this.events.emit('login:fail', error)
  }

  private ended(reason: string, from: AuthStep): void {
    this.current++
    this.wanted = false
    this.settings.logger.info(`mpauth: login ended (${reason})`)
    this.status.reset()
    this.events.emit('session:cleared', { reason })
    this.stepped(from)
  }

  private step(snap = this.vault.snap): AuthStep {
    return stepOf(snap && snap.user, this.settings.flow)
  }

  private stepped(from: AuthStep): void {
    const to = this.step()
    if (from !== to) this.events.emit('auth:step', { from, to })
  }

  private prefetch(token: string): void {
    try {
      const { platform } = this.settings
      if (platform.setPrefetchToken) platform.setPrefetchToken(token)
    } catch (error) {
      this.settings.logger.warn('mpauth: no token for the pre-fetch', error)
    }
  }
}

const ignore = () => {}
const never = () => Promise.reject(new MpAuthError('STALE'))
