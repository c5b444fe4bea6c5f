import type { HttpRequest, HttpUpload, LoginCode, NavigateKind, Page, Platform, Storage } from '../platform'
import { type FetchLike, Network, type NetworkFault } from './network'
import { opened } from './pages'
import { memoryStorage } from './storage'

export type { FetchAnswer, FetchLike, NetworkFault } from './network'

export interface NodePlatformOptions {
  /** The way to servers: Node's own `fetch`, or a function that answers in place of one. */
  fetch: FetchLike
  /** Stands in for wx.login: a new code for each call. */
  login: () => string | LoginCode | Promise<string | LoginCode>
  /** Stands in for wx.checkSession. Always true. */
  checkSession?: () => boolean | Promise<boolean>
  /** `memoryStorage()`. The same one given to a second platform is a restart of the app. */
  storage?: Storage
  /** Reads a file to upload, for example `readFile` of `node:fs/promises`. Without it nothing can be uploaded. */
  readFile?: (path: string) => Uint8Array | Promise<Uint8Array>
  /** Empty: the only app of the server. */
  appId?: string
  /** `develop`. */
  envVersion?: string
  device?: { name: string; platform: string }
  /** `zh_CN`. */
  language?: string
  /** How latency and timeouts are measured. setTimeout. */
  delay?: (ms: number, then: () => void) => () => void
}

/** Something that the SDK asked of the platform. */
export type PlatformCall =
  | { api: 'login' | 'checkSession' | 'navigateBack' }
  | { api: 'request'; request: HttpRequest }
  | { api: 'upload'; request: HttpUpload }
  | { api: 'navigate'; kind: NavigateKind; url: string }
  | { api: 'setPrefetchToken'; token: string }

/** A platform in the hands of a test. */
export interface NodePlatform extends Platform {
  /** All that was asked, in its order. A warm start adds nothing. */
  readonly calls: readonly PlatformCall[]
  /** The requests that carry this GraphQL operation; all without a name. */
  requests(operationName?: string): HttpRequest[]
  /** Nothing gets through, and what is on its way fails with NETWORK. Set back, it calls who waits for the network. */
  offline: boolean
  /** As `offline`, and the errors say `data.interrupted`. Set back, it calls who waits for the app to be shown. */
  background: boolean
  /** How long each request takes longer, in ms. 0. */
  latencyMs: number
  /** Decides what goes wrong with a request. `count` is 1 for the first one. */
  fault: ((request: HttpRequest | HttpUpload, count: number) => NetworkFault | undefined) | undefined
  /** The pages, the one on the screen last. A test puts its own here; navigation changes it as WeChat's does. */
  stack: Page[]
}

declare const setTimeout: (then: () => void, ms: number) => unknown
declare const clearTimeout: (id: unknown) => void

/**
 * A platform for Node: the SDK talks to a real server, or to a function, without a phone. Nothing global is touched, so
 * that a process holds as many as it likes; sessions on several of them need names of their own.
 *
 * ```ts
 * const platform = nodePlatform({ fetch, login: () => 'a code' })
 * const session = createSession({ platform, backend })
 * ```
 */
export function nodePlatform(options: NodePlatformOptions): NodePlatform {
  return new InNode(options)
}

class InNode implements NodePlatform {
  readonly name = 'node'
  readonly calls: PlatformCall[] = []
  readonly storage: Storage
  readonly upload?: NonNullable<Platform['upload']>
  stack: Page[] = []
  private readonly network: Network
  private readonly listeners = { online: new Set<() => void>(), show: new Set<() => void>() }
  private readonly state = { offline: false, background: false }
  private readonly common: Record<string, unknown> = {}

  constructor(private readonly options: NodePlatformOptions) {
    const { fetch, readFile, storage = memoryStorage(), delay = timer } = options
    this.storage = storage
    this.network = new Network({ fetch, readFile, delay })
    if (readFile)
      this.upload = (request) => {
        this.calls.push({ api: 'upload', request })
        return this.network.upload(request)
      }
  }

  get offline(): boolean {
    return this.state.offline
  }

  set offline(value: boolean) {
    this.switch('offline', value, 'online')
  }

  get background(): boolean {
    return this.state.background
  }

  set background(value: boolean) {
    this.switch('background', value, 'show')
  }

  get latencyMs(): number {
    return this.network.latencyMs
  }

  set latencyMs(ms: number) {
    this.network.latencyMs = ms
  }

  get fault(): NodePlatform['fault'] {
    return this.network.fault
  }

  set fault(fault: NodePlatform['fault']) {
    this.network.fault = fault
  }

  requests(operationName?: string): HttpRequest[] {
    const found: HttpRequest[] = []
    for (const call of this.calls) {
      if (call.api !== 'request') continue
      const data = call.request.data as { operationName?: unknown } | null | undefined
      if (operationName === undefined || data?.operationName === operationName) found.push(call.request)
    }
    return found
  }

  async login(): Promise<LoginCode> {
    this.calls.push({ api: 'login' })
    this.network.check()
    const code = await this.options.login()
    return typeof code === 'string' ? { code } : code
  }

  async checkSession(): Promise<boolean> {
    this.calls.push({ api: 'checkSession' })
    if (this.offline || this.background) return false
    return this.options.checkSession?.() ?? true
  }

  request: Platform['request'] = (request) => {
    this.calls.push({ api: 'request', request })
    return this.network.request(request)
  }

  envVersion(): string {
    return this.options.envVersion ?? 'develop'
  }

  appId(): string {
    return this.options.appId ?? ''
  }

  device(): { name: string; platform: string } {
    return this.options.device ?? { name: 'Node', platform: 'node' }
  }

  language(): string {
    return this.options.language ?? 'zh_CN'
  }

  pages(): Page[] {
    return this.stack
  }

  async navigate(kind: NavigateKind, url: string): Promise<void> {
    this.calls.push({ api: 'navigate', kind, url })
    this.stack = opened(this.stack, kind, url)
  }

  async navigateBack(): Promise<void> {
    this.calls.push({ api: 'navigateBack' })
    // The first page stays, as in WeChat.
    if (this.stack.length > 1) this.stack = this.stack.slice(0, -1)
  }

  setPrefetchToken(token: string): void {
    this.calls.push({ api: 'setPrefetchToken', token })
  }

  onOnline(listener: () => void): () => void {
    return this.listen('online', listener)
  }

  onShow(listener: () => void): () => void {
    return this.listen('show', listener)
  }

  shared(): Record<string, unknown> {
    return this.common
  }

  private listen(event: 'online' | 'show', listener: () => void): () => void {
    this.listeners[event].add(listener)
    return () => this.listeners[event].delete(listener)
  }

  private switch(name: 'offline' | 'background', value: boolean, after: 'online' | 'show'): void {
    const before = this.state[name]
    this.state[name] = value
    this.network.state = this.offline ? 'offline' : this.background ? 'background' : null
    if (before && !value) for (const listener of [...this.listeners[after]]) listener()
  }
}

function timer(ms: number, then: () => void): () => void {
  const id = setTimeout(then, ms)
  return () => clearTimeout(id)
}
