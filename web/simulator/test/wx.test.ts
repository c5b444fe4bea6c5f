import type { Page } from 'playwright-core'
import { beforeAll, expect, test } from 'vitest'
import { useFixture, within } from './support/browser'
import { logs } from './support/logs'

const fixture = useFixture([/Failed to load resource/])
let asked: string[] = []
/** What `/api/held` waits for. */
let held = Promise.resolve()

beforeAll(() => {
  fixture.handler = async (request, body, response) => {
    const path = request.url ?? ''
    if (!path.startsWith('/api')) return undefined
    asked.push(`${request.method} ${path} ${request.headers['content-type'] ?? ''} ${body}`)
    if (path.startsWith('/api/held')) await Promise.race([held, new Promise((resolve) => response.on('close', resolve))])
    if (path.startsWith('/api/never')) await new Promise((resolve) => response.on('close', resolve))
    response.writeHead(path.includes('teapot') ? 418 : 200, {
      'content-type': path.includes('text') ? 'text/plain' : 'application/json',
      'x-thing': 'a',
    })
    response.end(path.includes('text') ? 'no json' : JSON.stringify({ ok: true }))
    return true
  }
})

interface Outcome {
  errMsg: string
  [name: string]: unknown
}

/** Calls an API with callbacks and returns what they were given. */
function call(page: Page, api: string, options: Record<string, unknown> = {}): Promise<Outcome> {
  return within(
    page,
    ({ phone }, [name, given]) =>
      new Promise<Outcome>((resolve) => {
        ;(phone.program!.wx[name] as (o: object) => unknown)({ ...given, success: resolve, fail: resolve })
      }),
    [api, options] as const,
  )
}

const request = (page: Page, path: string, options: Record<string, unknown> = {}) =>
  call(page, 'request', { url: `http://server/api/${path}`, ...options })

/** Begins so many requests that are held, and counts what of it gets on its way. */
const ask = (page: Page, count: number) =>
  within(
    page,
    ({ phone }, n) => {
      const wx = phone.program!.wx as Record<string, (o: object) => void>
      for (let i = 0; i < n; i++) wx.request!({ url: 'http://server/api/held' })
    },
    count,
  )
const begun = (page: Page) =>
  within(page, ({ phone }) => phone.trace.events.filter((e) => e.kind === 'request').length)
const ended = (page: Page) =>
  within(page, ({ phone }) => phone.trace.events.filter((e) => e.kind === 'answer' && e.name === 'request').map((e) => e.ok))

test('a request succeeds whatever the status is, and reads JSON where there is some', async () => {
  const page = await fixture.open()
  asked = []
  expect(await request(page, 'teapot', { method: 'POST', data: { a: 1 } })).toMatchObject({
    statusCode: 418,
    data: { ok: true },
    errMsg: 'request:ok',
  })
  expect(await request(page, 'text?x=1', { data: { b: 'ü' } })).toMatchObject({ statusCode: 200, data: 'no json' })
  expect(asked).toEqual(['POST /api/teapot application/json {"a":1}', 'GET /api/text?x=1&b=%C3%BC application/json '])
  const cased = async () =>
    Object.keys((await request(page, 'x')).header as object).find((name) => /x-thing/i.test(name))
  expect(await cased()).toBe('X-Thing')
  await within(page, ({ phone }) => phone.change({ platform: 'android' }))
  expect(await cased()).toBe('x-thing')
})

test('ten requests are under way at a time, and the others wait', async () => {
  const page = await fixture.open()
  let release = () => {}
  held = new Promise((resolve) => {
    release = resolve
  })
  // The browser has fewer connections to one host; the slots are counted where they are.
  await ask(page, 12)
  expect(await begun(page)).toBe(10)
  release()
  await expect.poll(() => ended(page)).toHaveLength(12)
  expect(await begun(page)).toBe(12)
})

test('a request that is given up while it waits leaves its place to the next', async () => {
  const page = await fixture.open()
  held = new Promise(() => {})
  await ask(page, 25)
  await within(page, ({ phone }) => phone.change({ networkType: 'none' }))
  await expect.poll(() => ended(page)).toHaveLength(25)
  await within(page, ({ phone }) => phone.change({ networkType: 'wifi' }))
  held = Promise.resolve()
  expect(await request(page, 'held')).toMatchObject({ errMsg: 'request:ok' })
  held = new Promise(() => {})
  const before = await begun(page)
  await ask(page, 12)
  expect((await begun(page)) - before).toBe(10) // as many places as ever
})

