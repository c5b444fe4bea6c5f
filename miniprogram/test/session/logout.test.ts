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

const stored = () => JSON.parse(world.wx.stored.get('mpauth:default:release:wxdemo') as string)
const logouts = () => world.server.seen.filter(({ operation }) => operation === 'Logout')

describe('logout', () => {
  test('ends the login here at once and on the server behind it', async () => {
    const release = world.server.hold('Logout')
    await session.logout()

    expect(session.peekToken()).toBeNull()
    expect(session.user).toBeNull()
    expect(session.status.login.state).toBe(0)
    expect(world.events.slice(-1)).toEqual(['session:cleared'])

    release()
    await world.clock.advance(0)
    expect(world.server.live).toBe(0)
    expect(stored()).toMatchObject({ out: true, snap: null, end: [] })
  })

  test('is not undone by a request, nor by a restart (D16)', async () => {
    await session.logout()
    await expect(session.getToken()).rejects.toMatchObject({ code: 'LOGGED_OUT' })
    await expect(session.login()).rejects.toMatchObject({ code: 'LOGGED_OUT' })
    await expect(session.refreshLogin({ staleToken: 'access-1-2' })).rejects.toMatchObject({ code: 'LOGGED_OUT' })
    await expect(session.me()).rejects.toMatchObject({ code: 'LOGGED_OUT' })
    await expect(session.ensureSessionKey()).rejects.toMatchObject({ code: 'LOGGED_OUT' })

    const restarted = world.open()
    expect(restarted.loggedOut).toBe(true)
    await expect(restarted.getToken()).rejects.toMatchObject({ code: 'LOGGED_OUT' })
    expect(world.traffic.login).toBe(1)
  })

  test('is heard by pages that wait for a login, here and after a restart: there will be none', async () => {
    await session.logout()
    const page = session.status.login.must()
    await expect(session.getToken()).rejects.toMatchObject({ code: 'LOGGED_OUT' })
    await expect(page).rejects.toMatchObject({ code: 'LOGGED_OUT' })

    const restarted = world.open()
    const landing = restarted.status.login.must()
    await expect(restarted.login()).rejects.toMatchObject({ code: 'LOGGED_OUT' })
    await expect(landing).rejects.toMatchObject({ code: 'LOGGED_OUT' })
    await restarted.login({ force: true })
    expect(restarted.status.login.isSuccess()).toBe(true)
  })

  test('is ended by the person, on the same device', async () => {
    const device = stored().device
    await session.logout()
    await session.login({ force: true })

    expect(session.loggedOut).toBe(false)
    expect(await session.getToken()).toBe(session.peekToken())
    expect(stored()).toMatchObject({ out: false, device })
  })

  test('stays when the person tries to log in and it fails', async () => {
    await session.logout()
    world.server.fail('SilentLogin', { code: 'BAD_INPUT' })
    await expect(session.login({ force: true })).rejects.toMatchObject({ code: 'BAD_INPUT' })
    await expect(session.getToken()).rejects.toMatchObject({ code: 'LOGGED_OUT' })
  })

  test('lets requests wait for the login that the person has begun', async () => {
    await session.logout()
    const release = world.server.hold('SilentLogin')
    const forced = session.login({ force: true })
    const request = session.getToken()
    release()
    expect(await request).toBe((await forced).token)
  })

  test("is not for good where the app says 'relogin'", async () => {
    const other = world.open({ afterLogout: 'relogin' })
    await other.logout()
    expect(await other.getToken()).toMatch(/^access-/)
  })

  test('of the others leaves this login as it is, and rejects when it could not be done', async () => {
    await session.logout({ scope: 'OTHERS' })
    expect(session.peekToken()).toBe('access-1-2')
    expect(session.loggedOut).toBe(false)
    expect(logouts()[0]?.variables.input).toEqual({ scope: 'OTHERS' })

    world.server.expire()
    await session.logout({ scope: 'OTHERS' })
    expect(logouts().at(-1)?.token).toBe('access-1-3')

    world.server.fail('Logout', { code: 'INTERNAL' })
    await expect(session.logout({ scope: 'OTHERS' })).rejects.toMatchObject({ code: 'INTERNAL' })
  })
})

