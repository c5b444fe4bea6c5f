import type { ServerErrorCode } from '../../src/errors'
import type { HttpRequest, HttpResponse } from '../../src/platform'
import { type AuthFact, type AuthFlow, AuthStep, missingOf, stepOf } from '../../src/step'
import type { FakeClock } from './fake-clock'
import { Failure, type FakeWechat } from './fake-wx'

/** What goes wrong with one request. */
export type Fault =
  /** It does not arrive. */
  | 'unreachable'
  /** It is done, and its answer does not arrive. */
  | 'lost'
  /** As `lost`, after the platform's patience is over. */
  | 'timeout'
  /** The app goes to the background meanwhile. */
  | 'interrupted'
  | { code: ServerErrorCode | string; retryable?: boolean; action?: string; retryAfterMs?: number; need?: AuthFact[] }
  | { status: number; data: unknown }

export interface Seen {
  operation: string
  token: string | undefined
  variables: Record<string, unknown>
}

interface ServerSession {
  id: number
  device: string
  access: Map<string, number>
  refresh: string
  /** The refresh token before this one, and the answer that it got. */
  previous?: { token: string; at: number; answer: unknown }
  live: boolean
}

class Refusal extends Error {
  constructor(readonly extensions: Record<string, unknown>) {
    super(String(extensions.code))
  }
}

const actions: Record<string, string> = {
  UNAUTHENTICATED: 'RELOGIN',
  TOKEN_EXPIRED: 'REFRESH',
  SESSION_REVOKED: 'RELOGIN',
  LOGIN_CODE_INVALID: 'RELOGIN',
  RATE_LIMITED: 'RETRY',
  WECHAT_UNAVAILABLE: 'RETRY',
  UNAVAILABLE: 'RETRY',
  PHONE_CODE_INVALID: 'TAP_AGAIN',
  DECRYPT_WX_OPEN_DATA_FAIL: 'TAP_AGAIN',
  AUTH_STEP_REQUIRED: 'AUTHORIZE',
}

/**
 * A login server in memory that keeps the promises of schema/*.graphql: a code is good for one exchange, but the same code and
 * nonce get the same answer for five minutes; a refresh token works once, its repeat within 30 s gets the same
 * answer, and any other repeat ends the session; a login from a device replaces that device's session.
 * `handle` is a `Network` of FakeWx, or the `request` of any Platform.
 */
export class FakeServer {
  readonly seen: Seen[] = []
  /** For how many seconds an access token is good. */
  expiresIn = 600
  flow: AuthFlow = ['PROFILE', 'PHONE']
  person = { id: 'u1', nickname: null as string | null, avatarUrl: null as string | null, phone: null as string | null }
  sessionKey: number | undefined
  /** Whether the data of a tap must have been encrypted with the key that the server holds. */
  readonly sessions: ServerSession[] = []
  private faults: { operation: string | undefined; fault: Fault }[] = []
  private held: { operation: string | undefined; release: Promise<void> }[] = []
  private readonly answers = new Map<string, { at: number; answer: unknown }>()
  private serial = 0

  constructor(
    private readonly clock: FakeClock,
    private readonly wechat: FakeWechat,
  ) {}

  /** The next request of this operation, or of any, fails so; each call of `fail` is about one request. */
  fail(operation: string | undefined, ...faults: Fault[]): void {
    for (const fault of faults) this.faults.push({ operation, fault })
  }

  /** Answers of this operation, or of any, wait until the returned function is called. */
  hold(operation?: string): () => void {
    let release = () => {}
    const entry = { operation, release: new Promise<void>((resolve) => (release = resolve)) }
    this.held.push(entry)
    return () => {
      this.held = this.held.filter((other) => other !== entry)
      release()
    }
  }

  count(operation: string): number {
    return this.seen.filter((request) => request.operation === operation).length
  }

  /** The sessions that are not over. */
  get live(): number {
    return this.sessions.filter((session) => session.live).length
  }

  /** Ends all sessions, as an operator does. */
  revoke(): void {
    for (const session of this.sessions) session.live = false
  }

  /** Has all access tokens end now. */
  expire(): void {
    for (const session of this.sessions) for (const token of session.access.keys()) session.access.set(token, 0)
  }

  readonly handle = async (request: HttpRequest): Promise<HttpResponse> => {
    const { operation, variables } = read(request)
    const authorization = request.header?.Authorization ?? request.header?.authorization
    const token = authorization?.replace(/^Bearer /, '')
    this.seen.push({ operation, token, variables })
    const fault = this.take(operation)
    if (fault === 'unreachable') throw new Failure('request:fail connection refused')
    if (typeof fault === 'object') {
      if ('status' in fault) return { statusCode: fault.status, header: {}, data: fault.data }
      return refusal(fault)
    }
    let response: HttpResponse
    try {
      const data = request.url.endsWith('/avatars')
        ? { avatarKey: `key-of-${this.session(token).id}` }
        : { data: { [fieldOf(operation)]: this.resolve(operation, variables.input as Input, token) } }
      response = { statusCode: 200, header: { 'content-type': 'application/json' }, data }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      response = refusal(error.extensions as { code: string })
    }
    for (const held of this.held) if (!held.operation || held.operation === operation) await held.release
    if (fault === 'lost') throw new Failure('request:fail connection reset')
    if (fault === 'timeout') throw new Failure('request:fail timeout', 5)
    if (fault === 'interrupted') throw new Failure('request:fail interrupted', 600003)
    return response
  }

