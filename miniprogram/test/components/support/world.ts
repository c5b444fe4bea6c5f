import type { Backend, Login, UpdatePhoneInput, UpdateUserInput, User } from '../../../src/backend'
import type { Page, Platform } from '../../../src/platform'
import type { Session, SessionOptions } from '../../../src/session/types'
import type { Build } from './build'

/** A person as the server knows them. */
export function person(facts: Partial<User> = {}): User {
  const user = {
    id: 'u1',
    nickname: null,
    avatarUrl: null,
    phone: null,
    hasProfile: false,
    hasPhone: false,
    hasUnionId: false,
    authStep: 'ONE',
    missing: [],
    ...facts,
  } as User
  return user
}

/** What is said to the server, and what it answers: scripted. */
export class Server implements Backend {
  user = person()
  readonly calls: [name: string, input: unknown][] = []
  /** Errors to answer with, first come first; `null` for a success. */
  readonly failures: (Error | null)[] = []
  /** A promise to wait for before answering. */
  gate: Promise<unknown> = Promise.resolve()
  loginFailure: Error | null = null

  async silentLogin(): Promise<Login> {
    this.calls.push(['silentLogin', null])
    if (this.loginFailure) throw this.loginFailure
    return { token: 'token', expiresIn: 3600, refreshToken: null, user: this.user, isNewUser: false }
  }

  async updateUser(input: UpdateUserInput): Promise<User> {
    await this.answer('updateUser', input)
    this.user = { ...this.user, hasProfile: true, nickname: input.nickname ?? 'Ann' }
    return this.user
  }

  async updatePhone(input: UpdatePhoneInput): Promise<User> {
    await this.answer('updatePhone', input)
    this.user = { ...this.user, hasPhone: true, phone: { masked: '138****0000' } }
    return this.user
  }

  me = async () => this.user
  unbindPhone = async () => this.user
  logout = async () => {}

  async uploadAvatar(filePath: string): Promise<string> {
    this.calls.push(['uploadAvatar', filePath])
    return 'avatar-key'
  }

  private async answer(name: string, input: unknown): Promise<void> {
    this.calls.push([name, input])
    await this.gate
    const failure = this.failures.shift()
    if (failure) throw failure
  }

  /** The inputs of the calls of one name. */
  of(name: string): unknown[] {
    return this.calls.filter(([called]) => called === name).map(([, input]) => input)
  }
}

/** A phone without a screen: what the session asks of it, and where it was told to go. */
export class Phone implements Platform {
  readonly name = 'wechat'
  readonly stack: Page[] = []
  readonly went: string[] = []
  keyIsGood = true
  keyChecks = 0
  private readonly stored = new Map<string, unknown>()

  login = async () => ({ code: 'code' })
  checkSession = async () => {
    this.keyChecks++
    return this.keyIsGood
  }
  request = async () => {
    throw new Error('nothing here sends requests')
  }
  upload = this.request
  readonly storage = {
    get: (key: string) => this.stored.get(key),
    set: (key: string, value: unknown) => void this.stored.set(key, value),
    remove: (key: string) => void this.stored.delete(key),
  }
  envVersion = () => 'release'
  appId = () => 'wx0'
  device = () => ({ name: 'phone', platform: 'ios' })
  language = () => 'zh_CN'
  pages = () => this.stack
  async navigate(kind: string, url: string) {
    this.went.push(`${kind} ${url}`)
    if (kind === 'navigateTo') this.stack.push(page(url))
  }
  async navigateBack() {
    this.went.push('navigateBack')
    this.stack.pop()
  }
}

/** A page of the stack; `parts` are the components on it, by their id. */
export function page(url: string, parts: Record<string, unknown> = {}): Page {
  const [path = '', query = ''] = url.split('?')
  const options = Object.fromEntries(
    query
      .split('&')
      .filter(Boolean)
      .map((pair) => pair.split('=') as [string, string]),
  )
  return { route: path.replace(/^\//, ''), options, selectComponent: (selector) => parts[selector] ?? null }
}

export interface World {
  session: Session
  server: Server
  phone: Phone
}

/** A session as an app has it, on a phone and with a server that do as they are told. */
export function world(build: Build, options: Partial<SessionOptions> = {}): World {
  const server = new Server()
  const phone = new Phone()
  phone.stack.push(page('/pages/home/index'))
  const logger = new build.core.Logger({ sinks: [] })
  const session = build.core.createSession({
    platform: phone,
    backend: server,
    logger,
    retry: { times: 0 },
    delay: () => () => {},
    ...options,
  })
  return { session, server, phone }
}

/** Lets everything happen that waits for nothing. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve()
}
