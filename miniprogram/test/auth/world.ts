import { afterEach } from 'vitest'
import { leaveAuthPage, needOf } from '../../src/auth/auth-page'
import type { Backend, Login, User } from '../../src/backend'
import { Logger } from '../../src/logger'
import type { Platform } from '../../src/platform'
import { createSession } from '../../src/session/session'
import type { MustAuthOptions, Session, SessionOptions } from '../../src/session/types'
import { type AuthFact, type AuthFlow, AuthStep, defaultFlow, missingOf, stepOf } from '../../src/step'
import { FakeClock } from '../support/fake-clock'
import { FakePages, type PageLiteral, type Query } from '../support/fake-pages'

export interface WorldOptions extends Partial<SessionOptions> {
  /** What the person has given already. */
  given?: AuthFact[]
  pages?: Record<string, PageLiteral>
  /** The first page; none when empty. */
  landing?: string
}

const sessions: Session[] = []
afterEach(() => {
  for (const session of sessions.splice(0)) {
    session.rejectAuth()
    session.destroy()
  }
})

export type World = ReturnType<typeof world>

/** A Mini Program with a real session, a person, and a server that only knows what the person has given. */
export function world({ given = [], pages: literals = {}, landing = '/pages/shop', ...options }: WorldOptions = {}) {
  const flow = options.flow ?? defaultFlow
  const facts = new Set<AuthFact>(given)
  const clock = new FakeClock()
  const logged: unknown[][] = []
  const calls = { login: 0, silentLogin: 0, me: 0 }
  const tabs = options.tabPages ?? []
  const pages = new FakePages({ '/pages/auth/index': authPageOf((): Session => session), ...literals }, tabs)
  const session: Session = createSession({
    platform: platformOf(pages, calls),
    backend: backendOf(facts, flow, calls),
    now: clock.now,
    delay: clock.delay,
    logger: new Logger({ sinks: [(method, args) => logged.push([method, ...args])] }),
    ...options,
  })
  sessions.push(session)
  const events: string[] = []
  session.events.on('auth:need', ({ need }) => events.push(`need ${need}`))
  session.events.on('auth:done', ({ step }) => events.push(`done ${AuthStep[step]}`))
  session.events.on('auth:cancel', ({ error }) => events.push(`cancel ${(error as { code: string }).code}`))
  if (landing) pages.push(...(landing.split('?') as [string, string]))
  const give = async (fact: AuthFact) => {
    await (fact === 'PHONE' ? session.updatePhone({ code: 'c' }) : session.updateUser({ nickname: 'Li' }))
  }
  /** mustAuth, for a caller who may never look at its end. */
  const ask = (asked?: MustAuthOptions) => quiet(session.mustAuth(asked))
  return { session, pages, clock, facts, events, logged, calls, give, ask }
}

/** A promise whose failure need not be looked at. */
export function quiet<P extends Promise<unknown>>(promise: P): P {
  promise.catch(() => {})
  return promise
}

/** A popup as it stands on a page: it tells the session of the person's answers, and of being closed. */
export class FakePopup {
  /** What it was told to ask for, each time. */
  readonly opened: AuthFact[][] = []
  isOpen = false
  closed = 0

  constructor(
    private readonly world: Pick<World, 'session' | 'give'>,
    page: { popups: Record<string, unknown> },
    name = 'auth-popup',
  ) {
    page.popups[`#${name}`] = this
  }

  open({ need }: { need: AuthFact[] }): void {
    this.opened.push(need)
    this.isOpen = true
  }

  close(): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.closed++
    this.world.session.rejectAuth()
  }

  /** The person gives it all, and the popup closes. */
  async complete(): Promise<void> {
    for (const fact of this.opened[this.opened.length - 1] as AuthFact[]) await this.world.give(fact)
    this.isOpen = false
    this.world.session.resolveAuth()
  }
}

/** An auth page with the least that one must do. `complete` is the person's doing. */
function authPageOf(session: () => Session): PageLiteral {
  return {
    query: {},
    done: false,
    onLoad(query: Query) {
      this.query = query
    },
    async complete(give: (fact: AuthFact) => Promise<void>) {
      const query = this.query as Query
      for (const fact of needOf(query.need)) await give(fact)
      this.done = true
      await leaveAuthPage(session(), query.backTo)
      session().resolveAuth()
    },
    onUnload() {
      if (!this.done) session().rejectAuth()
    },
  }
}

function platformOf(pages: FakePages, calls: { login: number }): Platform {
  const stored = new Map<string, unknown>()
  return {
    name: 'test',
    login: async () => ({ code: `code ${++calls.login}` }),
    request: () => Promise.reject(new Error('no request is expected')),
    storage: {
      get: (key) => stored.get(key),
      set: (key, value) => void stored.set(key, value),
      remove: (key) => void stored.delete(key),
    },
    envVersion: () => 'develop',
    appId: () => 'wx1',
    device: () => ({ name: 'test', platform: 'test' }),
    language: () => 'zh_CN',
    pages: () => [...pages.stack],
    navigate: pages.navigate,
    navigateBack: pages.navigateBack,
  }
}

function backendOf(facts: Set<AuthFact>, flow: AuthFlow, calls: { silentLogin: number; me: number }): Backend {
  const user = (): User => {
    const has = { hasProfile: facts.has('PROFILE'), hasPhone: facts.has('PHONE') }
    const step = AuthStep[stepOf(has, flow)] as keyof typeof AuthStep
    return {
      id: 'u1',
      nickname: null,
      avatarUrl: null,
      phone: null,
      hasUnionId: false,
      ...has,
      authStep: step,
      missing: missingOf(has, flow),
    }
  }
  const given = async (fact: AuthFact) => {
    facts.add(fact)
    return user()
  }
  return {
    silentLogin: async (): Promise<Login> => {
      const token = `token ${++calls.silentLogin}`
      return { token, expiresIn: 600, refreshToken: null, user: user(), isNewUser: false }
    },
    me: async () => {
      calls.me++
      return user()
    },
    updateUser: () => given('PROFILE'),
    updatePhone: () => given('PHONE'),
    unbindPhone: async () => {
      facts.delete('PHONE')
      return user()
    },
    logout: async () => {},
  }
}
