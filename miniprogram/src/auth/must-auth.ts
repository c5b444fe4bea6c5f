import { MpAuthError } from '../errors'
import type { Page } from '../platform'
import {
  AuthDisplayMode,
  type MustAuthOptions,
  type Session,
  type SessionEvents,
  type SessionOptions,
} from '../session/types'
import { delay } from '../status'
import { type AuthFact, AuthStep, factsOf } from '../step'
import { authPageUrl, maxPages, pathOf, topPage, urlOf } from './auth-page'

/** What the gate asks of the session that it belongs to. */
export interface AuthSession
  extends Pick<Session, 'name' | 'flow' | 'platform' | 'logger' | 'loggedOut' | 'missing' | 'currentAuthStep'> {
  readonly status: Pick<Session['status'], 'auth'>
  readonly events: {
    emit<K extends 'auth:need' | 'auth:done' | 'auth:cancel'>(name: K, event: SessionEvents[K]): void
    on(name: 'session:cleared', listener: () => void): () => void
  }
  login(options: { force: boolean; reason: string }): Promise<unknown>
  ensureLogin(): Promise<unknown>
}

/** What the session's options say about asking. */
export type AuthGateOptions = Pick<SessionOptions, 'authPage' | 'mode' | 'popupCompName' | 'delay'>

/** What the gate uses of a popup: `auth-popup`, or a component of the app's own with these methods. */
export interface AuthPopup {
  /** Shows what is to be given. Called again, while it is open, when less is missing. */
  open(options: { need: AuthFact[] }): unknown
  /** Called when nobody waits any more; must do nothing when closed already. */
  close?(): unknown
}

/** Somebody who waits in mustAuth. */
interface Waiter {
  readonly need: readonly AuthFact[]
  settled: boolean
  done(step: AuthStep): void
  fail(error: unknown): void
}

/** One time of asking the person. Whoever needs no more than it asks for waits for it together. */
interface Ask {
  readonly need: readonly AuthFact[]
  readonly waiters: Set<Waiter>
  readonly popups: Set<AuthPopup>
  /** Where it is shown: pages with a popup, the path of the auth page. */
  readonly pages: Set<Page>
  path?: string
  /** A page is being opened, and need not be on the stack yet. */
  opening: boolean
  /** How many facts were missing when the popup was last told. */
  told: number
  readonly over: Promise<void>
  readonly end: () => void
}

/**
 * What stands behind `session.mustAuth`: asks the person for what is missing, one popup or page at a time, and lets
 * nobody pass before the session has it. `status.auth` and the events `auth:need`, `auth:done` and `auth:cancel`
 * follow; every `auth:need` is followed by one of the other two.
 */
export class AuthGate {
  private ask: Ask | null = null
  private entry: Promise<unknown> | undefined

  constructor(
    private readonly session: AuthSession,
    private readonly options: AuthGateOptions,
  ) {
    // Whoever logs out while asked has changed their mind.
    session.events.on('session:cleared', () => {
      if (session.loggedOut) this.rejectAuth(loggedOut())
    })
  }

  /** What the person is being asked for, as far as it is still missing; empty when nobody asks. */
  get needed(): readonly AuthFact[] {
    const ask = this.ask
    return ask
      ? this.session.missing(ask.need.filter((fact) => [...ask.waiters].some((w) => w.need.includes(fact))))
      : []
  }

  /**
   * Resolves with the step once the person has what is needed: at once and showing nothing when they have. Logs in
   * first; the call is the person's doing, so after a logout too.
   *
   * Rejects with what the login rejects with; USER_CANCELLED; LOGGED_OUT after a logout meanwhile; TIMEOUT;
   * NO_AUTH_HOST when there is neither a popup nor an auth page; in mode NONE with AUTH_STEP_REQUIRED.
   */
  mustAuth(options: MustAuthOptions = {}): Promise<AuthStep> {
    const need = options.need ?? factsOf(options.mustAuthStep ?? AuthStep.TWO, this.session.flow)
    return new Promise((resolve, reject) => {
      let cancel = () => {}
      const settle = (then: () => void, error?: unknown) => {
        if (waiter.settled) return
        waiter.settled = true
        cancel()
        then()
        this.leave(waiter, error)
      }
      const waiter: Waiter = {
        need,
        settled: false,
        done: (step) => settle(() => resolve(step)),
        fail: (error) => settle(() => reject(error), error),
      }
      const ms = options.timeoutMs
      if (ms !== undefined) {
        const late = () => waiter.fail(new MpAuthError('TIMEOUT', `mustAuth after ${ms} ms`))
        cancel = (this.options.delay ?? delay)(ms, late)
      }
      this.pass(waiter, options).catch(waiter.fail)
    })
  }

  /** The UI that asks says that the person has answered. What is still missing goes on being asked for. */
  resolveAuth(): void {
    const ask = this.ask
    if (!ask) return
    const step = this.session.currentAuthStep()
    for (const waiter of ask.waiters) {
      if (this.session.missing(waiter.need).length === 0) waiter.done(step)
    }
    // Telling it only of less ends, whatever the popup does: there are no more turns than facts.
    const left = this.needed
    if (left.length === 0 || left.length >= ask.told) return
    ask.told = left.length
    for (const popup of ask.popups) popup.open({ need: [...left] })
  }

  /** The UI that asks was left. */
  rejectAuth(error: unknown = new MpAuthError('USER_CANCELLED')): void {
    if (this.ask) this.end(this.ask, error)
  }

