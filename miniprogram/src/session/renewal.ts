import type { Login, User } from '../backend'
import type { Emitter } from '../emitter'
import { type ErrorCode, isMpAuthError, MpAuthError } from '../errors'
import type { Fuse } from '../fuse'
import type { LockQueue } from '../lock-queue'
import type { Logger } from '../logger'
import type { Status } from '../status'
import { type AuthFlow, type AuthStep, stepOf } from '../step'
import type { Endings } from './ending'
import { asError, type Exchange } from './login'
import { type Ending, type Envelope, isFresh, type Vault } from './snapshot'
import type { SessionEvents, SessionOptions, Snapshot } from './types'

const onTheWay: ErrorCode[] = ['NETWORK', 'TIMEOUT', 'WX_LOGIN_FAILED']

export interface RenewalParts<U extends User> {
  options: SessionOptions<U>
  flow: AuthFlow
  now: () => number
  vault: Vault<U>
  exchange: Exchange<U>
  endings: Endings<U>
  queue: LockQueue
  fuse: Fuse
  status: Status<Snapshot<U>>
  events: Emitter<SessionEvents<U>>
  logger: Logger
}

interface Flight {
  readonly epoch: number
  readonly reason: string
  byCode: boolean
  readonly done: Promise<void>
  readonly over: () => void
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
  private flight: Flight | undefined
  private destroyed = false
  /** The token that the server has refused, whatever the clock says. */
  private refused: string | undefined
  /** The last login failed on the way, and nobody has tried since. */
  private wanted = false
  /** How many logins were made with a code: each renews the session_key. */
  codes = 0

  constructor(private readonly parts: RenewalParts<U>) {}

  get epoch(): number {
    return this.current
  }

  /** Throws STALE when the login of that time has ended. */
  mustBe(epoch: number): void {
    if (this.destroyed || epoch !== this.current) throw new MpAuthError('STALE', 'the login has ended meanwhile')
  }

  /** The login, if its token can be used now. */
  fresh(): Snapshot<U> | null {
    const { vault, now, options } = this.parts
    const { snap } = vault
    return snap && snap.token !== this.refused && isFresh(snap, now(), options.leewayMs ?? 60_000) ? snap : null
  }

  /** A login that can be used now: the one that is there, or a new one. */
  async ready(reason: string): Promise<Snapshot<U>> {
    const { status, queue } = this.parts
    const snap = this.destroyed ? null : this.fresh()
    if (!snap) return this.renew(reason)
    // A renewal that failed has left the old login in place.
    if (!status.isSuccess() && !queue.busy) status.success(snap)
    return snap
  }

  /** A new login, unless the token that was refused is no longer the current one: then that one will do. */
  async replace(refused: string | undefined, reason: string): Promise<Snapshot<U>> {
    const token = this.parts.vault.snap?.token
    if (refused !== undefined) {
      if (token !== undefined && refused !== token) return this.ready(reason)
      this.refused = token
    }
    return this.renew(reason)
  }

  /**
   * A new login. Joins the renewal that is under way, if that one can give what is asked for; else waits until it is
   * over: `byCode` wants a new session_key, which a refresh token does not bring, and a renewal from before a logout
   * brings nothing.
   */
  async renew(reason: string, byCode = false): Promise<Snapshot<U>> {
    const { queue, vault, options } = this.parts
    const epoch = this.current
    const stale = vault.snap?.token
    for (;;) {
      this.mustBe(epoch)
      const { flight } = this
      if (queue.busy && flight?.epoch === epoch && (flight.byCode || !byCode)) break
      if (!queue.busy) vault.reload()
      this.mustBe(epoch)
      if (vault.envelope.out && !byCode && options.afterLogout !== 'relogin') throw new MpAuthError('LOGGED_OUT')
      if (!queue.busy) break
      await flight?.done
    }
    // Another context has renewed it.
    if (!queue.busy && !byCode && vault.snap?.token !== stale && this.fresh()) return this.ready(reason)
    const { snap } = await (queue.busy ? queue.run<Landing<U>>(never) : this.fly(reason, byCode))
    this.mustBe(epoch)
    return snap
  }

  /** The network is back, or the app: what failed for want of it is tried once more. */
  again(why: string): void {
    this.parts.endings.flush()
    if (!this.wanted) return
    this.wanted = false
    this.ready(why).catch(ignore)
  }

  /** Keeps what the server says about the user, unless it is about a login that has ended. */
  adopt(user: U, epoch: number): U {
    const { vault, status, events } = this.parts
    vault.reload()
    this.mustBe(epoch)
    const { snap } = vault
    if (!snap) throw new MpAuthError('STALE', 'there is no login')
    const from = this.step()
    const next = { ...snap, user }
    vault.write({ snap: next })
    if (status.isSuccess()) status.success(next)
    events.emit('user', user)
    this.stepped(from)
    return user
  }

  /** Ends the login on this device. `ending` is what the server has yet to be told. */
  end(reason: string, out: boolean, ending?: Ending): void {
    const { vault, options } = this.parts
    const from = this.step()
    vault.write(({ end }) => ({ snap: null, out, end: ending ? [...end, ending].slice(-3) : end }))
    if (options.prefetchToken) this.prefetch('')
    this.ended(reason, from)
  }

  /** Another context has logged out, or has a new login; it is taken over already. */
  foreign(before: Envelope<U>, after: Envelope<U>): void {
    const from = stepOf(before.snap?.user, this.parts.flow)
    if (after.out || !after.snap) {
      this.ended('elsewhere', from)
      return
    }
    this.parts.logger.info('mpauth: another context has renewed the login')
    this.refused = undefined
    this.parts.events.emit('user', after.snap.user)
    this.stepped(from)
  }

