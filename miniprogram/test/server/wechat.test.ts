import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Phone } from './support/phone'
import { Server } from './support/server'

let server: Server
beforeAll(async () => {
  server = await Server.start()
})
afterAll(() => server.stop())

const phones: Phone[] = []
async function signedIn(user: string): Promise<Phone> {
  const made = new Phone(server, user).open()
  phones.push(made)
  await made.session.login()
  return made
}
afterEach(async () => {
  for (const one of phones.splice(0)) one.close()
  await server.wechat('clear-faults')
})

describe('a phone number', () => {
  test('by a code: bound, and a repetition gets the same answer', async () => {
    const lily = await signedIn('lily')
    const tap = await lily.tap()
    const user = await lily.session.updatePhone(tap)
    expect(user).toMatchObject({ hasPhone: true, phone: { masked: '152****6007' } })
    expect(await lily.session.updatePhone(tap)).toEqual(user)
    expect(lily.session.user).toEqual(user)
    expect(JSON.stringify(lily.stored)).not.toMatch(/152\d{4}6007/)
  })

  test('whose answer was lost is bound once, and the tap can be repeated', async () => {
    const ann = await signedIn('ann')
    const tap = await ann.tap()
    const before = await server.calls('getuserphonenumber')
    ann.platform.fault = () => 'lost'
    await expect(ann.session.updatePhone(tap)).rejects.toMatchObject({ code: 'NETWORK', retryable: true })
    ann.platform.fault = undefined
    expect((await ann.session.updatePhone(tap)).hasPhone).toBe(true)
    expect(await server.calls('getuserphonenumber')).toBe(before + 1)
  })

  test('of somebody else is refused, and the person stays without', async () => {
    const first = await signedIn('first')
    const second = await signedIn('second')
    await first.session.updatePhone(await first.tap('13800000001'))
    const refused = second.session.updatePhone(await second.tap('13800000001'))
    await expect(refused).rejects.toMatchObject({ code: 'PHONE_TAKEN', action: 'NONE', retryable: false })
    expect(second.session.hasPhone()).toBe(false)
    expect((await second.session.me()).hasPhone).toBe(false)
    expect((await first.session.me()).hasPhone).toBe(true)
  })

  test('of a code that is none asks for another tap', async () => {
    const bob = await signedIn('bob')
    const refused = bob.session.updatePhone({ code: 'f'.repeat(64) })
    await expect(refused).rejects.toMatchObject({ code: 'PHONE_CODE_INVALID', action: 'TAP_AGAIN' })
  })
})

describe('the session_key', () => {
  test('replaced between tap and use: one refusal, no repetition, and the next tap works', async () => {
    const lily = await signedIn('rotated')
    // The phone already has the new key; the server has not.
    await server.wechat('rotate-key', { user: 'rotated' })
    const tap = await lily.oldTap()
    const refused = lily.session.updatePhone(tap)
    await expect(refused).rejects.toMatchObject({ code: 'DECRYPT_WX_OPEN_DATA_FAIL', action: 'TAP_AGAIN' })
    expect(lily.sent('UpdatePhone')).toBe(1)
    expect(lily.sent('SilentLogin')).toBe(2)
    expect(lily.events).toContain('sessionkey:refreshed')
    expect((await lily.session.updatePhone(await lily.oldTap())).hasPhone).toBe(true)
  })

  test('out of date before the button is shown: ensureSessionKey renews it, and the first tap works', async () => {
    const lily = await signedIn('ensured')
    await lily.session.ensureSessionKey()
    expect(lily.sent('SilentLogin')).toBe(1)
    await server.wechat('rotate-key', { user: 'ensured' })
    await Promise.all([lily.session.ensureSessionKey(), lily.session.ensureSessionKey()])
    expect([lily.sent('CheckSessionKey'), lily.sent('SilentLogin')]).toEqual([2, 2])
    expect((await lily.session.updatePhone(await lily.oldTap())).hasPhone).toBe(true)
  })

  test('is WeChat’s: a refresh of the token does not renew it, and does not pretend to', async () => {
    const lily = await signedIn('refreshed')
    await server.wechat('rotate-key', { user: 'refreshed' })
    lily.ahead = 600_000
    await lily.session.login()
    expect([lily.sent('RefreshToken'), lily.events.includes('sessionkey:refreshed')]).toEqual([1, false])
    await lily.session.ensureSessionKey()
    expect((await lily.session.updatePhone(await lily.oldTap())).hasPhone).toBe(true)
  })

  test('the old encrypted profile gives a nickname', async () => {
    const lily = await signedIn('profile')
    const body = { user: 'profile', kind: 'profile' }
    type Profile = { iv: string; encryptedData: string; rawData: string; signature: string }
    const encrypted = await server.wechat<Profile>('encrypt', body)
    expect(await lily.session.updateUser({ encrypted })).toMatchObject({ hasProfile: true })
  })
})