  private take(operation: string): Fault | undefined {
    const index = this.faults.findIndex((entry) => !entry.operation || entry.operation === operation)
    return index < 0 ? undefined : this.faults.splice(index, 1)[0]?.fault
  }

  private resolve(operation: string, input: Input, token: string | undefined): unknown {
    switch (operation) {
      case 'SilentLogin':
      case 'RestoreAccount':
        return this.silentLogin(input)
      case 'RefreshToken':
        return this.refresh(String(input.refreshToken))
      case 'Logout':
        return this.logout(token, String(input?.scope ?? 'THIS'))
      case 'CheckSessionKey':
        this.session(token)
        return this.sessionKey === this.wechat.key ? 'VALID' : 'EXPIRED'
      default:
        this.session(token)
        return this.account(operation, input)
    }
  }

  private silentLogin({ code, nonce, device }: Input): unknown {
    const proof = `${code}|${nonce}`
    const known = this.answers.get(proof)
    if (known && this.clock.now() - known.at < 300_000) return known.answer
    const exchanged = this.wechat.exchange(String(code))
    if (!exchanged) throw new Refusal({ code: 'LOGIN_CODE_INVALID' })
    this.sessionKey = exchanged.sessionKey
    const { id } = device as { id: string }
    for (const session of this.sessions) if (session.device === id) session.live = false
    const session: ServerSession = { id: ++this.serial, device: id, access: new Map(), refresh: '', live: true }
    this.sessions.push(session)
    const answer = this.pay(session)
    this.answers.set(proof, { at: this.clock.now(), answer })
    return answer
  }

  private refresh(token: string): unknown {
    for (const session of this.sessions) {
      if (!session.live) continue
      if (session.refresh === token) {
        const answer = this.pay(session)
        session.previous = { token, at: this.clock.now(), answer }
        return answer
      }
      if (session.previous?.token === token) {
        if (this.clock.now() - session.previous.at < 30_000) return session.previous.answer
        session.live = false
      }
    }
    throw new Refusal({ code: 'SESSION_REVOKED' })
  }

  private logout(token: string | undefined, scope: string): unknown {
    const own = this.session(token)
    for (const session of this.sessions)
      if (scope === 'ALL' || (scope === 'THIS') === (session === own)) session.live = false
    return { ok: true }
  }

  private account(operation: string, input: Input): unknown {
    const { person } = this
    if (operation === 'UpdateUser') {
      if (input.encrypted) this.decrypt(input.encrypted as { encryptedData: string })
      if (input.nickname) person.nickname = String(input.nickname)
      if (input.avatarKey) person.avatarUrl = `https://server.example/avatars/${input.avatarKey}`
      if (input.removeProfile) Object.assign(person, { nickname: null, avatarUrl: null })
    }
    if (operation === 'UpdatePhone') {
      if (input.encrypted) this.decrypt(input.encrypted as { encryptedData: string })
      person.phone = '138****0000'
    }
    if (operation === 'UnbindPhone') person.phone = null
    return operation === 'Me' ? this.user() : { user: this.user() }
  }

  /** What a tap encrypts is written `data-<key>` here. */
  private decrypt({ encryptedData }: { encryptedData: string }): void {
    if (encryptedData !== `data-${this.sessionKey}`) throw new Refusal({ code: 'DECRYPT_WX_OPEN_DATA_FAIL' })
  }

  private session(token: string | undefined): ServerSession {
    if (!token) throw new Refusal({ code: 'UNAUTHENTICATED' })
    const session = this.sessions.find(({ access }) => access.has(token))
    if (!session) throw new Refusal({ code: 'UNAUTHENTICATED' })
    if ((session.access.get(token) as number) <= this.clock.now()) throw new Refusal({ code: 'TOKEN_EXPIRED' })
    if (!session.live) throw new Refusal({ code: 'SESSION_REVOKED' })
    return session
  }

  private pay(session: ServerSession): unknown {
    const token = `access-${session.id}-${++this.serial}`
    session.refresh = `refresh-${session.id}-${this.serial}`
    session.access.set(token, this.clock.now() + this.expiresIn * 1000)
    const { expiresIn } = this
    return { token, expiresIn, refreshToken: session.refresh, user: this.user(), isNewUser: session.id === 1 }
  }

  private user(): unknown {
    const { id, nickname, avatarUrl, phone } = this.person
    const facts = { hasProfile: !!nickname, hasPhone: !!phone }
    return {
      id,
      nickname,
      avatarUrl,
      phone: phone && { masked: phone },
      ...facts,
      hasUnionId: false,
      authStep: AuthStep[stepOf(facts, this.flow)],
      missing: missingOf(facts, this.flow),
    }
  }
}

type Input = Record<string, unknown>

function read({ url, data }: HttpRequest): { operation: string; variables: Record<string, unknown> } {
  if (url.endsWith('/avatars')) return { operation: 'avatars', variables: {} }
  const body = (data ?? {}) as { operationName?: string; query?: string; variables?: Record<string, unknown> }
  const operation = body.operationName ?? /(?:query|mutation)\s+(\w+)/.exec(body.query ?? '')?.[1] ?? url
  return { operation, variables: body.variables ?? {} }
}

const fieldOf = (operation: string) => operation.charAt(0).toLowerCase() + operation.slice(1)

function refusal(told: { code: string } & Record<string, unknown>): HttpResponse {
  const action = actions[told.code] ?? 'NONE'
  const extensions = { requestId: 'r1', retryable: action === 'RETRY', action, ...told }
  return { statusCode: 200, header: {}, data: { errors: [{ message: told.code, extensions }] } }
}
