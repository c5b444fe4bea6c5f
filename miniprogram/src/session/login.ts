import type { Backend, Login, Send, SilentLoginInput, User } from '../backend'
import { type ErrorCode, isMpAuthError, MpAuthError } from '../errors'
import type { LoginCode } from '../platform'
import type { Settings } from './settings'

/** The version that the server is told. */
export const sdkVersion = '0.1.0'

/** What a login is made of: the refresh token, or a code of the platform. */
export type Proof = 'token' | 'code'

/** What a login with a code may say beside it. */
export type More = Pick<SilentLoginInput, 'consent' | 'restores'>

/** Throws when nobody wants the login any more. */
export type Alive = () => void

/** The request may not have arrived, or its answer was lost: the very same one can be repeated. */
const lost: ErrorCode[] = ['NETWORK', 'TIMEOUT', 'SERVER', 'UNAVAILABLE']
/** The code is spent, or there never was one. */
const spent: ErrorCode[] = ['WX_LOGIN_FAILED', 'LOGIN_CODE_INVALID', 'WECHAT_UNAVAILABLE']
/** Nothing that a device does by itself changes these. */
const final: ErrorCode[] = ['LOGIN_BLOCKED', 'ACCOUNT_DISABLED', 'ACCOUNT_CLOSING', 'CONSENT_REQUIRED']
/** The refresh token is not what is wrong, so a code would fare no better. */
const elsewhere: ErrorCode[] = [...final, 'FORBIDDEN', 'INTERNAL', 'SERVER', 'CONFIG', 'STALE']

const forGood = Number.POSITIVE_INFINITY

interface Bar {
  error: MpAuthError
  from: number
  until: number
}

/** Makes logins: asks for codes, repeats what may be repeated, and keeps away from a server that said when to come back. */
export class Exchange<U extends User = User> {
  private bars: Partial<Record<Proof, Bar>> = {}

  constructor(
    private readonly settings: Settings<U>,
    private readonly onPerf: (perf: { platformMs: number; serverMs: number }) => void,
  ) {}

  /** Throws the last refusal while it holds. */
  check(proof: Proof): void {
    const bar = this.bars[proof]
    const now = this.settings.now()
    if (!bar || now < bar.from || now >= bar.until) return
    const { error: cause, until } = bar
    if (until === forGood) throw cause
    const { code, action, retryable } = cause
    throw new MpAuthError(code, 'not asked again', { action, retryable, retryAfterMs: until - now, cause })
  }

  /** A person asks: what the server has refused for good may be tried once more. When it said to wait, people wait too. */
  forgive(): void {
    for (const [proof, { until }] of Object.entries(this.bars)) if (until === forGood) delete this.bars[proof as Proof]
  }

  /** Whether a login with a code is to follow this error of the refresh token: the server said no to that very token. */
  needsCode(error: unknown): boolean {
    const { code, retryable } = asError(error)
    return isMpAuthError(error, 'TOKEN_EXPIRED', 'UNAUTHENTICATED') || (!retryable && !elsewhere.includes(code))
  }

  /** Goes on with a refresh token. */
  byToken(refreshToken: string, alive: Alive): Promise<Login<U>> {
    const backend = this.settings.backend as Required<Backend<U>>
    return this.barring('token', () => this.repeat(() => backend.refreshToken(refreshToken, this.send), alive, lost))
  }

  /**
   * Asks the platform for a code and exchanges it. A request whose answer was lost is repeated with the same code and
   * nonce, to which the server gives the same answer; a code that is spent is replaced by a new one.
   */
  byCode(device: string, alive: Alive, more?: More): Promise<Login<U>> {
    return this.barring('code', () => this.repeat(() => this.tryCode(device, alive, more), alive, spent))
  }

  readonly send: Send = (request) => this.settings.platform.request(request)

  private async tryCode(device: string, alive: Alive, more?: More): Promise<Login<U>> {
    const { platform, backend, random, now } = this.settings
    const start = now()
    const code = await this.code()
    alive()
    const middle = now()
    const { name, platform: system } = platform.device()
    const input = {
      ...more,
      ...code,
      nonce: randomText(random),
      appId: platform.appId(),
      device: { id: device, name: name.slice(0, 64), platform: system.slice(0, 32), sdkVersion },
    }
    const login = await this.repeat(() => backend.silentLogin(input, this.send), alive, lost)
    this.onPerf({ platformMs: middle - start, serverMs: now() - middle })
    return login
  }

  /** A code, in time. The platform's own words are the cause. */
  private code(): Promise<LoginCode> {
    const { platform, loginTimeoutMs, delay } = this.settings
    return new Promise((resolve, reject) => {
      const fail = (message: string, cause?: unknown) => {
        cancel()
        if (isMpAuthError(cause) && !cause.retryable) return reject(cause)
        const data = isMpAuthError(cause) && cause.data
        reject(new MpAuthError('WX_LOGIN_FAILED', message, { retryable: true, cause, ...(data && { data }) }))
      }
      const cancel = delay(loginTimeoutMs, () => fail(`no code within ${loginTimeoutMs} ms`))
      platform.login().then(
        (code) => {
          if (!code.code && !code.anonymousCode) return fail('an empty code')
          cancel()
          resolve(code)
        },
        (cause) => fail('no code', cause),
      )
    })
  }

  /** Runs it again, after a pause, when it fails with one of these codes. */
  private async repeat(run: () => Promise<Login<U>>, alive: Alive, codes: ErrorCode[]): Promise<Login<U>> {
    const { retry, delay } = this.settings
    for (let n = 0, ms = retry.baseMs; ; n++, ms *= 2) {
      try {
        return await run()
      } catch (cause) {
        const error = asError(cause)
        const { code, retryable, retryAfterMs = 0 } = error
        const may = (retryable || code === 'LOGIN_CODE_INVALID') && codes.includes(code)
        if (n >= retry.times || !may || retryAfterMs > ms) throw error
        await new Promise<void>((resolve) => delay(ms, resolve))
        alive()
      }
    }
  }

  /** Remembers what the server says about coming back. */
  private async barring(proof: Proof, run: () => Promise<Login<U>>): Promise<Login<U>> {
    try {
      return await run()
    } catch (cause) {
      const error = asError(cause)
      const from = this.settings.now()
      if (final.includes(error.code)) {
        const bar = { error, from: -forGood, until: forGood }
        this.bars.code = bar
        if (error.code !== 'LOGIN_BLOCKED') this.bars.token = bar
      } else if (error.retryAfterMs) {
        this.bars[proof] = { error, from, until: from + error.retryAfterMs }
      }
      throw error
    }
  }
}

/** Whatever was thrown, as an error of the SDK. */
export function asError(error: unknown): MpAuthError {
  return isMpAuthError(error) ? error : new MpAuthError('SERVER', undefined, { cause: error })
}

/** 32 characters of 0-9a-f. */
export function randomText(random: () => number): string {
  let text = ''
  while (text.length < 32) text += Math.floor(random() * 16).toString(16)
  return text
}