  private async pass(waiter: Waiter, options: MustAuthOptions): Promise<void> {
    const { session } = this
    await this.enter()
    while (!waiter.settled) {
      if (session.loggedOut) throw loggedOut()
      const missing = session.missing(waiter.need)
      if (missing.length === 0) return this.satisfied(waiter)
      if ((options.mode ?? this.options.mode) === AuthDisplayMode.NONE) throw this.required(missing)
      const ask = this.current()
      if (!ask) return this.start(missing, waiter, options)
      if (missing.every((fact) => ask.need.includes(fact))) return this.join(ask, waiter, options)
      // The other one's turn ends with an act of the person, so this comes round once per act.
      await ask.over
    }
  }

  /** One login for all who wait for it, so that they go on in the order in which they came. */
  private enter(): Promise<unknown> {
    const { session } = this
    if (session.loggedOut) return session.login({ force: true, reason: 'mustAuth' })
    this.entry ??= session.ensureLogin().finally(() => {
      this.entry = undefined
    })
    return this.entry
  }

  private satisfied(waiter: Waiter): void {
    const step = this.session.currentAuthStep()
    if (!this.ask) this.session.status.auth.success(step)
    waiter.done(step)
  }

  private async start(need: AuthFact[], waiter: Waiter, options: MustAuthOptions): Promise<void> {
    let end = () => {}
    const over = new Promise<void>((resolve) => {
      end = resolve
    })
    const ask: Ask = {
      need,
      waiters: new Set([waiter]),
      popups: new Set(),
      pages: new Set(),
      opening: false,
      told: need.length,
      over,
      end,
    }
    this.ask = ask
    this.session.status.auth.ing()
    this.session.events.emit('auth:need', { need })
    if (this.ask === ask) await this.open(ask, options).catch((error) => this.end(ask, error))
  }

  /** Waits together with others; where their popup is on a page further down, on this page too. */
  private async join(ask: Ask, waiter: Waiter, options: MustAuthOptions): Promise<void> {
    ask.waiters.add(waiter)
    const top = topPage(this.session.platform)
    if (!ask.opening && top && !this.shows(ask, top)) await this.open(ask, options)
  }

  private async open(ask: Ask, options: MustAuthOptions): Promise<void> {
    const { platform } = this.session
    const mode = options.mode ?? this.options.mode ?? AuthDisplayMode.POPUP
    const name = options.popupCompName ?? this.options.popupCompName ?? 'auth-popup'
    const top = topPage(platform)
    const popup = mode === AuthDisplayMode.POPUP && (popupOf(options.host, name) ?? popupOf(top, name))
    if (popup) {
      ask.popups.add(popup)
      const host = platform.pages().find((page) => page === options.host) ?? top
      if (host) ask.pages.add(host)
      popup.open({ need: [...this.needed] })
      return
    }
    const page = options.authPage ?? this.options.authPage
    if (!page) throw this.loud(`no #${name} on ${top?.route ?? 'any page'}, and no authPage`)
    const url = authPageUrl(page, this.needed, options.backTo ?? urlOf(top), this.session.name)
    const kind = platform.pages().length >= maxPages ? 'redirectTo' : 'navigateTo'
    ask.opening = true
    try {
      await platform.navigate(kind, url)
      ask.path = pathOf(page)
    } catch (cause) {
      throw this.loud(`${kind} ${page} failed`, cause)
    } finally {
      ask.opening = false
    }
  }

  /** The ask that goes on; one whose page was left without a word is over. */
  private current(): Ask | null {
    const ask = this.ask
    if (ask && !ask.opening && (ask.path !== undefined || ask.pages.size > 0)) {
      if (!this.session.platform.pages().some((page) => this.shows(ask, page))) this.rejectAuth()
    }
    return this.ask
  }

  private shows(ask: Ask, page: Page): boolean {
    return ask.pages.has(page) || (page.route !== undefined && pathOf(page.route) === ask.path)
  }

  /** One who has been answered waits no more; without anybody the asking is over. */
  private leave(waiter: Waiter, error: unknown): void {
    const ask = this.ask
    if (ask?.waiters.delete(waiter) && ask.waiters.size === 0) this.end(ask, error)
  }

  private end(ask: Ask, error?: unknown): void {
    if (this.ask !== ask) return
    this.ask = null
    const { events, status } = this.session
    for (const waiter of ask.waiters) waiter.fail(error)
    ask.end()
    if (error === undefined) {
      const step = this.session.currentAuthStep()
      status.auth.success(step)
      events.emit('auth:done', { step })
      return
    }
    status.auth.fail(error)
    events.emit('auth:cancel', { error })
    for (const popup of ask.popups) popup.close?.()
  }

  private required(need: AuthFact[]): MpAuthError {
    const have = AuthStep[this.session.currentAuthStep()] as keyof typeof AuthStep
    return new MpAuthError('AUTH_STEP_REQUIRED', need.join(), { action: 'AUTHORIZE', have, need, next: need[0] })
  }

  private loud(message: string, cause?: unknown): MpAuthError {
    const error = new MpAuthError('NO_AUTH_HOST', message, { cause })
    this.session.logger.error('mustAuth', error)
    return error
  }
}

function loggedOut(): MpAuthError {
  return new MpAuthError('LOGGED_OUT')
}

function popupOf(host: unknown, name: string): AuthPopup | null {
  const popup = (host as Page | null | undefined)?.selectComponent?.(`#${name}`) as
    | Partial<AuthPopup>
    | null
    | undefined
  return typeof popup?.open === 'function' ? (popup as AuthPopup) : null
}
