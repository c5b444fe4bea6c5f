import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { outcome } from '../support/fake-clock'
import type { Fault } from '../support/fake-server'
import { World } from '../support/world'

let world: World
beforeEach(() => {
  world = new World()
})
afterEach(() => world.close())

const inputs = () => world.server.seen.map(({ variables }) => variables.input as { code: string; nonce: string })

describe('wx.login', () => {
  test('that fails is asked for a new code once, after 300 ms', async () => {
    world.wx.logins = [{ errMsg: 'login:fail' }]
    const token = outcome(world.open().getToken())
    await world.clock.advance(299)
    expect(world.traffic.login).toBe(1)
    await world.clock.advance(1)

    expect(await token).toBe('pending')
    expect(world.traffic).toEqual({ login: 2, checkSession: 0, request: 1 })
  })

  test('that fails twice is WX_LOGIN_FAILED, with its words as the cause', async () => {
    world.wx.logins = [{ errMsg: 'login:fail a' }, { errMsg: 'login:fail b' }]
    const session = world.open()
    const login = session.login()
    login.catch(() => {})
    await world.clock.advance(1000)

    await expect(login).rejects.toMatchObject({
      code: 'WX_LOGIN_FAILED',
      retryable: true,
      cause: { cause: { errMsg: 'login:fail b' } },
    })
    expect(world.traffic).toEqual({ login: 2, checkSession: 0, request: 0 })
  })

  test('that never answers is given up after 8 s, and one that gives an empty code at once', async () => {
    world.wx.logins = ['hang', { code: '' }]
    const session = world.open()
    const login = session.login()
    login.catch(() => {})
    await world.clock.advance(8000)
    expect(world.traffic.login).toBe(1)
    await world.clock.advance(300)

    await expect(login).rejects.toMatchObject({ code: 'WX_LOGIN_FAILED', message: expect.stringContaining('empty') })
    expect(world.clock.pending).toBe(0)
  })

  test.each(['the code is a mock one', 'this code is a mock one'])('in DevTools without an AppID: %s', async (code) => {
    world.wx.logins = [{ code }]
    await expect(world.open().login()).rejects.toMatchObject({
      code: 'CONFIG',
      message: expect.stringContaining('AppID'),
    })
    expect(world.traffic).toEqual({ login: 1, checkSession: 0, request: 0 })
  })
})

