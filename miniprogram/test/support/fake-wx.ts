import type { HttpRequest, HttpResponse, Page } from '../../src/platform'
import type { FakeClock } from './fake-clock'

interface Callbacks {
  success?: (result: Record<string, unknown>) => void
  fail?: (failure: { errMsg: string; errno?: number }) => void
  complete?: (result: unknown) => void
}

type Options = Callbacks & Record<string, unknown>

/** What a server answers; rejecting with a Failure is having no answer. */
export type Network = (request: HttpRequest) => Promise<HttpResponse>

/** Makes `wx.request` fail in WeChat's words. */
export class Failure extends Error {
  constructor(
    readonly words: string,
    readonly errno?: number,
  ) {
    super(words)
  }
}

/**
 * WeChat itself, as far as logins go: it gives out codes, each good for one exchange, and keeps one session_key. In its
 * hostile mode each code means a new key.
 */
export class FakeWechat {
  codes = 0
  key = 0
  /** Whether each code means a new key. WeChat only says that it may. */
  rotates = true
  private spent = new Set<string>()

  newCode(): string {
    if (this.rotates || this.key === 0) this.key++
    return `code-${++this.codes}-${this.key}`
  }

  /** What jscode2session does: the key that the code stands for, null for a code that is not good. */
  exchange(code: string): { sessionKey: number } | null {
    const key = /^code-\d+-(\d+)$/.exec(code)?.[1]
    if (key === undefined || this.spent.has(code)) return null
    this.spent.add(code)
    return { sessionKey: Number(key) }
  }

  /** The key ends, as keys do, without anybody being told. */
  expireKey(): void {
    this.key++
  }
}

/**
 * A stand-in for the globals of a Mini Program. Callbacks come later, never at once; at most ten requests are on the wire and
 * the others wait for a slot; storage is synchronous and limited to 1 MB a key; while the app is in the background
 * requests fail as WeChat's do. https://developers.weixin.qq.com/miniprogram/dev/api/
 */
export class FakeWx {
  readonly wechat = new FakeWechat()
  readonly stored = new Map<string, string>()
  /** How often each API was called. */
  readonly calls: Record<string, number> = {}
  readonly requests: HttpRequest[] = []
  readonly navigations: { kind: string; url?: string }[] = []
  pages: Page[] = []
  app: Record<string, unknown> | undefined
  account = { appId: 'wxdemo', envVersion: 'release' }
  online = true
  background = false
  /** What the next calls of `wx.login` do in place of giving a code; `hang` never answers. */
  logins: ({ errMsg: string; errno?: number } | 'hang' | { code: string })[] = []
  storageFails = false
  prefetchToken: string | undefined
  /** How long a call takes by the fake clock, in ms. */
  latency = 0
  network: Network = () => Promise.reject(new Failure('request:fail no server'))
  /** How many requests may be on the wire. */
  slots = 10
  private onWire = 0
  private queue: (() => void)[] = []
  private readonly listeners: Record<string, Set<(event: never) => void>> = {}
  private readonly before: Record<string, unknown> = {}

  constructor(private readonly clock: FakeClock) {}

  /** How often wx.login, wx.checkSession and wx.request were called. */
  get traffic(): { login: number; checkSession: number; request: number } {
    const { login = 0, checkSession = 0, request = 0 } = this.calls
    return { login, checkSession, request }
  }

  install(): this {
    const globals = globalThis as Record<string, unknown>
    const fakes = {
      wx: this.api(),
      getCurrentPages: () => this.pages,
      getApp: (options?: { allowDefault?: boolean }) => {
        if (!this.app && options?.allowDefault) this.app = {}
        return this.app
      },
    }
    for (const [name, fake] of Object.entries(fakes)) {
      this.before[name] = globals[name]
      globals[name] = fake
    }
    return this
  }

  uninstall(): void {
    for (const [name, value] of Object.entries(this.before)) (globalThis as Record<string, unknown>)[name] = value
  }

  /** The network goes or comes back. */
  setOnline(online: boolean): void {
    this.online = online
    this.fire('networkStatusChange', { isConnected: online, networkType: online ? 'wifi' : 'none' })
  }

  hide(): void {
    this.background = true
    this.fire('appHide', {})
  }

  show(): void {
    this.background = false
    this.fire('appShow', { path: 'pages/index/index', query: {}, scene: 1001 })
  }

  /** How many listen to `appShow` or `networkStatusChange`. */
  listening(event: string): number {
    return this.listeners[event]?.size ?? 0
  }

  private fire(event: string, detail: unknown): void {
    for (const listener of [...(this.listeners[event] ?? [])]) (listener as (detail: unknown) => void)(detail)
  }

  private count(api: string): void {
    this.calls[api] = (this.calls[api] ?? 0) + 1
  }