describe('a logout that the server has not heard of', () => {
  test.each<[string, Fault]>([
    ['for want of a network', 'unreachable'],
    ['for it was down', { code: 'UNAVAILABLE' }],
  ])('%s is told after a restart', async (_, fault) => {
    world.server.fail('Logout', fault)
    await session.logout()
    await world.clock.advance(0)
    expect(stored().end).toHaveLength(1)

    world.open()
    await world.clock.advance(0)
    expect(world.server.live).toBe(0)
    expect(stored().end).toEqual([])
  })

  test('is told when the network is back', async () => {
    world.wx.setOnline(false)
    await session.logout()
    await world.clock.advance(0)
    expect(world.server.live).toBe(1)

    world.wx.setOnline(true)
    await world.clock.advance(0)
    expect(world.server.live).toBe(0)
  })

  test('until its access token was over goes by its refresh token', async () => {
    world.server.fail('Logout', 'unreachable')
    await session.logout()
    await world.clock.advance(0)
    world.server.expire()

    world.open()
    await world.clock.advance(0)
    expect(world.server.live).toBe(0)
    expect(stored().end).toEqual([])
    expect(stored().out).toBe(true)
  })

  test('and that it refuses is let go', async () => {
    world.server.fail('Logout', 'unreachable')
    await session.logout()
    await world.clock.advance(0)
    world.server.revoke()

    world.open()
    await world.clock.advance(0)
    expect(stored().end).toEqual([])
  })

  test('is moot once the device has logged in again', async () => {
    world.server.fail('Logout', 'unreachable')
    await session.logout()
    await session.login({ force: true })
    expect(stored().end).toEqual([])
    expect(world.server.live).toBe(1)
  })

  test('is moot also when the device logs in while the refresh token for it is under way', async () => {
    world.server.fail('Logout', 'unreachable')
    await session.logout()
    await world.clock.advance(0)
    world.server.expire()
    const release = world.server.hold('RefreshToken')
    world.wx.show()
    await world.clock.advance(0)
    await session.login({ force: true })
    release()
    await world.clock.advance(0)
    expect(stored().end).toEqual([])
    expect(logouts()).toHaveLength(2)
  })

  test('of all devices ends the others when the person comes back first', async () => {
    world.server.fail('Logout', 'unreachable')
    await session.logout({ scope: 'ALL' })
    await session.login({ force: true })
    await world.clock.advance(0)
    expect(logouts().at(-1)).toMatchObject({ token: session.peekToken(), variables: { input: { scope: 'OTHERS' } } })
    expect(stored().end).toEqual([])
  })

  test('of all devices is told of the others until the server has heard it', async () => {
    world.server.fail('Logout', 'unreachable', 'unreachable')
    await session.logout({ scope: 'ALL' })
    await session.login({ force: true })
    await world.clock.advance(0)
    expect(stored().end).toMatchObject([{ scope: 'OTHERS' }])

    world.wx.setOnline(true)
    await world.clock.advance(0)
    expect(logouts()).toHaveLength(3)
    expect(logouts()[2]?.variables.input).toEqual({ scope: 'OTHERS' })
    expect(stored().end).toEqual([])
  })

  test('is told when the network comes back before the first try has failed', async () => {
    world.server.fail('Logout', 'unreachable')
    const out = session.logout()
    world.wx.setOnline(true)
    await out
    await world.clock.advance(0)
    expect(world.server.live).toBe(0)
    expect(stored().end).toEqual([])
  })
})

describe('an answer that comes after the login has ended', () => {
  test('is dropped, and its session ended on the server (D16)', async () => {
    const release = world.server.hold('SilentLogin')
    const forced = session.login({ force: true })
    forced.catch(() => {})
    await world.clock.advance(0)
    await session.logout()
    release()

    await expect(forced).rejects.toMatchObject({ code: 'STALE' })
    expect(session.peekToken()).toBeNull()
    expect(session.status.login.state).toBe(0)
    expect(stored()).toMatchObject({ out: true, snap: null })
    await world.clock.advance(0)
    expect(world.server.live).toBe(0)
  })

  test('is not waited for: neither a code nor a repetition follows', async () => {
    const coded = session.login({ force: true })
    coded.catch(() => {})
    await session.logout()
    await expect(coded).rejects.toMatchObject({ code: 'STALE' })
    expect(world.server.count('SilentLogin')).toBe(1)

    world.server.fail('SilentLogin', 'unreachable')
    const repeated = session.login({ force: true })
    repeated.catch(() => {})
    await world.clock.advance(0)
    await session.logout()
    await world.clock.advance(1000)
    await expect(repeated).rejects.toMatchObject({ code: 'STALE' })
    expect(world.server.count('SilentLogin')).toBe(2)
  })

  test('is dropped when what it brought was a user', async () => {
    const release = world.server.hold('UpdateUser')
    const update = session.updateUser({ nickname: 'Ann' })
    update.catch(() => {})
    await world.clock.advance(0)
    await session.logout()
    release()
    await expect(update).rejects.toMatchObject({ code: 'STALE' })
    expect(session.user).toBeNull()
  })

  test('is dropped also when the person has logged in again by then', async () => {
    const release = world.server.hold('UpdateUser')
    const update = session.updateUser({ nickname: 'Ann' })
    update.catch(() => {})
    await world.clock.advance(0)
    await session.logout()
    world.server.person.nickname = 'Bea'
    await session.login({ force: true })
    release()
    await expect(update).rejects.toMatchObject({ code: 'STALE' })
    expect(session.user?.nickname).toBe('Bea')
  })

  test('is waited for before the person logs in again, so that the server sees them in order', async () => {
    const release = world.server.hold('RefreshToken')
    const old = session.refreshLogin()
    old.catch(() => {})
    await world.clock.advance(0)
    await session.logout()
    const back = session.login({ force: true })
    await world.clock.advance(0)
    expect(world.traffic.login).toBe(1)
    await expect(session.getToken()).rejects.toMatchObject({ code: 'LOGGED_OUT' })

    release()
    await expect(old).rejects.toMatchObject({ code: 'STALE' })
    expect((await back).token).toBe(session.peekToken())
    expect(world.server.live).toBe(1)
  })

  test('of clearSession is dropped, and the next request logs in', async () => {
    const release = world.server.hold('SilentLogin')
    const forced = session.login({ force: true })
    forced.catch(() => {})
    await world.clock.advance(0)
    session.clearSession()
    expect(session.loggedOut).toBe(false)
    const next = session.getToken()
    release()
    await expect(forced).rejects.toMatchObject({ code: 'STALE' })
    expect(await next).toBe(session.peekToken())
    expect(logouts()).toEqual([])
  })

  test('of destroy is dropped, and nothing listens any more', async () => {
    const release = world.server.hold('SilentLogin')
    const forced = session.login({ force: true })
    forced.catch(() => {})
    await world.clock.advance(0)
    session.destroy()
    release()
    await expect(forced).rejects.toMatchObject({ code: 'STALE' })
    await expect(session.getToken()).rejects.toMatchObject({ code: 'STALE' })
    expect([world.wx.listening('appShow'), world.wx.listening('networkStatusChange')]).toEqual([0, 0])
  })
})
