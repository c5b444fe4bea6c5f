import { describe, expect, test, vi } from 'vitest'
import { graphqlBackend } from '../../src/request/graphql-backend'
import { createSession } from '../../src/session/session'
import { type FetchLike, memoryStorage, type NodePlatform, nodePlatform } from '../../src/testing'
import { FakeClock, outcome } from '../support/fake-clock'

type Init = Parameters<FetchLike>[1]

function world(more: Partial<Parameters<typeof nodePlatform>[0]> = {}) {
  const clock = new FakeClock()
  const seen: { url: string; init: Init }[] = []
  const fetch = vi.fn<FetchLike>(async (url, init) => {
    seen.push({ url, init })
    return { status: 200, headers: new Map([['X-Request-Id', 'r1']]), text: async () => '{"ok":true}' }
  })
  let codes = 0
  const platform = nodePlatform({ fetch, login: () => `code-${++codes}`, delay: clock.delay, ...more })
  return { platform, clock, seen, fetch }
}

const url = 'https://server.example/graphql'
const initOf = (seen: { init: Init }[]) => (seen[0] as { init: Init }).init

describe('a request', () => {
  test('is sent as wx.request sends it, and its answer comes as from there', async () => {
    const { platform, seen } = world()
    const answer = await platform.request({ url, method: 'POST', data: { a: 1 }, header: { Authorization: 'x' } })
    expect(answer).toEqual({ statusCode: 200, header: { 'x-request-id': 'r1' }, data: { ok: true } })
    const headers = { Authorization: 'x', 'content-type': 'application/json' }
    expect(seen).toEqual([{ url, init: { method: 'POST', headers, body: '{"a":1}' } }])
  })

  test('by GET puts an object into the query', async () => {
    const { platform, seen } = world()
    await platform.request({ url: `${url}?b=2`, data: { a: '1 &' } })
    expect(seen[0]).toMatchObject({ url: `${url}?b=2&a=1%20%26`, init: { method: 'GET' } })
    expect(seen[0]?.init.body).toBe(undefined)
  })

  test('resolves for every status, and leaves what is no JSON as a text', async () => {
    const page = async () => ({ status: 502, headers: new Map(), text: async () => '<html>' })
    expect(await world({ fetch: page }).platform.request({ url })).toMatchObject({ statusCode: 502, data: '<html>' })
  })

  test('without an answer is NETWORK, after its time TIMEOUT', async () => {
    const refused = world({ fetch: () => Promise.reject(new TypeError('fetch failed')) })
    await expect(refused.platform.request({ url })).rejects.toMatchObject({ code: 'NETWORK', retryable: true })
    const { platform, clock } = world({ fetch: () => new Promise(() => {}) })
    const late = outcome(platform.request({ url, timeout: 5000 }))
    await clock.advance(4999)
    expect(await late).toBe('pending')
    const request = platform.request({ url, timeout: 5000 })
    const result = expect(request).rejects.toMatchObject({ code: 'TIMEOUT', retryable: true })
    await clock.advance(5000)
    await result
    expect(clock.pending).toBe(0)
  })
})

describe('a network in the hands of a test', () => {
  test('offline: nothing is sent, what is on its way is lost, and who waits hears of the end', async () => {
    const { platform, clock, fetch } = world()
    platform.latencyMs = 100
    const onItsWay = expect(platform.request({ url })).rejects.toMatchObject({ code: 'NETWORK' })
    platform.offline = true
    await onItsWay
    expect(clock.pending).toBe(0)
    await expect(platform.request({ url })).rejects.toMatchObject({ code: 'NETWORK' })
    await expect(platform.login()).rejects.toMatchObject({ code: 'NETWORK' })
    expect(await platform.checkSession?.()).toBe(false)
    expect(fetch).not.toHaveBeenCalled()
    const online = vi.fn()
    const off = platform.onOnline?.(online)
    platform.offline = false
    expect(online).toHaveBeenCalledTimes(1)
    off?.()
    platform.offline = true
    platform.offline = false
    expect(online).toHaveBeenCalledTimes(1)
  })

  test('in the background requests are interrupted, and say so', async () => {
    const { platform } = world()
    const shown = vi.fn()
    platform.onShow?.(shown)
    platform.background = true
    const interrupted = { code: 'NETWORK', data: { interrupted: true } }
    await expect(platform.request({ url })).rejects.toMatchObject(interrupted)
    platform.background = false
    expect(shown).toHaveBeenCalledTimes(1)
    await platform.request({ url })
  })

  test.each([
    ['unreachable', 0, 'NETWORK'],
    ['lost', 1, 'NETWORK'],
    ['late', 1, 'TIMEOUT'],
  ] as const)('%s: the server has seen %i of one request', async (fault, sent, code) => {
    const { platform, fetch } = world()
    platform.fault = (_, count) => (count === 2 ? fault : undefined)
    await platform.request({ url })
    await expect(platform.request({ url })).rejects.toMatchObject({ code, retryable: true })
    expect(fetch).toHaveBeenCalledTimes(1 + sent)
    await platform.request({ url })
  })

  test('latency passes by the clock that was given', async () => {
    const { platform, clock, fetch } = world()
    platform.latencyMs = 300
    const answer = platform.request({ url })
    await clock.advance(299)
    expect(fetch).not.toHaveBeenCalled()
    await clock.advance(1)
    expect(await answer).toMatchObject({ statusCode: 200 })
  })
})

