import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Session } from '../../src/session/types'
import type { Fault } from '../support/fake-server'
import { World } from '../support/world'

let world: World
let session: Session
beforeEach(async () => {
  world = new World()
  session = world.open()
  await session.login()
})
afterEach(() => world.close())

const operations = () => world.server.seen.map(({ operation }) => operation)

describe('a refused token', () => {
  test('that is still the current one is renewed once for all who carried it', async () => {
    const all = await Promise.all(Array.from({ length: 5 }, () => session.refreshLogin({ staleToken: 'access-1-2' })))
    expect(new Set(all.map(({ token }) => token))).toEqual(new Set(['access-1-3']))
    expect(operations()).toEqual(['SilentLogin', 'RefreshToken'])
  })

  test('that somebody has replaced since costs nothing', async () => {
    await session.refreshLogin()
    const late = await session.refreshLogin({ staleToken: 'access-1-2' })
    expect(late.token).toBe('access-1-3')
    expect(operations()).toEqual(['SilentLogin', 'RefreshToken'])
  })

  test('is not handed out again while its renewal fails', async () => {
    world.server.fail('RefreshToken', 'unreachable', 'unreachable')
    const refreshed = session.refreshLogin({ staleToken: 'access-1-2' })
    refreshed.catch(() => {})
    await world.clock.advance(1000)
    await expect(refreshed).rejects.toMatchObject({ code: 'NETWORK' })

    expect(await session.getToken()).toBe('access-1-3')
  })
})

test('a token that nobody refused is still good when a renewal that somebody wanted fails', async () => {
  world.server.fail('RefreshToken', { code: 'RATE_LIMITED', retryAfterMs: 60_000 })
  await expect(session.refreshLogin()).rejects.toMatchObject({ code: 'RATE_LIMITED' })
  expect(await session.getToken()).toBe('access-1-2')
})

describe('a renewal', () => {
  test.each<[string, Fault, string]>([
    ['without a network', 'unreachable', 'NETWORK'],
    ['without an answer in time', 'timeout', 'TIMEOUT'],
    ['by a server that is down', { status: 500, data: '' }, 'SERVER'],
    ['too often', { code: 'RATE_LIMITED' }, 'RATE_LIMITED'],
    ['by a server that cannot', { code: 'UNAVAILABLE' }, 'UNAVAILABLE'],
    ['while WeChat is down', { code: 'WECHAT_UNAVAILABLE' }, 'WECHAT_UNAVAILABLE'],
  ])('%s keeps the old login and does not fall back to a code (D11)', async (_, fault, code) => {
    const before = world.wx.stored.get('mpauth:default:release:wxdemo')
    world.server.fail('RefreshToken', fault, fault)
    const refreshed = session.refreshLogin()
    refreshed.catch(() => {})
    await world.clock.advance(1000)

    await expect(refreshed).rejects.toMatchObject({ code, retryable: true })
    expect(session.status.login.isFail()).toBe(true)
    expect(session.peekToken()).toBe('access-1-2')
    expect(session.user?.id).toBe('u1')
    expect(world.wx.stored.get('mpauth:default:release:wxdemo')).toBe(before)
    expect(world.traffic.login).toBe(1)
    expect(world.events).not.toContain('session:cleared')
  })

  test('whose answer was lost is repeated with the same refresh token, which is safe', async () => {
    world.server.fail('RefreshToken', 'lost')
    const refreshed = session.refreshLogin()
    await world.clock.advance(300)
    expect((await refreshed).token).toBe('access-1-3')
    const inputs = world.server.seen.slice(1).map(({ variables }) => variables.input)
    expect(inputs).toEqual([{ refreshToken: 'refresh-1-2' }, { refreshToken: 'refresh-1-2' }])
    expect(world.traffic.login).toBe(1)
  })

  test.each(['SESSION_REVOKED', 'UNAUTHENTICATED', 'TOKEN_EXPIRED', 'BAD_INPUT', 'NO_SUCH_TOKEN'])(
    'refused by %s goes on with a code, and is one try for the fuse',
    async (code) => {
      world.server.fail('RefreshToken', { code })
      const { token } = await session.refreshLogin()
      expect(token).toBe('access-3-4')
      expect(operations()).toEqual(['SilentLogin', 'RefreshToken', 'SilentLogin'])
      expect(world.events).toContain('sessionkey:refreshed')
    },
  )

  test.each(['INTERNAL', 'FORBIDDEN', 'ACCOUNT_CLOSING'])(
    'that fails by %s, for which the refresh token is not to blame, asks for no code',
    async (code) => {
      world.server.fail('RefreshToken', { code })
      await expect(session.refreshLogin()).rejects.toMatchObject({ code })
      expect(world.traffic.login).toBe(1)
    },
  )

  test('does not try a refresh token again that was refused, when the code fails too', async () => {
    world.server.revoke()
    world.server.fail('SilentLogin', 'unreachable', 'unreachable')
    const refreshed = session.refreshLogin()
    refreshed.catch(() => {})
    await world.clock.advance(1000)
    await expect(refreshed).rejects.toMatchObject({ code: 'NETWORK' })
    await session.refreshLogin()
    expect(world.server.count('RefreshToken')).toBe(1)
  })

  test('refused because the account is disabled ends the login here, and asks for no code', async () => {
    world.server.fail('RefreshToken', { code: 'ACCOUNT_DISABLED' })
    await expect(session.refreshLogin()).rejects.toMatchObject({ code: 'ACCOUNT_DISABLED' })
    expect(session.user).toBeNull()
    expect(session.loggedOut).toBe(false)
    await expect(session.getToken()).rejects.toMatchObject({ code: 'ACCOUNT_DISABLED' })
    expect(world.traffic.login).toBe(1)
  })

  test('goes by code for a server without refresh tokens', async () => {
    const { refreshToken: _, ...backend } = world.backend
    const other = world.open({ backend })
    await other.refreshLogin()
    expect(operations()).toEqual(['SilentLogin', 'SilentLogin'])
  })

  test('asked to wait by the server leaves the way by code open, and the other way round', async () => {
    world.server.fail('SilentLogin', { code: 'WECHAT_UNAVAILABLE', retryAfterMs: 60_000 })
    await expect(session.login({ force: true })).rejects.toMatchObject({ code: 'WECHAT_UNAVAILABLE' })
    expect((await session.refreshLogin()).token).toMatch(/^access-1-/)

    await world.clock.advance(1000)
    world.server.revoke()
    const { login } = world.traffic
    await expect(session.refreshLogin()).rejects.toMatchObject({ code: 'WECHAT_UNAVAILABLE', retryAfterMs: 59_000 })
    expect(world.traffic.login).toBe(login)
  })

  test('goes by the refresh token of a person whom WeChat blocks by code', async () => {
    world.server.fail('SilentLogin', { code: 'LOGIN_BLOCKED' })
    await expect(session.login({ force: true })).rejects.toMatchObject({ code: 'LOGIN_BLOCKED' })
    expect((await session.refreshLogin()).token).toMatch(/^access-1-/)
  })
})

