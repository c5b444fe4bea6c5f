import { MpAuthError } from '../errors'
import type { Page } from '../platform'
import {
  AuthDisplayMode,
  type MustAuthOptions,
  type Session,
  type SessionEvents,
  type SessionOptions,
} from '../session/types'
import { type AuthFact, AuthStep, factsOf } from '../step'
import { authPageUrl, maxPages, topPage, urlOf } from './auth-page'

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
export type AuthGateOptions = Pick<SessionOptions, 'authPage' | 'mode' | 'popupCompName'> &
  Required<Pick<SessionOptions, 'delay'>>

/** What the gate uses of a popup: `auth-popup`, or a component of the app's own with these methods. */
export interface AuthPopup {
  /** Shows what is to be given. Called again, while it is open, when less is missing. */
  open(options: { need: AuthFact[] }): unknown
  /** Called when nobody waits any more; must do nothing when closed already. */
  close?(): unknown
}

/** Somebody who waits in mustAuth. */
interface Waiter {
  readonly options: AuthGateOptions & MustAuthOptions
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
  /** Where it is shown: the pages with a popup, or the auth page. None while a page is being opened. */
  readonly pages: Set<Page>
  /** How many facts were missing when the popup was last told. */
  told: number
  /** Those who need something else, and go on when this is over. */
  readonly queue: (() => void)[]
}

/**
 * What stands behind `session.mustAuth`: asks the person for what is missing, one popup or page at a time, and lets
 * nobody pass before the session has it. `status.auth` and the events `auth:need`, `auth:done` and `auth:cancel`
 * follow; every `auth:need` is followed by one of the other two.
 */
export class AuthGate {
  private ask: Ask | null = null
  private entry: Promise<unknown> | null = null

  constructor(
    private readonly session: AuthSession,
    private readonly options: AuthGateOptions,
  ) {
    // Whoever logs out while asked has changed their mind.
    session.events.on('session:cleared', () => {
      if (session.loggedOut) this.rejectAuth(new MpAuthError('LOGGED_OUT'))
    })
  }

  /** What the person is being asked for, as far as it is still missing; empty when nobody asks. */
  get needed(): AuthFact[] {
    const { ask, session } = this
    return ask ? session.missing(ask.need.filter((fact) => [...ask.waiters].some((w) => w.need.includes(fact)))) : []
  }

