import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Session } from '../../src/session/types'
import { World } from '../support/world'

let world: World
let session: Session
beforeEach(async () => {
  world = new World()
  session = world.open()
  await session.login()
})
afterEach(() => world.close())

/** A tap on the button: WeChat encrypts with the key of its latest code. */
const tap = () => ({ encrypted: { iv: 'iv', encryptedData: `data-${world.wx.wechat.key}` } })

describe('ensureSessionKey', () => {
  test('asks WeChat and the server, and changes nothing when both are content', async () => {
    await session.ensureSessionKey()
    expect(world.traffic.checkSession).toBe(1)
    expect(world.server.count('CheckSessionKey')).toBe(1)
    expect(world.traffic.login).toBe(1)
  })

  test('logs in with a code, not with the refresh token, when WeChat says no', async () => {
    world.wx.sessionKeyValid = false
    await session.ensureSessionKey()
    expect(world.traffic.login).toBe(2)
    expect(world.server.seen.map(({ operation }) => operation)).toEqual(['SilentLogin', 'SilentLogin'])
    expect(world.events).toContain('sessionkey:refreshed')
  })

  test('does so when only the server says no: WeChat speaks of the latest code, wherever that went', async () => {
    // A data pre-fetch has obtained a code.
    world.wx.wechat.newCode()
    await session.ensureSessionKey()
    expect(world.traffic.login).toBe(2)
    await session.updatePhone(tap())
    expect(session.hasPhone()).toBe(true)
  })

  test('is one check and one login for all who ask at once', async () => {
    world.wx.sessionKeyValid = false
    await Promise.all(Array.from({ length: 10 }, () => session.ensureSessionKey()))
    expect(world.traffic).toMatchObject({ login: 2, checkSession: 1 })
  })

  test('lets the person tap when the server cannot say', async () => {
    world.server.fail('CheckSessionKey', { code: 'WECHAT_UNAVAILABLE' })
    await session.ensureSessionKey()
    expect(world.traffic.login).toBe(1)
  })

  test('logs in first, and then has nothing to check: a code brings a new key', async () => {
    session.clearSession()
    await session.ensureSessionKey()
    expect(world.traffic).toMatchObject({ login: 2, checkSession: 0 })
  })

  test('makes do with what platform and server have', async () => {
    const { checkSessionKey: _, ...backend } = world.backend
    const { checkSession: __, ...platform } = world.platform
    await world.open({ backend }).ensureSessionKey()
    await world.open({ backend, platform }).ensureSessionKey()
    expect(world.server.count('CheckSessionKey')).toBe(0)
    expect(world.traffic).toMatchObject({ login: 1, checkSession: 1 })
  })
})

describe('a tap whose data cannot be decrypted', () => {
  test('is not sent again, renews the key once, and the next tap works (D10)', async () => {
    world.wx.wechat.expireKey()
    const refused = tap()
    await expect(session.updatePhone(refused)).rejects.toMatchObject({
      code: 'DECRYPT_WX_OPEN_DATA_FAIL',
      action: 'TAP_AGAIN',
    })
    expect(world.server.count('UpdatePhone')).toBe(1)
    expect(world.traffic.login).toBe(2)
    expect(world.events).toContain('sessionkey:refreshed')

    await session.updatePhone(tap())
    expect(session.hasPhone()).toBe(true)
    expect(world.traffic.login).toBe(2)
  })

  test('is the error even when the key cannot be renewed', async () => {
    world.wx.wechat.expireKey()
    world.server.fail('SilentLogin', { code: 'LOGIN_BLOCKED' })
    await expect(session.updatePhone(tap())).rejects.toMatchObject({ code: 'DECRYPT_WX_OPEN_DATA_FAIL' })
    expect(session.peekToken()).toBe('access-1-2')
  })
})