describe('WeChat fails', () => {
  test('after it took the code: a new code, and the person is in', async () => {
    await server.wechat('faults', { endpoint: 'jscode2session', kind: 'cut-after', user: 'cut' })
    const lily = await signedIn('cut')
    expect(lily.session.user?.id).toBeTruthy()
    expect(lily.events).toEqual(['login:success'])
  })

  test('while somebody is signed in: requests and refreshes go on, new ones fail and blow the fuse', async () => {
    const lily = await signedIn('down')
    await server.wechat('faults', { endpoint: '*', kind: 'errcode', errcode: -1, count: 0 })
    await lily.gql.query('query A { me { id } }')
    lily.ahead = 600_000
    await lily.gql.query('query B { me { id } }')
    expect([lily.sent('RefreshToken'), lily.sent('SilentLogin')]).toEqual([1, 1])

    // The fuse counts what comes within a second, which a test on a busy machine may take longer for.
    let now = Date.now()
    const max = new Phone(server, 'max').open({ now: () => now })
    phones.push(max)
    const login = () => max.session.login()
    for (let n = 0; n < 3; n++)
      await expect(login()).rejects.toMatchObject({ code: 'WECHAT_UNAVAILABLE', action: 'RETRY', retryable: true })
    // Each with a new code, repeated once with another.
    expect([max.sent('SilentLogin'), new Set(max.platform.requests('SilentLogin')).size]).toEqual([6, 6])
    await expect(login()).rejects.toMatchObject({ code: 'FUSE_OPEN' })
    expect(max.session.fuse.isOpen).toBe(true)
    await server.wechat('clear-faults')
    now += 4900
    await expect(login()).rejects.toMatchObject({ code: 'FUSE_OPEN' })
    expect(max.sent('SilentLogin')).toBe(6)
    now += 1100
    await login()
    expect(max.session.fuse.isOpen).toBe(false)
    expect(max.events.filter((name) => name === 'fuse')).toHaveLength(2)
    expect(max.sent('SilentLogin')).toBe(7)
  })

  test('for so long that the server has stopped asking it: the phone does not ask either, until it may', async () => {
    const own = await Server.start()
    let now = Date.now()
    const max = new Phone(own, 'max').open({ fuse: { maxTries: 100 }, now: () => now })
    phones.push(max)
    try {
      await own.wechat('faults', { endpoint: '*', kind: 'cut-before', count: 0 })
      let error: { code?: string; retryAfterMs?: number } = {}
      for (let n = 0; n < 10 && !error.retryAfterMs; n++) error = await max.session.login().catch((e) => e)
      expect(error).toMatchObject({ code: 'WECHAT_UNAVAILABLE', action: 'RETRY', retryAfterMs: expect.any(Number) })
      const sent = max.sent('SilentLogin')
      await expect(max.session.login({ force: true })).rejects.toMatchObject({ code: 'WECHAT_UNAVAILABLE' })
      expect(max.sent('SilentLogin')).toBe(sent)
      now += error.retryAfterMs as number
      await expect(max.session.login()).rejects.toMatchObject({ code: 'WECHAT_UNAVAILABLE' })
      expect(max.sent('SilentLogin')).toBeGreaterThan(sent)
    } finally {
      await own.stop()
    }
  })
})
