import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from './support/eventually'
import { Phone } from './support/phone'
import { Server } from './support/server'
import { expired } from './support/token'

const me = 'query Me { me { id } }'

let server: Server
beforeAll(async () => {
  server = await Server.start()
})
afterAll(() => server.stop())

const phones: Phone[] = []
function phone(user: string): Phone {
  const made = new Phone(server, user).open()
  phones.push(made)
  return made
}
afterEach(() => {
  for (const one of phones.splice(0)) one.close()
})

async function sessions({ gql }: Phone): Promise<number> {
  return (await gql.query<{ sessions: unknown[] }>('query Count { sessions { id } }')).sessions.length
}

describe('what a phone goes through', () => {
  test('started without a network: it logs in by itself when there is one', async () => {
    const lily = phone('offline')
    lily.platform.offline = true
    await expect(lily.session.login()).rejects.toMatchObject({ code: 'WX_LOGIN_FAILED', retryable: true })
    expect(lily.sent('SilentLogin')).toBe(0)
    lily.platform.offline = false
    await lily.session.status.login.must()
    expect(await sessions(lily)).toBe(1)
    expect(lily.sent('SilentLogin')).toBe(1)
  })

  test('put away in the middle of each login: the fuse keeps out of it, and it goes on when shown', async () => {
    const lily = phone('background')
    let held = 0
    lily.gate = () => {
      held++
      return new Promise(() => {})
    }
    for (let n = 1; n <= 5; n++) {
      const interrupted = expect(lily.session.login()).rejects.toMatchObject({ data: { interrupted: true } })
      await eventually(() => expect(held).toBe(n))
      lily.platform.background = true
      await interrupted
      if (n === 5) lily.gate = undefined
      lily.platform.background = false
    }
    expect(lily.session.fuse.isOpen).toBe(false)
    await lily.session.login()
    expect(await sessions(lily)).toBe(1)
  })

  test('its clock set back by a day, and forth again: one refresh for each, no new login', async () => {
    const lily = phone('clock')
    await lily.session.login()
    lily.ahead = -86_400_000
    for (let n = 0; n < 3; n++) await lily.gql.query(me)
    expect([lily.sent('RefreshToken'), lily.sent('SilentLogin')]).toEqual([1, 1])
    lily.ahead = 0
    for (let n = 0; n < 3; n++) await lily.gql.query(me)
    expect([lily.sent('RefreshToken'), lily.sent('SilentLogin')]).toEqual([2, 1])
  })

  test('what is stored is damaged: the same person, by a code', async () => {
    const lily = phone('damaged')
    const { id } = (await lily.session.login()).user
    lily.close()
    for (const key of Object.keys(lily.stored)) lily.stored[key] = '{"v":1,"snap":{"token":7}}'
    lily.open()
    expect((await lily.session.login()).user.id).toBe(id)
  })

  test('a tap whose token is over: the phone code is good for the repetition', async () => {
    const lily = phone('tap')
    await lily.session.login()
    const over = await expired(server, lily.session.peekToken() as string)
    lily.edit((stored) => {
      stored.snap.token = over
    })
    lily.open()
    expect(await lily.session.updatePhone(await lily.tap())).toMatchObject({ hasPhone: true })
    expect([lily.sent('UpdatePhone'), lily.sent('RefreshToken')]).toEqual([2, 1])
  })

  test('its oldest of too many logins is ended, and comes back by itself', async () => {
    const first = phone('many')
    const { id } = (await first.session.login()).user
    for (let n = 0; n < 10; n++) await phone('many').session.login()
    await first.gql.query(me)
    expect(first.session.user?.id).toBe(id)
    expect([first.sent('SilentLogin'), await sessions(first)]).toEqual([2, 10])
  })
})

describe('a logout', () => {
  test('of all: every phone asks for a new login', async () => {
    const lily = phone('all')
    const other = phone('all')
    await lily.session.login()
    await other.session.login()
    await lily.session.logout({ scope: 'ALL' })
    await eventually(async () => {
      const refused = other.gql.query(me, {}, { replay: false, dedupe: false, needLogin: true })
      await expect(refused).rejects.toMatchObject({ code: 'SESSION_REVOKED' })
    })
  })

  test.each([
    ['the word about it', 1],
    ['the word about it, and that after the login', 2],
  ])('of all, then a login, and lost is %s: the others are out too', async (_, lost) => {
    const lily = phone(`late ${lost}`)
    const other = phone(`late ${lost}`)
    await lily.session.login()
    await other.session.login()
    lily.platform.fault = (request) =>
      JSON.stringify(request).includes('"Logout"') && lily.sent('Logout') <= lost ? 'unreachable' : undefined
    await lily.session.logout({ scope: 'ALL' })
    await lily.session.login({ force: true })
    await eventually(() => expect(lily.sent('Logout')).toBe(2))
    lily.platform.offline = true
    lily.platform.offline = false
    await eventually(async () => expect(await sessions(lily)).toBe(1))
  })

  test('told to a server that does not answer is told again when the network comes back meanwhile', async () => {
    const lily = phone('meanwhile')
    await lily.session.login()
    lily.platform.offline = true
    await lily.session.logout()
    // At once: the first try has not failed yet.
    lily.platform.offline = false
    await eventually(() => expect(lily.sent('Logout')).toBe(2))
  })

  test('over a restart of the app: it is still out, and the server hears of it', async () => {
    const lily = phone('restart')
    await lily.session.login()
    lily.platform.offline = true
    await lily.session.logout()
    lily.open()
    expect(lily.session.loggedOut).toBe(true)
    await expect(lily.gql.query(me)).rejects.toMatchObject({ code: 'LOGGED_OUT' })
    await eventually(() => expect(lily.sent('Logout')).toBe(1))
    const other = phone('restart')
    await other.session.login()
    await eventually(async () => expect(await sessions(other)).toBe(1))
  })
})
