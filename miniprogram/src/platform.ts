/**
 * What the SDK asks of the platform that a Mini Program runs on. The core knows nothing else of its
 * surroundings, so that another platform, or a test, is one object of this shape.
 */
export interface Platform {
  /** The platform's name, for logs and for the device that the server lists: `wechat`, `alipay`, `douyin`. */
  readonly name: string
  /**
   * A code that proves who holds the device, obtained without asking the person. Each is good for one
   * exchange. Some platforms know people who have not logged in to them, and give an `anonymousCode`.
   */
  login(): Promise<LoginCode>
  /** Whether the key that the platform encrypts with is still the one of the last code. Absent where there is none. */
  checkSession?(): Promise<boolean>
  /**
   * One HTTP request. Resolves for every status; rejects with an MpAuthError NETWORK or TIMEOUT when
   * there was no answer, with `data.interrupted` when the app was in the background.
   */
  request<T = unknown>(request: HttpRequest): Promise<HttpResponse<T>>
  /** Uploads a local file as multipart/form-data. As `request`; the answer is a text. */
  upload?(upload: HttpUpload): Promise<HttpResponse<string>>
  /** Where the session survives a restart. */
  readonly storage: Storage
  /** The version of the app that runs: sessions of a trial version are kept apart from the released one's. */
  envVersion(): string
  /** The AppID of the Mini Program; empty where the platform does not tell. */
  appId(): string
  /** What a person would call the device. */
  device(): { name: string; platform: string }
  /** The language of the person's WeChat, for example `zh_CN`. */
  language(): string
  /** The stack of pages, the one on the screen last. */
  pages(): Page[]
  /** Goes to a page. Rejects with the platform's own words where it cannot. */
  navigate(kind: NavigateKind, url: string): Promise<void>
  navigateBack(): Promise<void>
  /** Tells the platform which token a data pre-fetch is to carry, in place of a login code. */
  setPrefetchToken?(token: string): void
  /** Calls when the network comes back. Returns what ends it. */
  onOnline?(listener: () => void): () => void
  /** Calls when the app comes to the foreground. Returns what ends it. */
  onShow?(listener: () => void): () => void
  /**
   * An object that all copies of the SDK in this process share; undefined where there is no such thing.
   * Independent sub-packages bring copies of their own.
   */
  shared?(): Record<string, unknown> | undefined
}

export interface LoginCode {
  code: string
  anonymousCode?: string
}

export interface HttpRequest {
  url: string
  method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE' | 'OPTIONS'
  /** An object is sent as JSON, or as the query of a GET. */
  data?: unknown
  header?: Record<string, string>
  /** In milliseconds; the platform's own when absent. */
  timeout?: number
}

export interface HttpUpload {
  url: string
  filePath: string
  /** The name of the file's field. */
  name: string
  formData?: Record<string, string>
  header?: Record<string, string>
  timeout?: number
}

export interface HttpResponse<T = unknown> {
  statusCode: number
  /** Names in lower case. */
  header: Record<string, string>
  /** Parsed where it is JSON, else the text. */
  data: T
}

/** A place for small values. A synchronous one is read without a delay at the start of the app. */
export interface Storage {
  /** The value, or undefined. Must not throw for what is not there. */
  get(key: string): unknown
  set(key: string, value: unknown): void
  remove(key: string): void
}

export type NavigateKind = 'navigateTo' | 'redirectTo' | 'switchTab' | 'reLaunch'

/** A page instance, as much of it as the SDK uses. */
export interface Page {
  readonly route?: string
  readonly options?: Record<string, string | undefined>
  selectComponent?(selector: string): unknown
}