describe('another context with the same storage', () => {
  const key = 'mpauth:default:release:wxdemo'
  const elsewhere = (change: object) =>
    world.wx.stored.set(key, JSON.stringify({ ...JSON.parse(world.wx.stored.get(key) as string), ...change }))

  test('has renewed the login: its token is used, and nothing is sent', async () => {
    const { snap } = JSON.parse(world.wx.stored.get(key) as string)
    elsewhere({ snap: { ...snap, token: 'access-other', refreshToken: 'refresh-other' } })

    const { token } = await session.refreshLogin({ staleToken: 'access-1-2' })

    expect(token).toBe('access-other')
    expect(operations()).toEqual(['SilentLogin'])
  })

  test('has renewed it long ago: its refresh token is the one that goes on', async () => {
    const { snap } = JSON.parse(world.wx.stored.get(key) as string)
    world.server.hold()
    elsewhere({ snap: { ...snap, refreshToken: 'refresh-other', expiresAt: 0 } })
    void session.refreshLogin().catch(() => {})
    await world.clock.advance(0)
    expect(world.server.seen[1]?.variables.input).toEqual({ refreshToken: 'refresh-other' })
  })

  test('has logged out: this one is out too, and asks for no code', async () => {
    elsewhere({ snap: null, out: true })
    await expect(session.refreshLogin()).rejects.toMatchObject({ code: 'STALE' })
    await expect(session.getToken()).rejects.toMatchObject({ code: 'LOGGED_OUT' })
    expect(session.user).toBeNull()
    expect(world.events).toContain('session:cleared')
    expect(world.traffic.login).toBe(1)
  })

  test('has logged out while a renewal was under way here: that does not undo it, and what it brought is ended', async () => {
    const release = world.server.hold('RefreshToken')
    const refreshed = session.refreshLogin()
    refreshed.catch(() => {})
    await world.clock.advance(0)
    elsewhere({ snap: null, out: true })
    release()

    await expect(refreshed).rejects.toMatchObject({ code: 'STALE' })
    expect([session.loggedOut, session.peekToken()]).toEqual([true, null])
    await world.clock.advance(0)
    expect(world.server.live).toBe(0)
  })

  test('has logged out: clearing the login here does not undo that', async () => {
    elsewhere({ snap: null, out: true })
    session.clearSession()
    await expect(session.getToken()).rejects.toMatchObject({ code: 'LOGGED_OUT' })
  })

  test('has renewed it: a logout here ends the login that goes on', async () => {
    const { snap } = JSON.parse(world.wx.stored.get(key) as string)
    elsewhere({ snap: { ...snap, token: 'access-other', refreshToken: 'refresh-other' } })
    await session.logout()
    expect(world.server.seen.at(-1)).toMatchObject({ operation: 'Logout', token: 'access-other' })
  })

  test('has renewed it: a change of the user here does not bring the old token back', async () => {
    const { snap } = JSON.parse(world.wx.stored.get(key) as string)
    elsewhere({ snap: { ...snap, token: 'access-other', refreshToken: 'refresh-other' } })
    await session.updateUser({ nickname: 'Ann' })
    const { snap: after } = JSON.parse(world.wx.stored.get(key) as string)
    expect(after).toMatchObject({ token: 'access-other', refreshToken: 'refresh-other', user: { nickname: 'Ann' } })
  })
})