  /** The global `wx`; tests of old base libraries take functions away from it. */
  api(): Record<string, unknown> {
    const on = (event: string) => (listener: (detail: never) => void) => {
      this.listeners[event] ??= new Set()
      this.listeners[event].add(listener)
    }
    const off = (event: string) => (listener: (detail: never) => void) => void this.listeners[event]?.delete(listener)
    const navigate = (kind: string) => (options: Options) => {
      this.navigations.push({ kind, url: options.url as string })
      this.later(options, { errMsg: `${kind}:ok` })
    }
    return {
      login: (options: Options) => this.login(options),
      checkSession: (options: Options) => this.checkSession(options),
      request: (options: Options) => this.request('request', options as Options & HttpRequest),
      uploadFile: (options: Options) => this.request('uploadFile', options as Options & HttpRequest),
      getStorageSync: (key: string) => this.storage('getStorageSync', () => JSON.parse(this.stored.get(key) ?? '""')),
      setStorageSync: (key: string, value: unknown) =>
        this.storage('setStorageSync', () => {
          const text = JSON.stringify(value)
          if (text.length > 1024 * 1024) throw new Error('setStorageSync:fail entry size limit reached')
          this.stored.set(key, text)
        }),
      removeStorageSync: (key: string) => this.storage('removeStorageSync', () => this.stored.delete(key)),
      getAccountInfoSync: () => ({ miniProgram: this.account }),
      getDeviceInfo: () => ({ brand: 'Xiaomi', model: 'Redmi 12', platform: 'android' }),
      getAppBaseInfo: () => ({ language: 'zh_CN', SDKVersion: '3.8.12' }),
      getSystemInfoSync: () => ({ brand: 'iPhone', model: 'iPhone 15', platform: 'ios', language: 'en' }),
      navigateTo: navigate('navigateTo'),
      redirectTo: navigate('redirectTo'),
      switchTab: navigate('switchTab'),
      reLaunch: navigate('reLaunch'),
      navigateBack: navigate('navigateBack'),
      setBackgroundFetchToken: ({ token }: { token: string }) => {
        this.prefetchToken = token
      },
      onNetworkStatusChange: on('networkStatusChange'),
      offNetworkStatusChange: off('networkStatusChange'),
      onAppShow: on('appShow'),
      offAppShow: off('appShow'),
      onAppHide: on('appHide'),
      offAppHide: off('appHide'),
    }
  }

  /** Callbacks come later, in the order of success or fail, then complete. */
  private async later(options: Options, result: Record<string, unknown> | Failure): Promise<void> {
    if (this.latency > 0) await new Promise<void>((resolve) => this.clock.delay(this.latency, resolve))
    await Promise.resolve()
    const failure =
      result instanceof Failure ? { errMsg: result.words, ...(result.errno && { errno: result.errno }) } : null
    if (failure) options.fail?.(failure)
    else options.success?.(result as Record<string, unknown>)
    options.complete?.(failure ?? result)
  }

  private login(options: Options): void {
    this.count('login')
    const next = this.logins.shift()
    if (next === 'hang') return
    if (next) void this.later(options, 'code' in next ? next : new Failure(next.errMsg, next.errno))
    else if (this.background) void this.later(options, new Failure('login:fail interrupted', 600003))
    else if (!this.online) void this.later(options, new Failure('login:fail net::ERR_INTERNET_DISCONNECTED', 600001))
    else void this.later(options, { errMsg: 'login:ok', code: this.wechat.newCode() })
  }

  /** What it says is about the key of the latest code, exchanged or not. */
  sessionKeyValid = true

  private checkSession(options: Options): void {
    this.count('checkSession')
    void this.later(options, this.sessionKeyValid ? { errMsg: 'checkSession:ok' } : new Failure('checkSession:fail'))
  }

  private request(api: 'request' | 'uploadFile', options: Options & HttpRequest): void {
    this.count(api)
    const { success: _, fail: __, complete: ___, ...request } = options
    this.requests.push(request as HttpRequest)
    const start = async () => {
      this.onWire++
      const result = await this.exchange(request as HttpRequest)
      this.onWire--
      this.queue.shift()?.()
      await this.later(options, result)
    }
    if (this.onWire < this.slots) void start()
    else this.queue.push(start)
  }

  private async exchange(request: HttpRequest): Promise<Record<string, unknown> | Failure> {
    await Promise.resolve()
    if (this.background) return new Failure('request:fail interrupted', 600003)
    if (!this.online) return new Failure('request:fail net::ERR_INTERNET_DISCONNECTED', 600001)
    try {
      const { statusCode, header, data } = await this.network(request)
      if (this.background) return new Failure('request:fail interrupted', 600003)
      return { statusCode, header, data, errMsg: 'request:ok', cookies: [] }
    } catch (error) {
      return error instanceof Failure ? error : new Failure(`request:fail ${error}`)
    }
  }

  private storage<T>(api: string, run: () => T): T {
    this.count(api)
    if (this.storageFails) throw new Error(`${api}:fail the disk is broken`)
    return run()
  }
}
