import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { version } from '../../package.json'
import { outcome, settled } from '../support/fake-clock'
import { World } from '../support/world'

let world: World
beforeEach(() => {
  world = new World()
})
afterEach(() => world.close())

describe('the first login', () => {
  test('of twenty at once is one code and one request, with one result for all (D1)', async () => {
    const session = world.open()

    const all = await Promise.all(Array.from({ length: 20 }, () => session.ensureLogin()))

    expect(new Set(all).size).toBe(1)
    expect(world.traffic).toEqual({ login: 1, checkSession: 0, request: 1 })
    expect(session.user?.id).toBe('u1')
    expect(session.status.login.value).toBe(all[0])
  })

  test('fails for all who wait with one error, and nobody logs in again for themselves (D1, D2)', async () => {
    world.server.fail('SilentLogin', { code: 'BAD_INPUT' })
    const session = world.open()

    const all = await Promise.allSettled(Array.from({ length: 5 }, () => session.getToken()))

    expect(new Set(all.map((one) => (one as PromiseRejectedResult).reason)).size).toBe(1)
    expect(all[0]).toMatchObject({ reason: { code: 'BAD_INPUT' } })
    expect(world.traffic.login).toBe(1)
    expect(session.fuse.isOpen).toBe(false)
    expect(session.status.login.isFail()).toBe(true)
  })

  test('names the device, the app and the version, and sends a nonce of its own', async () => {
    await world.open().login()

    expect(world.server.seen[0]?.variables.input).toEqual({
      appId: 'wxdemo',
      code: 'code-1-1',
      nonce: expect.stringMatching(/^[0-9a-f]{32}$/),
      device: {
        id: expect.stringMatching(/^[0-9a-f]{32}$/),
        name: 'Xiaomi Redmi 12',
        platform: 'android',
        sdkVersion: version,
      },
    })
  })

  test('tells its story by events, in order', async () => {
    await world.open().login({ reason: 'launch' })

    expect(world.events).toEqual(['login:start', 'perf', 'login:success', 'user'])
  })

  test('turns away whoever comes when a hundred wait', async () => {
    const release = world.server.hold('SilentLogin')
    const session = world.open()

    const first = session.getToken()
    const all = Array.from({ length: 101 }, () => outcome(session.getToken()))
    expect(await all[100]).toMatchObject({ error: { code: 'QUEUE_OVERFLOW' } })
    release()
    await first

    expect(await session.getToken()).toBe('access-1-2')
    expect(world.traffic.login).toBe(1)
  })
})