test('what does not come fails in the words of the platform', async () => {
  const page = await fixture.open()
  expect(await request(page, 'never', { timeout: 50 })).toEqual({ errMsg: 'request:fail timeout', errno: 5 })
  expect(await request(page, 'x', { method: 'PATCH' })).toEqual({ errMsg: 'request:fail method is invalid: PATCH' })
  expect(await call(page, 'request', { url: 'ftp://x' })).toEqual({ errMsg: 'request:fail invalid url', errno: 600009 })
  await within(page, ({ phone }) => phone.change({ networkType: 'none' }))
  expect(await request(page, 'x')).toEqual({ errMsg: 'request:fail 似乎已断开与互联网的连接。', errno: 600001 })
  await within(page, ({ phone }) => phone.change({ platform: 'devtools' }))
  expect(await request(page, 'x')).toEqual({ errMsg: 'request:fail net::ERR_INTERNET_DISCONNECTED', errno: 600001 })
  const aborted = await within(
    page,
    ({ phone }) =>
      new Promise((resolve) => {
        phone.change({ networkType: 'wifi' })
        const wx = phone.program!.wx as Record<string, (o: object) => { abort(): void }>
        wx.request!({ url: 'http://server/api/never', fail: resolve }).abort()
      }),
  )
  expect(aborted).toEqual({ errMsg: 'request:fail abort' })
})

test('five seconds in the background end what is under way, and nothing new begins', async () => {
  const page = await fixture.open('', { clock: true })
  await page.clock.runFor(100)
  await within(page, ({ phone }) => {
    const wx = phone.program!.wx as Record<string, (o: object) => void>
    const fail = ({ errMsg, errno }: Outcome) => phone.trace.add('log', 'log', { detail: `${errMsg} ${errno}` })
    wx.request!({ url: 'http://server/api/never', fail })
    phone.device.latency = 9000
    wx.login!({ fail })
    phone.background()
    phone.program!.timers.setTimeout(() => wx.request!({ url: 'http://server/api/never', fail }), 4000)
  })
  await page.clock.runFor(6000)
  await within(page, ({ phone }) => phone.foreground())
  const told: string[] = []
  const interrupted = [
    'login:fail interrupted 600003',
    'request:fail interrupted 600003',
    'request:fail interrupted 600003',
  ]
  await expect
    .poll(async () => {
      await page.clock.runFor(20)
      told.push(...(await logs(page)).filter((line) => /^(request|login)/.test(line)))
      return told.toSorted()
    })
    .toEqual(interrupted)
})

test('an upload carries the file and its fields, and answers with text', async () => {
  const page = await fixture.open()
  asked = []
  const outcome = await within(page, ({ phone }) => {
    const filePath = phone.program!.files.add(new Blob(['picture'], { type: 'image/png' }))
    return new Promise<Outcome>((resolve) => {
      const options = {
        url: 'http://server/api/up',
        filePath,
        name: 'file',
        formData: { kind: 'avatar' },
        success: resolve,
        fail: resolve,
      }
      ;(phone.program!.wx.uploadFile as (o: object) => void)(options)
    })
  })
  expect(outcome).toMatchObject({ statusCode: 200, data: '{"ok":true}', errMsg: 'uploadFile:ok' })
  expect(asked[0]).toMatch(/^POST \/api\/up multipart\/form-data; boundary=/)
  expect(asked[0]).toMatch(/name="kind"\s+avatar[^]*name="file"; filename="tmp_\w+\.png"[^]*picture/)
  expect(await call(page, 'uploadFile', { url: 'http://server/api/up', filePath: 'wxfile://gone', name: 'f' })).toEqual(
    {
      errMsg: 'uploadFile:fail file not found',
    },
  )
})

test('promises come where WeChat gives them, and callbacks never at once', async () => {
  const page = await fixture.open()
  const kinds = await within(page, async ({ phone }) => {
    const wx = phone.program!.wx as Record<string, (o?: object) => unknown>
    const kind = (value: unknown) => (value instanceof Promise ? 'promise' : typeof value)
    const order: string[] = []
    await new Promise<void>((resolve) => {
      wx.getNetworkType!({ success: () => order.push('success'), complete: () => resolve(void order.push('complete')) })
      order.push('returned')
    })
    return [
      kind(wx.getNetworkType!()),
      kind(wx.getNetworkType!({ success() {} })),
      kind(wx.login!()),
      kind(wx.request!({ url: 'http://server/api/x' })),
      order,
    ]
  })
  expect(kinds).toEqual(['promise', 'undefined', 'undefined', 'object', ['returned', 'success', 'complete']])
})

