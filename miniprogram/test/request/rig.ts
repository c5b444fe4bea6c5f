import { Logger } from '../../src/logger'
import type { HttpRequest, HttpResponse, HttpUpload, Platform } from '../../src/platform'
import { graphqlBackend } from '../../src/request/graphql-backend'
import { createSession } from '../../src/session/session'
import type { Session, SessionOptions } from '../../src/session/types'
import { FakeClock } from '../support/fake-clock'

export const api = 'https://api.example.com'
export const url = `${api}/graphql`

/** A request as the server saw it. */
export interface Seen {
  url: string
  method: string | undefined
  /** The token of the Authorization header; undefined without one. */
  token: string | undefined
  header: Record<string, string>
  data: unknown
  operation: string | undefined
  variables: Record<string, unknown> | undefined
}

type Answer = Omit<Partial<HttpResponse>, 'data'> & { data?: unknown }

export const user = (over: Record<string, unknown> = {}) => ({
  id: 'u1',
  nickname: null,
  avatarUrl: null,
  phone: null,
  hasProfile: false,
  hasPhone: false,
  hasUnionId: false,
  authStep: 'ONE',
  missing: ['PROFILE', 'PHONE'],
  ...over,
})

/** An answer of GraphQL that is an error. */
export const refusal = (code: string, extensions: Record<string, unknown> = {}, data?: unknown): Answer => ({
  data: {
    ...(data !== undefined && { data }),
    errors: [{ message: `says ${code}`, extensions: { code, ...extensions } }],
  },
})

/** A server that issues tokens and refuses those it no longer believes, and the platform that reaches it. */
export class Server {
  readonly seen: Seen[] = []
  readonly uploads: HttpUpload[] = []
  /** How a request is answered that has no token, or one that is believed. */
  business: (seen: Seen) => Answer | Promise<Answer> = () => ({ data: { data: { ok: true } } })
  /** How a token that is not believed is refused. */
  refuse: (seen: Seen) => Answer = () => refusal('TOKEN_EXPIRED', { action: 'REFRESH', retryable: false })
  upload: (upload: HttpUpload) => Answer = () => ({ data: '{"avatarKey":"k1"}' })
  /** Holds up answers, in the hands of a test. */
  gate: (seen: Seen) => Promise<void> = () => Promise.resolve()
  logins = 0
  refreshes = 0
  codes = 0
  private valid = new Set<string>()

  /** Tokens that are out stop being believed. */
  expire(): void {
    this.valid.clear()
  }

  readonly platform: Platform = {
    name: 'fake',
    login: async () => ({ code: `code-${++this.codes}` }),
    request: async <T>(request: HttpRequest) => (await this.answer(request)) as HttpResponse<T>,
    upload: async (upload) => {
      this.uploads.push(upload)
      const believed = this.valid.has(tokenOf(upload.header) ?? '')
      const answer = believed
        ? this.upload(upload)
        : { statusCode: 401, data: '{"code":"TOKEN_EXPIRED","message":"over","action":"REFRESH"}' }
      return { statusCode: 200, header: {}, ...answer } as HttpResponse<string>
    },
    storage: storage(),
    envVersion: () => 'release',
    appId: () => 'wx1',
    device: () => ({ name: 'Fake 1', platform: 'fake' }),
    language: () => 'zh_CN',
    pages: () => [],
    navigate: async () => {},
    navigateBack: async () => {},
  }

  /** The requests that are not the session's own. */
  get asked(): Seen[] {
    return this.seen.filter(({ operation }) => operation !== 'SilentLogin' && operation !== 'RefreshToken')
  }

  get tokens(): (string | undefined)[] {
    return this.asked.map(({ token }) => token)
  }

  private async answer(request: HttpRequest): Promise<HttpResponse> {
    const body = request.data as { operationName?: string; variables?: Record<string, unknown> } | undefined
    const seen: Seen = {
      url: request.url,
      method: request.method,
      token: tokenOf(request.header),
      header: request.header ?? {},
      data: request.data,
      operation: body?.operationName,
      variables: body?.variables,
    }
    this.seen.push(seen)
    // What the server thinks is settled when the request arrives; the answer may take its time.
    const answer = await this.decide(seen)
    await this.gate(seen)
    return { statusCode: 200, header: {}, data: null, ...answer }
  }

  private decide(seen: Seen): Answer | Promise<Answer> {
    if (seen.operation === 'SilentLogin') return { data: { data: { silentLogin: this.login('logins') } } }
    if (seen.operation === 'RefreshToken') return { data: { data: { refreshToken: this.login('refreshes') } } }
    if (seen.token !== undefined && !this.valid.has(seen.token)) return this.refuse(seen)
    return this.business(seen)
  }

  private login(how: 'logins' | 'refreshes') {
    this[how]++
    const token = `t${this.logins + this.refreshes}`
    this.valid = new Set([token])
    return { token, expiresIn: 600, refreshToken: `r-${token}`, user: user(), isNewUser: false }
  }
}

export interface Rig {
  server: Server
  session: Session
  clock: FakeClock
}

let rigs = 0

/** A real session before a fake server; `options` replace those of the session. */
export function rig(options: Partial<SessionOptions> = {}): Rig {
  const server = new Server()
  const clock = new FakeClock()
  const { now, delay } = clock
  const backend = graphqlBackend({ url })
  const logger = new Logger({ sinks: [] })
  const name = `rig-${++rigs}`
  const session = createSession({ platform: server.platform, backend, name, logger, now, delay, ...options })
  return { server, session, clock }
}

function tokenOf(header: Record<string, string> = {}): string | undefined {
  const names = Object.keys(header).filter((name) => name.toLowerCase() === 'authorization')
  if (names.length > 1) throw new Error('two Authorization headers')
  return names.map((name) => header[name]?.replace(/^Bearer /, ''))[0]
}

function storage() {
  const map = new Map<string, unknown>()
  return {
    get: (key: string) => map.get(key),
    set: (key: string, value: unknown) => void map.set(key, value),
    remove: (key: string) => void map.delete(key),
  }
}