  destroy(): void {
    this.destroyed = true
    this.wanted = false
    this.current++
  }

  private async fly(reason: string, byCode: boolean): Promise<Landing<U>> {
    const { queue } = this.parts
    let over = ignore
    const done = new Promise<void>((resolve) => {
      over = resolve
    })
    const flight: Flight = { epoch: this.current, reason, byCode, done, over }
    this.flight = flight
    const flown = queue.run(() => this.run(flight))
    // First of all who wait for it, and after the lock is free: listeners may call the session again.
    flown.then(
      (landing) => this.landed(flight, landing),
      (error) => this.failed(flight, asError(error)),
    )
    return flown
  }

  private async run(flight: Flight): Promise<Landing<U>> {
    const { vault, exchange, fuse, status, events, options, logger } = this.parts
    const refreshToken = (!flight.byCode && options.backend.refreshToken && vault.snap?.refreshToken) || null
    flight.byCode = !refreshToken
    exchange.check(refreshToken ? 'token' : 'code')
    fuse.pass()
    logger.info(`mpauth: login by ${refreshToken ? 'refresh token' : 'code'} (${flight.reason})`)
    status.ing()
    events.emit('login:start', { reason: flight.reason })
    const login = await this.obtain(flight, refreshToken)
    vault.reload()
    if (flight.epoch !== this.current && vault.envelope.out && !this.destroyed)
      // Nobody uses it, so it had better not live on.
      this.parts.endings.add({ token: login.token, refreshToken: login.refreshToken, scope: 'THIS' })
    this.mustBe(flight.epoch)
    return this.keep(flight, login)
  }

  private async obtain(flight: Flight, refreshToken: string | null): Promise<Login<U>> {
    const { vault, exchange, logger } = this.parts
    const alive = () => this.mustBe(flight.epoch)
    if (refreshToken) {
      try {
        return await exchange.byToken(refreshToken, alive)
      } catch (error) {
        if (!exchange.needsCode(error)) throw error
        logger.info('mpauth: the refresh token was refused', asError(error).code)
        alive()
        vault.write(({ snap }) =>
          snap?.refreshToken === refreshToken ? { snap: { ...snap, refreshToken: null } } : {},
        )
        alive()
      }
      exchange.check('code')
      flight.byCode = true
    }
    const login = await exchange.byCode(vault.envelope.device, alive)
    this.codes++
    return login
  }

  private keep(flight: Flight, login: Login<U>): Landing<U> {
    const { vault, now, options, endings } = this.parts
    const from = this.step()
    const at = now()
    const { token, refreshToken, user, expiresIn } = login
    const snap = {
      token,
      refreshToken,
      user,
      loginAt: at,
      expiresAt: expiresIn === null ? null : at + expiresIn * 1000,
    }
    const { end, snap: old } = vault.envelope
    // A login with a code takes the place of the device's session on the server: that one has ended by itself.
    vault.write({ snap, out: false, ...(flight.byCode && { end: [] }) })
    if (flight.byCode && end.some(({ scope }) => scope === 'ALL')) endings.others(token)
    this.refused = undefined
    this.wanted = false
    if (options.prefetchToken) this.prefetch(token)
    return { snap, from, rekeyed: flight.byCode && old !== null }
  }

  private landed(flight: Flight, { snap, from, rekeyed }: Landing<U>): void {
    if (flight.epoch === this.current) {
      const { status, events, logger } = this.parts
      logger.info('mpauth: logged in', { reason: flight.reason, byCode: flight.byCode })
      status.success(snap)
      events.emit('login:success', { reason: flight.reason, user: snap.user })
      events.emit('user', snap.user)
      if (rekeyed) events.emit('sessionkey:refreshed', { reason: flight.reason })
      this.stepped(from)
    }
    flight.over()
  }

  private failed(flight: Flight, error: MpAuthError): void {
    const { status, events, fuse, logger, vault } = this.parts
    logger.warn('mpauth: login failed', { reason: flight.reason, code: error.code, requestId: error.requestId })
    // The app was put in the background: that says nothing about the server.
    if (error.data?.interrupted) fuse.uncount()
    if (flight.epoch === this.current) {
      this.wanted = onTheWay.includes(error.code)
      // The login is kept whatever the network does, but not against the server's word on the account.
      if (isMpAuthError(error, 'ACCOUNT_DISABLED', 'ACCOUNT_CLOSING') && vault.snap)
        this.end(error.code, vault.envelope.out)
      status.fail(error)
      events.emit('login:fail', error)
    }
    flight.over()
  }

  private ended(reason: string, from: AuthStep): void {
    const { status, events, logger } = this.parts
    this.current++
    this.refused = undefined
    this.wanted = false
    logger.info(`mpauth: the login has ended (${reason})`)
    status.reset()
    events.emit('session:cleared', { reason })
    this.stepped(from)
  }

  private step(): AuthStep {
    return stepOf(this.parts.vault.snap?.user, this.parts.flow)
  }

  private stepped(from: AuthStep): void {
    const to = this.step()
    if (from !== to) this.parts.events.emit('auth:step', { from, to })
  }

  private prefetch(token: string): void {
    try {
      this.parts.options.platform.setPrefetchToken?.(token)
    } catch (error) {
      this.parts.logger.warn('mpauth: the pre-fetch has no token', error)
    }
  }
}

const ignore = () => {}
const never = () => Promise.reject(new MpAuthError('STALE'))