test('a login gives a code, and the session key dies when WeChat makes another one', async () => {
  const page = await fixture.open()
  expect(await call(page, 'login')).toEqual({ code: 'code-1', errMsg: 'login:ok' })
  expect(await call(page, 'checkSession')).toEqual({ errMsg: 'checkSession:ok' })
  await within(page, ({ wechat }) => void wechat.generation++)
  expect(await call(page, 'checkSession')).toEqual({ errMsg: 'checkSession:ok' }) // made by exchanging the code
  await within(page, ({ wechat }) => void wechat.generation++)
  expect((await call(page, 'checkSession')).errMsg).toMatch(/^checkSession:fail session time out/)
  await call(page, 'login')
  expect(await call(page, 'checkSession')).toEqual({ errMsg: 'checkSession:ok' })
  // A login soon after another one gets the same key; what comes after that is no key of this login.
  await within(page, ({ phone, wechat }) => phone.keyEnds(wechat.generation++))
  expect((await call(page, 'checkSession')).errMsg).toMatch(/^checkSession:fail session time out/)
  await within(page, ({ phone }) => void (phone.account.loginBlocked = true))
  expect(await call(page, 'login')).toEqual({ errMsg: 'login:fail wxa login is blocked', errno: 1402101 })
  await within(page, ({ phone }) => phone.change({ platform: 'devtools', appId: 'touristappid' }))
  await within(page, ({ phone }) => void (phone.account.loginBlocked = false))
  expect(await call(page, 'login')).toEqual({ code: 'the code is a mock one', errMsg: 'login:ok' })
})

test('storage keeps what it is given within its limits', async () => {
  const page = await fixture.open()
  const result = await within(page, ({ phone }) => {
    const wx = phone.program!.wx as Record<string, (...a: unknown[]) => unknown>
    const attempt = (run: () => unknown) => {
      try {
        return run()
      } catch (error) {
        return (error as Error).message
      }
    }
    wx.setStorageSync!('date', new Date(5))
    wx.setStorageSync!('list', [1, { a: null }])
    const read = [
      (wx.getStorageSync!('date') as Date).getTime(),
      wx.getStorageSync!('list'),
      wx.getStorageSync!('none'),
    ]
    const large = attempt(() => wx.setStorageSync!('large', 'x'.repeat(1 << 20)))
    for (let i = 0; i < 10; i++) attempt(() => wx.setStorageSync!(`part${i}`, 'x'.repeat(1_040_000)))
    const full = attempt(() => wx.setStorageSync!('more', 'x'.repeat(200_000)))
    const key = attempt(() => wx.setStorageSync!(5, 1))
    wx.removeStorageSync!('part0')
    const { keys, limitSize } = wx.getStorageInfoSync!() as { keys: string[]; limitSize: number }
    return { read, large, full, key, keys: keys.length, limitSize }
  })
  expect(result).toEqual({
    read: [5, [1, { a: null }], ''],
    large: 'setStorageSync:fail entry size limit reached',
    full: 'setStorageSync:fail exceed storage max size 10Mb',
    key: 'setStorageSync:fail parameter error: parameter.key should be String instead of Number;',
    keys: 11,
    limitSize: 10240,
  })
  expect(await call(page, 'getStorage', { key: 'none' })).toEqual({ errMsg: 'getStorage:fail data not found' })
  await call(page, 'clearStorage')
  expect(await call(page, 'setStorage', { key: 'sealed', data: 1, encrypt: true })).toEqual({ errMsg: 'setStorage:ok' })
  expect(await call(page, 'getStorage', { key: 'sealed' })).toEqual({ errMsg: 'getStorage:fail data not found' })
  expect(await call(page, 'getStorage', { key: 'sealed', encrypt: true })).toMatchObject({ data: 1 })
})