describe('an upload', () => {
  test('is multipart/form-data with the file as it is', async () => {
    const content = Uint8Array.from([0, 255, 13, 10, 45, 45])
    const { platform, seen } = world({ readFile: async () => content })
    const upload = { url, filePath: '/tmp/头像".png', name: 'file', formData: { kind: '头像' }, header: { a: 'b' } }
    expect(await platform.upload?.(upload)).toMatchObject({ statusCode: 200, data: '{"ok":true}' })
    const { method, headers, body } = initOf(seen)
    expect([method, headers.a]).toEqual(['POST', 'b'])
    const form = await new Response(body as ArrayBuffer, { headers }).formData()
    expect(form.get('kind')).toBe('头像')
    const file = form.get('file') as File
    expect(file.name).toBe('头像".png')
    expect(new Uint8Array(await file.arrayBuffer())).toEqual(content)
  })

  test('of a file that holds the boundary gets another one', async () => {
    const { platform, seen } = world({ readFile: () => new TextEncoder().encode('--mpauth--mpauth-mpauth') })
    await platform.upload?.({ url, filePath: 'a', name: 'file' })
    const { headers, body } = initOf(seen)
    const form = await new Response(body as ArrayBuffer, { headers }).formData()
    expect(await (form.get('file') as File).text()).toBe('--mpauth--mpauth-mpauth')
  })

  test('is not there without a reader', () => {
    expect(world().platform.upload).toBe(undefined)
  })
})

describe('pages', () => {
  const routes = (platform: NodePlatform) => platform.pages().map(({ route }) => route)

  test('navigation changes the stack as WeChat does', async () => {
    const { platform } = world()
    platform.stack = [{ route: 'pages/home' }]
    await platform.navigate('navigateTo', '/pages/item?id=7&name=a%20b')
    expect(platform.pages().at(-1)?.options).toEqual({ id: '7', name: 'a%20b' })
    await platform.navigate('redirectTo', '/pages/auth')
    expect(routes(platform)).toEqual(['pages/home', 'pages/auth'])
    await platform.navigateBack()
    await platform.navigateBack()
    expect(routes(platform)).toEqual(['pages/home'])
    await platform.navigate('switchTab', '/pages/me')
    expect(routes(platform)).toEqual(['pages/me'])
  })

  test('there is no eleventh', async () => {
    const { platform } = world()
    for (let n = 0; n < 10; n++) await platform.navigate('navigateTo', `/pages/${n}`)
    await expect(platform.navigate('navigateTo', '/pages/10')).rejects.toThrow('webview count limit exceed')
    expect(platform.pages()).toHaveLength(10)
  })
})

describe('a session on it', () => {
  const user = { id: 'u1', nickname: null, avatarUrl: null, phone: null, hasProfile: false, hasPhone: false }
  const login = { token: 't1', expiresIn: 600, refreshToken: 'r1', user, isNewUser: true }
  const fetch: FetchLike = async () => ({
    status: 200,
    headers: new Map(),
    text: async () => JSON.stringify({ data: { silentLogin: login } }),
  })

  test('logs in, is recorded, and is there after a restart with the same storage', async () => {
    const entries: Record<string, string> = {}
    const open = () => {
      const { platform, clock } = world({ fetch, storage: memoryStorage(entries) })
      const { now, delay } = clock
      return {
        platform,
        session: createSession({ platform, backend: graphqlBackend({ url }), name: 'node', now, delay }),
      }
    }
    const first = open()
    expect((await first.session.login()).token).toBe('t1')
    expect(first.platform.calls.map(({ api }) => api)).toEqual(['login', 'request'])
    expect(first.platform.requests('SilentLogin')).toHaveLength(1)
    expect(first.platform.requests('Me')).toEqual([])
    first.session.destroy()
    const second = open()
    expect(second.session.user?.id).toBe('u1')
    expect(second.platform.calls).toEqual([])
    second.session.destroy()
  })
})