  /**
   * Resolves with the step once the person has what is needed: at once and showing nothing when they have. Logs in
   * first; the call is the person's doing, so after a logout too.
   *
   * Rejects with what the login rejects with; USER_CANCELLED; LOGGED_OUT after a logout meanwhile; TIMEOUT;
   * NO_AUTH_HOST when there is neither a popup nor an auth page; in mode NONE with AUTH_STEP_REQUIRED.
   */
  mustAuth(asked?: MustAuthOptions): Promise<AuthStep> {
    const options = { mustAuthStep: AuthStep.TWO, popupCompName: 'auth-popup', ...this.options, ...asked }
    const ms = options.timeoutMs
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
        options,
        need: options.need || factsOf(options.mustAuthStep, this.session.flow),
        settled: false,
        done: (step) => settle(() => resolve(step)),
        fail: (error) => settle(() => reject(error), error),
      }
      if (ms) cancel = options.delay(ms, () => waiter.fail(new MpAuthError('TIMEOUT', `mustAuth after ${ms} ms`)))
      this.pass(waiter).catch(waiter.fail)
    })
  }

  /** The UI that asks says that the person has answered. What is still missing goes on being asked for. */
  resolveAuth(): void {
    const { ask, session } = this
    if (!ask) return
    for (const waiter of ask.waiters) {
      if (!session.missing(waiter.need).length) waiter.done(session.currentAuthStep())
    }
    // Telling it only of less ends, whatever the popup does: there are no more turns than facts.
    const left = this.needed
    if (!left.length || left.length >= ask.told) return
    ask.told = left.length
    for (const popup of ask.popups) popup.open({ need: left })
  }

  /** The UI that asks was left. */
  rejectAuth(error: unknown = new MpAuthError('USER_CANCELLED')): void {
    if (this.ask) this.end(this.ask, error)
  }

  private async pass(waiter: Waiter): Promise<void> {
    const { session } = this
    await this.enter()
    while (!waiter.settled) {
      if (session.loggedOut) throw new MpAuthError('LOGGED_OUT')
      const need = session.missing(waiter.need)
      const have = session.currentAuthStep()
      if (!need.length) {
        if (!this.ask) session.status.auth.success(have)
        return waiter.done(have)
      }
      if (waiter.options.mode === AuthDisplayMode.NONE) {
        const name = AuthStep[have] as keyof typeof AuthStep
        throw new MpAuthError('AUTH_STEP_REQUIRED', `${need}`, { action: 'AUTHORIZE', have: name, need, next: need[0] })
      }
      const ask = this.current()
      if (!ask) return this.start(need, waiter)
      if (need.every((fact) => ask.need.includes(fact))) return this.join(ask, waiter)
      // The other one's turn ends with an act of the person, so this comes round once per act.
      await new Promise<void>((go) => ask.queue.push(go))
    }
  }

  /** One login for all who wait for it, so that they go on in the order in which they came. */
  private enter(): Promise<unknown> {
    const { session } = this
    if (session.loggedOut) return session.login({ force: true, reason: 'mustAuth' })
    this.entry =
      this.entry ||
      session.ensureLogin().finally(() => {
        this.entry = null
      })
    return this.entry
  }

  private async start(need: AuthFact[], waiter: Waiter): Promise<void> {
    const { events, status } = this.session
    const ask: Ask = {
      need,
      waiters: new Set([waiter]),
      popups: new Set(),
      pages: new Set(),
      told: need.length,
      queue: [],
    }
    this.ask = ask
    status.auth.ing()
    events.emit('auth:need', { need })
    // A listener may have refused.
    if (this.ask === ask) await this.open(ask, waiter).catch((error) => this.end(ask, error))
  }

  /** Waits together with others; where their popup is on a page further down, on this page too. */
  private async join(ask: Ask, waiter: Waiter): Promise<void> {
    ask.waiters.add(waiter)
    const top = topPage(this.session.platform)
    if (top && ask.pages.size && !ask.pages.has(top)) await this.open(ask, waiter)
  }

  private async open(ask: Ask, { options }: Waiter): Promise<void> {
    const { host, popupCompName, authPage, backTo } = options
    const { name, platform, logger } = this.session
    const pages = platform.pages()
    const popup =
      options.mode !== AuthDisplayMode.PAGE &&
      (popupOf(host, popupCompName) || popupOf(topPage(platform), popupCompName))
    if (popup) {
      ask.popups.add(popup)
      popup.open({ need: this.needed })
    } else {
      const kind = pages.length < maxPages ? 'navigateTo' : 'redirectTo'
      try {
        if (!authPage) throw `no #${popupCompName}, no authPage`
        await platform.navigate(kind, authPageUrl(authPage, this.needed, backTo || urlOf(topPage(platform)), name))
      } catch (cause) {
        const error = new MpAuthError('NO_AUTH_HOST', `${authPage || cause}`, { cause })
        logger.error('mustAuth', error)
        throw error
      }
    }
    const page = popup && pages.includes(host as Page) ? (host as Page) : topPage(platform)
    if (page) ask.pages.add(page)
  }

  /** The ask that goes on; one whose page was left without a word is over. */
  private current(): Ask | null {
    const { ask, session } = this
    if (ask && ask.pages.size && !session.platform.pages().some((page) => ask.pages.has(page))) {
      // Left, perhaps, on the way back from an answer.
      this.resolveAuth()
      this.rejectAuth()
    }
    return this.ask
  }

  /** One who has been answered waits no more; without anybody the asking is over. */
  private leave(waiter: Waiter, error: unknown): void {
    const { ask } = this
    if (ask && ask.waiters.delete(waiter) && !ask.waiters.size) this.end(ask, error)
  }

  private end(ask: Ask, error?: unknown): void {
    if (this.ask !== ask) return
    this.ask = null
    const { events, status } = this.session
    for (const waiter of ask.waiters) waiter.fail(error)
    for (const go of ask.queue) go()
    if (error === undefined) {
      const step = this.session.currentAuthStep()
      status.auth.success(step)
      events.emit('auth:done', { step })
    } else {
      status.auth.fail(error)
      events.emit('auth:cancel', { error })
      for (const popup of ask.popups) if (popup.close) popup.close()
    }
  }
}

function popupOf(host: unknown, name = ''): AuthPopup | false {
  const page = (host || {}) as Page
  const popup = page.selectComponent && page.selectComponent(`#${name}`)
  return !!popup && 'open' in (popup as object) && (popup as AuthPopup)
}
