import { MpAuthError } from './errors'
import type { HttpResponse, LoginCode, NavigateKind, Page, Platform } from './platform'

export interface WechatOptions {
  /** How long `wx.login` may take by WeChat's own clock, in ms. The session has a limit of its own. 8000. */
  loginTimeout?: number
}

interface Failure {
  errMsg?: string
  errno?: number
}

/** What `wx.request` and `wx.uploadFile` bring. */
interface Answer<T> {
  statusCode: number | string
  header?: Record<string, unknown>
  data: T
}

interface Callbacks<R> {
  success: (result: R) => void
  fail: (failure: Failure) => void
}

type Call<O, R> = (options: O & Callbacks<R>) => unknown

/** As much of `wx` as is used; what base library 2.10 does not have is optional. */
interface Wx {
  login: Call<{ timeout: number }, { code?: string }>
  checkSession: Call<object, unknown>
  request: Call<object, Answer<unknown>>
  uploadFile: Call<object, Answer<string>>
  getStorageSync(key: string): unknown
  setStorageSync(key: string, value: unknown): void
  removeStorageSync(key: string): void
  getAccountInfoSync(): { miniProgram?: { appId?: string; envVersion?: string } }
  getDeviceInfo?(): System
  getAppBaseInfo?(): System
  getSystemInfoSync(): System
  navigateTo: Call<{ url: string }, unknown>
  redirectTo: Call<{ url: string }, unknown>
  switchTab: Call<{ url: string }, unknown>
  reLaunch: Call<{ url: string }, unknown>
  navigateBack: Call<{ delta: number }, unknown>
  setBackgroundFetchToken?(options: { token: string } & Partial<Callbacks<unknown>>): void
  onNetworkStatusChange(listener: (status: { isConnected: boolean }) => void): void
  offNetworkStatusChange(listener: (status: { isConnected: boolean }) => void): void
  onAppShow(listener: () => void): void
  offAppShow(listener: () => void): void
}

interface System {
  brand?: string
  model?: string
  platform?: string
  language?: string
}

declare const wx: Wx
declare const getApp: ((options?: { allowDefault: boolean }) => Record<string, unknown> | undefined) | undefined
declare const getCurrentPages: (() => Page[]) | undefined

/** What the DevTools give for a code while no AppID is chosen. */
const mockCode = /^th(e|is) code is a mock one$/

/** WeChat's Mini Programs, from base library 2.10. What a library does not have is done without. */
export function wechat({ loginTimeout = 8000 }: WechatOptions = {}): Platform {
  return {
    name: 'wechat',
    async login(): Promise<LoginCode> {
      // Whether wx.login gives a promise depends on the version: callbacks always work.
      const { code = '' } = await call(wx.login, { timeout: loginTimeout })
      if (mockCode.test(code)) throw new MpAuthError('CONFIG', 'no AppID chosen in the DevTools')
      return { code }
    },
    checkSession: () =>
      call(wx.checkSession, {}).then(
        () => true,
        () => false,
      ),
    request: async <T>({ url, ...rest }: Parameters<Platform['request']>[0]) =>
      answered((await call(wx.request, { url, dataType: 'json', ...rest })) as Answer<T>),
    upload: async (upload) => answered(await call(wx.uploadFile, upload)),
    storage: {
      get: (key) => {
        const value = wx.getStorageSync(key)
        return value === '' ? undefined : value
      },
      set: (key, value) => wx.setStorageSync(key, value),
      remove: (key) => wx.removeStorageSync(key),
    },
    envVersion: () => account().envVersion || 'release',
    appId: () => account().appId || '',
    device: () => {
      const { brand = '', model = '', platform = '' } = system('getDeviceInfo')
      return { name: model.startsWith(brand) ? model : `${brand} ${model}`, platform }
    },
    language: () => system('getAppBaseInfo').language || 'zh_CN',
    pages: () => (typeof getCurrentPages === 'undefined' ? [] : getCurrentPages()),
    navigate: async (kind: NavigateKind, url: string) => void (await call(wx[kind], { url }, ownWords)),
    navigateBack: async () => void (await call(wx.navigateBack, { delta: 1 }, ownWords)),
    setPrefetchToken: (token) => {
      if (wx.setBackgroundFetchToken) wx.setBackgroundFetchToken({ token, fail: () => {} })
    },
    onOnline: (listener) => {
      const changed = ({ isConnected }: { isConnected: boolean }) => {
        if (isConnected) listener()
      }
      wx.onNetworkStatusChange(changed)
      return () => wx.offNetworkStatusChange(changed)
    },
    onShow: (listener) => {
      // With an argument of its own, so that the options of the launch go nowhere.
      const shown = () => listener()
      wx.onAppShow(shown)
      return () => wx.offAppShow(shown)
    },
    // Before the App exists, and in independent sub-packages, there is a default one that the App takes over.
    shared: () => (typeof getApp === 'undefined' ? undefined : getApp({ allowDefault: true })),
  }
}

function call<O, R>(api: Call<O, R>, options: O, asError: (failure?: Failure) => Error = errorOf): Promise<R> {
  return new Promise((resolve, reject) => {
    api({ ...options, success: resolve, fail: (failure) => reject(asError(failure)) })
  })
}

const ownWords = ({ errMsg }: Failure = {}) => new Error(errMsg)

/**
 * WeChat's words for what went wrong, as an error. errno 5 is a timeout, 600003 a request that was cut off in the background,
 * 600002 a domain that is not in the list; older libraries have the text only.
 * https://developers.weixin.qq.com/miniprogram/dev/framework/usability/PublicErrno.html
 */
function errorOf({ errMsg = '', errno }: Failure = {}): MpAuthError {
  const unlisted = errno === 600002 || /not in domain list/.test(errMsg)
  const late = errno === 5 || /timed?[ _]?out/i.test(errMsg)
  const interrupted = errno === 600003 || /interrupted/.test(errMsg)
  return new MpAuthError(unlisted ? 'CONFIG' : late ? 'TIMEOUT' : 'NETWORK', errMsg, {
    retryable: !unlisted,
    cause: { errMsg, errno },
    ...(interrupted && { data: { interrupted } }),
  })
}

function answered<T>({ statusCode, header = {}, data }: Answer<T>): HttpResponse<T> {
  const lower: Record<string, string> = {}
  // Names come as the server wrote them on one system, and otherwise on another.
  for (const name of Object.keys(header)) lower[name.toLowerCase()] = String(header[name])
  return { statusCode: Number(statusCode), header: lower, data }
}

function account(): { appId?: string; envVersion?: string } {
  return wx.getAccountInfoSync().miniProgram || {}
}

/** One call for all of it, which is slow, serves the libraries that do not have the newer ones. */
function system(api: 'getDeviceInfo' | 'getAppBaseInfo'): System {
  return (wx[api] || wx.getSystemInfoSync)()
}