test('the privacy setting says whether there is something to agree to', async () => {
  const page = await fixture.open()
  const setting = () => call(page, 'getPrivacySetting')
  expect(await setting()).toEqual({
    needAuthorization: true,
    privacyContractName: '《用户隐私保护指引》',
    errMsg: 'getPrivacySetting:ok',
  })
  expect(await call(page, 'requirePrivacyAuthorize')).toEqual({ errMsg: 'requirePrivacyAuthorize:ok' })
  expect(await setting()).toMatchObject({ needAuthorization: false })
  await within(page, ({ phone }) => phone.start())
  expect(await setting()).toMatchObject({ needAuthorization: false }) // survives a restart
  await within(page, ({ phone }) => void phone.account.declared.add('location'))
  expect(await setting()).toMatchObject({ needAuthorization: true }) // nobody has agreed to that
  expect(await call(page, 'requirePrivacyAuthorize')).toEqual({ errMsg: 'requirePrivacyAuthorize:ok' })
  expect(await setting()).toMatchObject({ needAuthorization: false })
  await within(page, ({ phone }) => phone.forget())
  expect(await setting()).toMatchObject({ needAuthorization: true })
})

test('the phone describes itself, and what an old library lacks', async () => {
  const page = await fixture.open()
  const told = await within(page, ({ phone }) => {
    const wx = phone.program!.wx as Record<string, (...a: unknown[]) => Record<string, unknown>>
    const can = (schema: string) => wx.canIUse!(schema) as unknown
    const schemas = [
      'button.open-type.chooseAvatar',
      'getPrivacySetting',
      'getPrivacySetting.success',
      'view',
      'input.type.nickname',
      'nonsense',
      'button.open-type.nonsense',
    ]
    const now = schemas.map(can)
    phone.change({ SDKVersion: '2.21.1' })
    return { now, before: schemas.map(can), info: wx.getSystemInfoSync!(), account: wx.getAccountInfoSync!() }
  })
  expect(told.now).toEqual([true, true, true, true, true, false, false])
  expect(told.before).toEqual([false, false, false, true, false, false, false])
  expect(told.info).toMatchObject({
    platform: 'ios',
    language: 'zh_CN',
    windowWidth: 375,
    windowHeight: 600,
    SDKVersion: '2.21.1',
  })
  expect(told.account).toEqual({ miniProgram: { appId: 'wx0000000000000001', envVersion: 'develop', version: '' } })
})

test('an API that came later than the base library is not there', async () => {
  const page = await fixture.open()
  const names = await within(page, async ({ phone }) => {
    phone.change({ SDKVersion: '2.20.0' })
    await phone.start()
    return ['login', 'getSystemInfoSync', 'getAppBaseInfo', 'getPrivacySetting'].filter((n) => n in phone.program!.wx)
  })
  expect(names).toEqual(['login', 'getSystemInfoSync'])
})

test('the sheets of WeChat answer to the program', async () => {
  const page = await fixture.open('', { clock: true })
  await page.clock.runFor(100)
  const ask = async (api: string, options: Record<string, unknown>) => {
    const answer = call(page, api, options)
    await page.clock.runFor(50)
    return answer
  }
  expect(await ask('showModal', { title: 'Sure?' })).toMatchObject({ confirm: true, cancel: false })
  expect(await ask('showActionSheet', { itemList: ['a'] })).toMatchObject({ tapIndex: 0 })
  await within(page, ({ script }) => {
    script.action = null
  })
  expect(await ask('showActionSheet', { itemList: ['a'] })).toEqual({ errMsg: 'showActionSheet:fail cancel' })
  await ask('showToast', { title: 'Done' })
  expect((await within(page, ({ script }) => script.seen)).at(-1)).toBe('toast success Done')
  await page.clock.runFor(1500)
  expect((await within(page, ({ script }) => script.seen)).at(-1)).toBe('no toast')
})

test('the trace tells what happened without the secrets', async () => {
  const page = await fixture.open()
  await request(page, 'x', {
    method: 'POST',
    header: { Authorization: 'Bearer eyJhbGciOi.J9.abcdefghijkl' },
    data: {
      variables: { input: { code: '0a3kcx0123456789abcdefghijklmnop' } },
      phoneNumber: '13800138000',
      note: 'call 13912345678',
    },
  })
  const events = await within(page, ({ phone }) =>
    phone.trace.events.filter((e) => ['call', 'request', 'response', 'answer'].includes(e.kind)),
  )
  const text = JSON.stringify(events)
  for (const secret of ['eyJhbGciOi.J9', 'kcx0123456789', '13800138000', '13912345678'])
    expect(text).not.toContain(secret)
  expect(text).toContain('138*****000')
  const [called, sent, answered, told] = events.slice(-4)
  expect([called!.kind, sent!.kind, answered!.kind, told!.kind]).toEqual(['call', 'request', 'response', 'answer'])
  expect([answered!.of, told!.of]).toEqual([sent!.id, called!.id])
})
