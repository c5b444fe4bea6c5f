import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { World } from '../support/world'

const key = 'mpauth:default:release:wxdemo'
let world: World
beforeEach(() => {
  world = new World()
})
afterEach(() => world.close())

const warnings = () => world.log.filter(([method]) => method === 'warn')

describe('what is stored', () => {
  test('is one envelope under a name of its own', async () => {
    await world.open().login()
    expect([...world.wx.stored.keys()]).toEqual([key])
    expect(JSON.parse(world.wx.stored.get(key) as string)).toEqual({
      v: 1,
      out: false,
      device: expect.stringMatching(/^[0-9a-f]{32}$/),
      end: [],
      snap: {
        token: 'access-1-2',
        refreshToken: 'refresh-1-2',
        loginAt: world.clock.now(),
        expiresAt: world.clock.now() + 600_000,
        user: expect.objectContaining({ id: 'u1', phone: null }),
      },
    })
  })

  test('of a trial version, another app or another session is kept apart', async () => {
    await world.open().login()
    world.wx.account = { appId: 'wxdemo', envVersion: 'trial' }
    expect(world.open().peekToken()).toBeNull()
    world.wx.account = { appId: 'wxother', envVersion: 'release' }
    expect(world.open().peekToken()).toBeNull()
    const named = world.open({ name: 'shop' })
    expect(named.peekToken()).toBeNull()
    named.destroy()
    world.wx.account = { appId: 'wxdemo', envVersion: 'release' }
    expect(world.open().peekToken()).toBe('access-1-2')
  })

  test.each([
    ['a text', '"broken"'],
    ['another version', '{"v":2,"out":false,"snap":null,"device":"d","end":[]}'],
    ['a login without a token', '{"v":1,"out":false,"snap":{"user":{}},"device":"d","end":[]}'],
    [
      'a login without a user',
      '{"v":1,"out":false,"snap":{"token":"t","loginAt":0,"expiresAt":null},"device":"d","end":[]}',
    ],
  ])('and is %s counts as nothing, with a warning', async (_, text) => {
    world.wx.stored.set(key, text)
    const session = world.open()
    expect(warnings()).toHaveLength(1)
    expect(await session.getToken()).toBe('access-1-2')
  })

  test('holds no number of a phone but a masked one, and the log holds no token', async () => {
    const session = world.open()
    await session.updatePhone({ code: 'phone-code' })
    await session.refreshLogin()
    await session.logout()
    expect(session.user).toBeNull()
    const log = JSON.stringify(world.log)
    for (const secret of ['access-', 'refresh-1', 'code-1', 'phone-code']) expect(log).not.toContain(secret)
  })
})

describe('a storage that fails', () => {
  test('costs the restart, not the login', async () => {
    world.wx.storageFails = true
    const session = world.open()
    expect(await session.getToken()).toBe('access-1-2')
    expect(session.user?.id).toBe('u1')
    expect(warnings().length).toBeGreaterThan(0)
  })

  test('to write a logout does not bring the old login back', async () => {
    const session = world.open()
    await session.login()
    const { setStorageSync } = (globalThis as unknown as { wx: { setStorageSync: unknown } }).wx
    const wx = (globalThis as unknown as { wx: Record<string, unknown> }).wx
    wx.setStorageSync = () => {
      throw new Error('setStorageSync:fail')
    }
    await session.logout()
    await expect(session.getToken()).rejects.toMatchObject({ code: 'LOGGED_OUT' })
    expect(session.peekToken()).toBeNull()

    wx.setStorageSync = setStorageSync
    await session.login({ force: true })
    expect(world.open().peekToken()).toBe(session.peekToken())
  })

  test('takes a storage of the app in its place', async () => {
    const kept = new Map<string, unknown>()
    const storage = {
      get: (name: string) => kept.get(name),
      set: (name: string, value: unknown) => void kept.set(name, value),
      remove: (name: string) => void kept.delete(name),
    }
    await world.open({ storage }).login()
    expect(world.wx.stored.size).toBe(0)
    expect(world.open({ storage }).peekToken()).toBe('access-1-2')
  })
})

test('the name of the device outlives logouts and logins', async () => {
  const session = world.open()
  await session.login()
  await session.logout()
  await session.login({ force: true })
  const devices = world.server.seen
    .filter(({ operation }) => operation === 'SilentLogin')
    .map(({ variables }) => (variables.input as { device: { id: string } }).device.id)
  expect(new Set(devices).size).toBe(1)
})
