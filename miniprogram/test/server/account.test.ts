import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Account, createAccount } from '../../src/account/account'
import { Phone } from './support/phone'
import { Server } from './support/server'

let server: Server
let asking: Server
beforeAll(async () => {
  ;[server, asking] = await Promise.all([Server.start(), Server.start({ MPAUTH_CREATE_ON_SILENT_LOGIN: 'off' })])
})
afterAll(() => Promise.all([server.stop(), asking.stop()]))

const phones: Phone[] = []
function phone(user: string, at = server): Phone & { account: Account } {
  const made = new Phone(at, user).open()
  phones.push(made)
  return Object.assign(made, { account: createAccount(made.session, made.gql) })
}
afterEach(() => {
  for (const one of phones.splice(0)) one.close()
})

describe('closing an account', () => {
  test('ends the login for good, says until when it can be taken back, and takes it back', async () => {
    const lily = phone('closing')
    const before = await lily.session.login()
    const tablet = phone('closing')
    await tablet.session.login()
    const { closesAt } = await lily.account.deleteAccount()
    expect(Date.parse(closesAt)).toBeGreaterThan(Date.now() + 6 * 24 * 3600_000)
    expect(lily.session.loggedOut).toBe(true)
    await expect(lily.session.me()).rejects.toMatchObject({ code: 'LOGGED_OUT' })
    await expect(tablet.session.me()).rejects.toMatchObject({ code: 'ACCOUNT_CLOSING' })

    const refused = lily.session.login({ force: true })
    await expect(refused).rejects.toMatchObject({ code: 'ACCOUNT_CLOSING', action: 'NONE', data: { closesAt } })
    const back = await lily.account.restoreAccount()
    expect(back.user.id).toBe(before.user.id)
    expect(lily.session.loggedOut).toBe(false)
    await lily.session.me()
  })

  test('asks for a code of the very person', async () => {
    const lily = phone('proof')
    await lily.session.login()
    lily.platform.login = async () => server.wechat<{ code: string }>('login-code', { user: 'somebody else' })
    await expect(lily.account.deleteAccount()).rejects.toMatchObject({ code: 'LOGIN_CODE_INVALID' })
    await expect(lily.account.exportMyData()).rejects.toMatchObject({ code: 'LOGIN_CODE_INVALID' })
    expect(lily.session.loggedOut).toBe(false)
  })
})

test('what the server holds comes as a document', async () => {
  const lily = phone('export')
  await lily.session.login()
  await lily.session.updatePhone(await lily.tap('13800138000'))
  const { json } = await lily.account.exportMyData()
  expect(JSON.parse(json)).toMatchObject({
    user: { id: lily.session.user?.id, phoneNumber: '+8613800138000' },
    sessions: [{ appId: expect.any(String) }],
  })
})

describe('consent', () => {
  test('is a ledger that only grows', async () => {
    const lily = phone('ledger')
    await lily.session.login()
    await lily.account.recordConsent({ purpose: 'newsletter', version: '3', granted: true })
    const ledger = await lily.account.recordConsent({ purpose: 'newsletter', version: '3', granted: false })
    expect(ledger.map(({ granted }) => granted)).toEqual([false, true])
    expect(await lily.account.consents()).toEqual(ledger)
  })

  test('comes before the account where the server wants it so', async () => {
    const lily = phone('first consent', asking)
    await expect(lily.session.login()).rejects.toMatchObject({ code: 'CONSENT_REQUIRED' })
    await expect(lily.session.login()).rejects.toMatchObject({ code: 'CONSENT_REQUIRED' })
    expect(lily.sent('SilentLogin'), 'it is not asked again by itself').toBe(1)
    await lily.session.login({ force: true, consent: { purpose: 'terms', version: '2', granted: true } })
    expect(await lily.account.consents()).toMatchObject([{ purpose: 'terms', version: '2', granted: true }])
  })
})
