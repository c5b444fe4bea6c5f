import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { wechat } from '../../src/wx'
import { FakeClock } from '../support/fake-clock'
import { Failure, FakeWx } from '../support/fake-wx'

let fake: FakeWx
/** The global `wx`, to take away what old base libraries do not have. */
let wx: Record<string, unknown>
beforeEach(() => {
  fake = new FakeWx(new FakeClock()).install()
  wx = (globalThis as unknown as { wx: Record<string, unknown> }).wx
})
afterEach(() => fake.uninstall())

const answer = (statusCode: number, header: Record<string, string> = {}) => {
  fake.network = async () => ({ statusCode, header, data: { a: 1 } })
}

describe('wx.request', () => {
  test.each([200, 401, 500])('resolves for status %i, with names of headers in lower case', async (statusCode) => {
    answer(statusCode, { 'X-Request-Id': 'r1', 'CONTENT-TYPE': 'application/json' })
    expect(await wechat().request({ url: 'https://a.example', method: 'POST', data: { b: 2 } })).toEqual({
      statusCode,
      header: { 'x-request-id': 'r1', 'content-type': 'application/json' },
      data: { a: 1 },
    })
    expect(fake.requests[0]).toMatchObject({ url: 'https://a.example', method: 'POST', data: { b: 2 } })
  })

  test.each<[string, number | undefined, object]>([
    ['request:fail net::ERR_INTERNET_DISCONNECTED', 600001, { code: 'NETWORK', retryable: true }],
    ['request:fail', undefined, { code: 'NETWORK', retryable: true }],
    ['request:fail timeout', 5, { code: 'TIMEOUT', retryable: true }],
    ['request:fail time out', undefined, { code: 'TIMEOUT', retryable: true }],
    ['request:fail net::ERR_CONNECTION_TIMED_OUT', undefined, { code: 'TIMEOUT' }],
    ['request:fail interrupted', 600003, { code: 'NETWORK', data: { interrupted: true } }],
    ['request:fail interrupted', undefined, { code: 'NETWORK', data: { interrupted: true } }],
    ['request:fail url not in domain list', 600002, { code: 'CONFIG', retryable: false }],
    ['request:fail url not in domain list', undefined, { code: 'CONFIG', retryable: false }],
  ])('that fails with %s (%s)', async (words, errno, error) => {
    fake.network = () => Promise.reject(new Failure(words, errno))
    await expect(wechat().request({ url: 'https://a.example' })).rejects.toMatchObject(error)
  })

  test('waits for a slot beyond ten at once', async () => {
    let open = () => {}
    let most = 0
    let now = 0
    const gate = new Promise<void>((resolve) => (open = resolve))
    fake.network = async () => {
      most = Math.max(most, ++now)
      await gate
      now--
      return { statusCode: 200, header: {}, data: null }
    }
    const all = Array.from({ length: 25 }, () => wechat().request({ url: 'https://a.example' }))
    open()
    await Promise.all(all)
    expect(most).toBe(10)
  })
})

test('wx.uploadFile sends the file by its path and answers a text', async () => {
  fake.network = async () => ({ statusCode: 201, header: {}, data: '{"avatarKey":"k"}' })
  const upload = { url: 'https://a.example/avatars', filePath: 'wxfile://tmp.png', name: 'file', header: { A: 'b' } }
  expect(await wechat().upload?.(upload)).toEqual({ statusCode: 201, header: {}, data: '{"avatarKey":"k"}' })
  expect(fake.requests[0]).toMatchObject(upload)
})

describe('wx.login', () => {
  test('gives its code through callbacks, for it gives no promise everywhere', async () => {
    let given: Record<string, unknown> = {}
    wx.login = (options: Record<string, unknown> & { success: (result: object) => void }) => {
      given = options
      options.success({ code: 'c1', errMsg: 'login:ok' })
      return undefined
    }
    expect(await wechat({ loginTimeout: 5000 }).login()).toEqual({ code: 'c1' })
    expect(given.timeout).toBe(5000)
  })

  test.each(['the code is a mock one', 'this code is a mock one'])('says what to do about "%s"', async (code) => {
    fake.logins = [{ code }]
    await expect(wechat().login()).rejects.toMatchObject({ code: 'CONFIG', retryable: false })
  })
})

test('wx.checkSession answers no for whatever fails', async () => {
  expect(await wechat().checkSession?.()).toBe(true)
  fake.sessionKeyValid = false
  expect(await wechat().checkSession?.()).toBe(false)
})

describe('storage', () => {
  test('has undefined for what is not there, which wx calls an empty text', () => {
    const { storage } = wechat()
    expect(storage.get('a')).toBeUndefined()
    storage.set('a', { b: 1 })
    expect(storage.get('a')).toEqual({ b: 1 })
    storage.remove('a')
    expect(storage.get('a')).toBeUndefined()
  })

  test('throws what does not fit', () => {
    expect(() => wechat().storage.set('a', 'x'.repeat(1024 * 1024))).toThrow('size limit')
  })
})

describe('the surroundings', () => {
  test('are told as newer base libraries tell them', () => {
    const platform = wechat()
    expect([platform.name, platform.appId(), platform.envVersion()]).toEqual(['wechat', 'wxdemo', 'release'])
    expect(platform.device()).toEqual({ name: 'Xiaomi Redmi 12', platform: 'android' })
    expect(platform.language()).toBe('zh_CN')
  })

  test('are told as older ones do, and a brand is not named twice', () => {
    delete wx.getDeviceInfo
    delete wx.getAppBaseInfo
    expect(wechat().device()).toEqual({ name: 'iPhone 15', platform: 'ios' })
    expect(wechat().language()).toBe('en')
  })

  test('are done without where base library 2.10 has nothing to ask', () => {
    delete wx.setBackgroundFetchToken
    wx.getAccountInfoSync = () => ({})
    const platform = wechat()
    platform.setPrefetchToken?.('token')
    expect([platform.appId(), platform.envVersion()]).toEqual(['', 'release'])
  })

  test('tell when the network comes back, and when the app is shown, until they need not', () => {
    const heard: string[] = []
    const platform = wechat()
    const ends = [platform.onOnline?.(() => heard.push('online')), platform.onShow?.(() => heard.push('show'))]
    fake.setOnline(false)
    fake.setOnline(true)
    fake.hide()
    fake.show()
    for (const end of ends) end?.()
    fake.setOnline(true)
    fake.show()
    expect(heard).toEqual(['online', 'show'])
  })

  test('hold what all copies share: the App, or what becomes the App', () => {
    const host = wechat().shared?.()
    expect(host).toBe(fake.app)
    expect(wechat().shared?.()).toBe(host)
  })
})

describe('pages', () => {
  test('are those of the stack, and none before the first', () => {
    expect(wechat().pages()).toEqual([])
    fake.pages = [{ route: 'pages/index/index' }]
    expect(wechat().pages()).toHaveLength(1)
  })

  test('are gone to, or the platform says in its own words why not', async () => {
    const platform = wechat()
    await platform.navigate('navigateTo', '/pages/auth/index')
    await platform.navigateBack()
    expect(fake.navigations.map(({ kind }) => kind)).toEqual(['navigateTo', 'navigateBack'])

    wx.switchTab = ({ fail }: { fail: (failure: object) => void }) =>
      fail({ errMsg: 'switchTab:fail page is not a tab' })
    await expect(platform.navigate('switchTab', '/pages/a')).rejects.toThrow('switchTab:fail page is not a tab')
  })
})