describe('silentLogin', () => {
  test.each<[string, Fault]>([
    ['lost on its way back', 'lost'],
    ['not answered in time', 'timeout'],
    ['lost on its way there', 'unreachable'],
    ['met by a server that cannot answer now', { code: 'UNAVAILABLE' }],
    ["met by a proxy's page", { status: 502, data: '<html>' }],
  ])('%s is repeated with the same code and nonce, and makes one session', async (_, fault) => {
    world.server.fail('SilentLogin', fault)
    const session = world.open()
    const login = session.login()
    await world.clock.advance(300)
    await login

    expect(world.traffic.login).toBe(1)
    expect(inputs()[1]).toEqual(inputs()[0])
    expect(world.server.sessions).toHaveLength(1)
  })

  test.each<[string, Fault]>([
    ['a code that WeChat does not honour', { code: 'LOGIN_CODE_INVALID' }],
    ['a WeChat that does not answer the server', { code: 'WECHAT_UNAVAILABLE' }],
  ])('after %s goes on with a new code and a new nonce, once', async (_, fault) => {
    world.server.fail('SilentLogin', fault, fault)
    const session = world.open()
    const login = session.login()
    login.catch(() => {})
    await world.clock.advance(10_000)

    await expect(login).rejects.toMatchObject({ code: (fault as { code: string }).code })
    expect(world.traffic).toEqual({ login: 2, checkSession: 0, request: 2 })
    const [first, second] = inputs()
    expect(second?.code).not.toBe(first?.code)
    expect(second?.nonce).not.toBe(first?.nonce)
  })

  test('does not ask for a second code because the network is down', async () => {
    world.server.fail('SilentLogin', 'unreachable', 'unreachable')
    const login = world.open().login()
    login.catch(() => {})
    await world.clock.advance(10_000)

    await expect(login).rejects.toMatchObject({ code: 'NETWORK' })
    expect(world.traffic).toEqual({ login: 1, checkSession: 0, request: 2 })
  })

  test.each(['LOGIN_BLOCKED', 'ACCOUNT_DISABLED', 'ACCOUNT_CLOSING'])(
    'refused by %s is not tried again',
    async (code) => {
      world.server.fail('SilentLogin', { code })
      const session = world.open()
      await expect(session.login()).rejects.toMatchObject({ code })
      await world.clock.advance(3_600_000)
      await expect(session.getToken()).rejects.toMatchObject({ code })
      expect(world.traffic).toEqual({ login: 1, checkSession: 0, request: 1 })

      // But by the person.
      await session.login({ force: true })
      expect(world.traffic.login).toBe(2)
    },
  )

  test('waits as long as the server says, whoever asks', async () => {
    world.server.fail('SilentLogin', { code: 'RATE_LIMITED', retryAfterMs: 20_000 })
    const session = world.open()
    await expect(session.login()).rejects.toMatchObject({ code: 'RATE_LIMITED', retryAfterMs: 20_000 })

    await world.clock.advance(15_000)
    await expect(session.getToken()).rejects.toMatchObject({ code: 'RATE_LIMITED', retryAfterMs: 5000 })
    await expect(session.login({ force: true })).rejects.toMatchObject({ code: 'RATE_LIMITED' })
    expect(world.traffic.request).toBe(1)

    await world.clock.advance(5000)
    await session.getToken()
    expect(world.traffic.login).toBe(2)
  })

  test('forgets what the server said about waiting when the clock is set back', async () => {
    world.server.fail('SilentLogin', { code: 'RATE_LIMITED', retryAfterMs: 20_000 })
    const session = world.open()
    await expect(session.login()).rejects.toMatchObject({ code: 'RATE_LIMITED' })
    world.clock.set(world.clock.now() - 1000)
    expect(await session.getToken()).toMatch(/^access/)
  })

  test('that another server fails in its own way is an error of the SDK', async () => {
    const cause = new TypeError('a bug of the backend')
    const session = world.open({ backend: { ...world.backend, silentLogin: () => Promise.reject(cause) } })
    await expect(session.login()).rejects.toMatchObject({ code: 'SERVER', cause })
  })
})

describe('the fuse', () => {
  test('opens at the fourth real login without a pause, and is restored after 5 s', async () => {
    const session = world.open()
    for (let i = 0; i < 3; i++) await session.login({ force: true })

    await expect(session.login({ force: true })).rejects.toMatchObject({ code: 'FUSE_OPEN', retryAfterMs: 5000 })
    expect(world.traffic.login).toBe(3)
    expect(world.events).toContain('fuse')

    await world.clock.advance(4999)
    await expect(session.login({ force: true })).rejects.toMatchObject({ code: 'FUSE_OPEN' })
    await world.clock.advance(1)
    await session.login({ force: true })
    expect(world.traffic.login).toBe(4)
  })

  test('does not count those who only wait (D2)', async () => {
    const session = world.open()
    await Promise.all(Array.from({ length: 50 }, () => session.getToken()))
    await Promise.all(Array.from({ length: 50 }, () => session.refreshLogin()))
    expect(world.traffic).toEqual({ login: 1, checkSession: 0, request: 2 })
    expect(session.fuse.isOpen).toBe(false)
  })

  test('does not stand in the way of a login that is there', async () => {
    const session = world.open()
    for (let i = 0; i < 4; i++) await session.login({ force: true }).catch(() => {})
    expect(session.fuse.isOpen).toBe(true)
    expect(await session.getToken()).toBe(session.peekToken())
    expect(session.status.login.isSuccess()).toBe(true)
  })
})