describe('a login that is there', () => {
  test('makes a warm start without one wx call or request', async () => {
    await world.open().login()
    const before = world.traffic

    const session = world.open()
    expect(session.status.login.isSuccess()).toBe(true)
    await session.login()
    expect(await session.getToken()).toBe('access-1-2')

    expect(world.traffic).toEqual(before)
  })

  test('is renewed a minute before its end by the refresh token, without a code', async () => {
    const session = world.open()
    await session.login()

    await world.clock.advance(539_999)
    expect(await session.getToken()).toBe('access-1-2')
    await world.clock.advance(1)
    expect(await session.getToken()).toBe('access-1-3')

    expect(world.traffic.login).toBe(1)
    expect(world.server.count('RefreshToken')).toBe(1)
  })

  test('that lives for less than two leeways is used for half its life', async () => {
    world.server.expiresIn = 60
    const session = world.open()
    await session.login()

    await world.clock.advance(29_999)
    await session.getToken()
    expect(world.server.count('RefreshToken')).toBe(0)
    await world.clock.advance(1)
    await session.getToken()
    expect(world.server.count('RefreshToken')).toBe(1)
  })

  test('costs one renewal when the clock is set back, and no second one', async () => {
    const session = world.open()
    await session.login()

    world.clock.set(world.clock.now() - 3_600_000)
    await session.getToken()
    await session.getToken()

    expect(world.server.count('RefreshToken')).toBe(1)
  })

  test('without an expiry is used until the server refuses it', async () => {
    const session = world.open({
      backend: {
        ...world.backend,
        silentLogin: async (...a) => ({ ...(await world.backend.silentLogin(...a)), expiresIn: null }),
      },
    })
    await session.login()

    await world.clock.advance(365 * 24 * 3_600_000)
    expect(await session.getToken()).toBe('access-1-2')
  })

  test('is replaced by force, with a new code', async () => {
    const session = world.open()
    await session.login()
    const forced = await session.login({ force: true })

    expect(forced.token).toBe('access-3-4')
    expect(world.traffic.login).toBe(2)
    expect(world.server.live).toBe(1)
  })

  test('being renewed by refresh token does not satisfy who wants a code: that one follows', async () => {
    const session = world.open()
    await session.login()
    const release = world.server.hold('RefreshToken')

    const refreshed = session.refreshLogin()
    const forced = session.login({ force: true })
    release()

    expect((await refreshed).token).toBe('access-1-3')
    expect((await forced).token).toMatch(/^access-4-/)
    expect(world.server.seen.map(({ operation }) => operation)).toEqual(['SilentLogin', 'RefreshToken', 'SilentLogin'])
  })

  test('lets a pre-fetch carry its token, and no longer after a logout', async () => {
    const session = world.open({ prefetchToken: true })
    await session.login()
    expect(world.wx.prefetchToken).toBe('access-1-2')
    await session.logout()
    expect(world.wx.prefetchToken).toBe('')
  })
})

describe('a listener', () => {
  test('may call the session again, and throw, and waits for nobody', async () => {
    const session = world.open()
    const tokens: string[] = []
    session.events.on('login:start', () => void session.ensureLogin().then(({ token }) => tokens.push(token)))
    session.events.once(
      'login:success',
      () => void session.login({ force: true }).then(({ token }) => tokens.push(token)),
    )
    session.events.on('login:success', () => {
      throw new Error('a bug of the app')
    })

    await session.login()
    await world.clock.advance(0)
    await world.clock.advance(0)

    expect(tokens.sort()).toEqual(['access-1-2', 'access-1-2', 'access-3-4'])
    expect(world.log).toContainEqual(['error', 'mpauth: a listener failed'])
  })

  test('that hears of a success finds the lock free and the login in place', async () => {
    const session = world.open()
    let heard: unknown
    session.events.on('login:success', () => {
      heard = [session.status.login.isSuccess(), session.peekToken(), world.events.includes('login:success')]
    })
    await session.login()
    expect(heard).toEqual([true, 'access-1-2', true])
  })
})

describe('a login that says more', () => {
  const consent = { purpose: 'terms', version: '1', granted: true }

  test('is its own, also while another is under way: what it says is not lost', async () => {
    const session = world.open()
    const release = world.server.hold('SilentLogin')
    const first = session.login()
    const second = session.login({ force: true, consent })
    await settled()
    release()
    await Promise.all([first, second])
    const inputs = world.server.seen.map(({ variables }) => (variables.input as { consent?: unknown }).consent)
    expect(inputs).toEqual([undefined, consent])
  })

  test('is one also when it is not forced in words', async () => {
    const session = world.open()
    await session.login()
    await session.login({ consent })
    await session.login({ restores: true })
    const { seen } = world.server
    expect(seen.map(({ operation }) => operation)).toEqual(['SilentLogin', 'SilentLogin', 'RestoreAccount'])
    expect(seen[1]?.variables.input).toMatchObject({ consent })
  })

  test('to restore an account asks for that, and a refresh later does not', async () => {
    const session = world.open()
    await session.login({ force: true, restores: true })
    world.server.expire()
    await session.me()
    expect(world.server.seen.map(({ operation }) => operation)).toEqual(['RestoreAccount', 'Me', 'RefreshToken', 'Me'])
  })
})
