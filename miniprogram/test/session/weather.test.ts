import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Fault } from '../support/fake-server'
import { World } from '../support/world'

let world: World
beforeEach(() => {
  world = new World()
})
afterEach(() => world.close())

/** A login that fails on the way, with the pauses between its tries. */
async function failedLogin(session = world.open()) {
  const login = session.login()
  login.catch(() => {})
  await world.clock.advance(2000)
  await expect(login).rejects.toMatchObject({ retryable: true })
  return session
}

describe('without a network', () => {
  test('a login that failed is tried once more when the network is back', async () => {
    world.wx.setOnline(false)
    const session = await failedLogin()
    const page = session.status.login.must(null, { until: 'success' })

    world.wx.setOnline(true)
    expect((await page).token).toBe('access-1-2')
  })

  test.each<[string, ...Fault[]]>([
    ['down', { code: 'UNAVAILABLE' }, { code: 'UNAVAILABLE' }],
    ['behind a gateway that is alone', { status: 502, data: '<html>' }, { status: 502, data: '<html>' }],
    ['busy, when it may be asked again', { code: 'RATE_LIMITED', retryAfterMs: 3000 }],
  ])('so is one with a server that was %s, when the app is shown', async (_, ...faults) => {
    world.server.fail('SilentLogin', ...faults)
    const session = await failedLogin()
    await world.clock.advance(2000)
    world.wx.show()
    await world.clock.advance(0)
    expect(session.peekToken()).toMatch(/^access-/)
  })

  test('one try a time: a network that comes and goes makes no storm', async () => {
    world.wx.setOnline(false)
    await failedLogin()
    const { login } = world.traffic
    world.server.fail(undefined, 'unreachable', 'unreachable')
    world.wx.setOnline(true)
    world.wx.setOnline(true)
    world.wx.setOnline(true)
    await world.clock.advance(1000)
    expect(world.traffic.login).toBe(login + 1)
  })

  test('nobody logs in at a reconnect who did not want to, or who has logged out since', async () => {
    const session = world.open()
    world.wx.setOnline(false)
    world.wx.setOnline(true)
    await world.clock.advance(1000)
    expect(world.traffic.login).toBe(0)

    world.wx.setOnline(false)
    await failedLogin(session)
    const { login } = world.traffic
    await session.logout()
    world.wx.setOnline(true)
    await world.clock.advance(1000)
    expect(world.traffic.login).toBe(login)
  })

  test('nobody logs in at a reconnect for a login that the app has cleared since', async () => {
    world.wx.setOnline(false)
    const session = await failedLogin()
    const { login } = world.traffic
    session.clearSession()
    world.wx.setOnline(true)
    await world.clock.advance(1000)
    expect(world.traffic.login).toBe(login)
  })

  test('a refusal of the server is not tried again at a reconnect', async () => {
    world.server.fail('SilentLogin', { code: 'BAD_INPUT' })
    await expect(world.open().login()).rejects.toMatchObject({ code: 'BAD_INPUT' })
    world.wx.setOnline(true)
    await world.clock.advance(1000)
    expect(world.traffic.login).toBe(1)
  })
})

describe('in the background', () => {
  test('a login that was cut off is tried again when the app is shown', async () => {
    world.wx.background = true
    const session = await failedLogin()
    world.wx.show()
    await world.clock.advance(0)
    expect(session.peekToken()).toBe('access-1-2')
  })

  test('being cut off does not count for the fuse', async () => {
    const session = world.open()
    world.wx.background = true
    for (let i = 0; i < 8; i++) {
      const login = session.login()
      login.catch(() => {})
      await world.clock.advance(300)
      await expect(login).rejects.toMatchObject({ code: 'WX_LOGIN_FAILED', data: { interrupted: true } })
    }
    expect(session.fuse.isOpen).toBe(false)
    world.wx.show()
    await world.clock.advance(0)
    expect(session.peekToken()).toBe('access-1-2')
  })

  test('a request that was cut off is repeated as it was: its code may have been used', async () => {
    world.server.fail('SilentLogin', 'interrupted')
    const session = world.open()
    const login = session.login()
    await world.clock.advance(300)
    await login
    expect(world.traffic.login).toBe(1)
    expect(world.server.sessions).toHaveLength(1)
  })
})
