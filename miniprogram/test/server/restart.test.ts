import { afterEach, describe, expect, test } from 'vitest'
import { isMpAuthError } from '../../src/errors'
import { Phone } from './support/phone'
import { createDatabase, postgres } from './support/postgres'
import { Server } from './support/server'

const endings: (() => unknown)[] = []
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end()
})

describe.each([
  ['SQLite', true],
  ['PostgreSQL', postgres !== undefined],
])('a server on %s that is started anew', (database, there) => {
  test.runIf(there)('keeps every login, and people see no more than a wait', async () => {
    const server = await started(database)
    const lily = new Phone(server, 'lily').open()
    const max = new Phone(server, 'max').open()
    endings.push(
      () => lily.close(),
      () => max.close(),
    )
    await lily.session.login()
    await max.session.login()
    const user = await lily.session.updateUser({ nickname: 'Lily' })
    await lily.session.updatePhone(await lily.tap())

    await server.restart('SIGTERM', async () => {
      // Meanwhile: what needs the server fails as a network does, and the login is kept.
      await expect(lily.gql.query('query A { me { id } }')).rejects.toMatchObject({ code: 'NETWORK', retryable: true })
      max.ahead = 600_000
      await expect(max.session.login()).rejects.toMatchObject({ code: 'NETWORK', retryable: true })
      expect(max.session.user?.id).toBeTruthy()
      await max.session.logout()
    })

    // With the token of before: nothing has to be renewed.
    expect(await lily.session.me()).toMatchObject({ id: user.id, nickname: 'Lily', authStep: 'THREE', missing: [] })
    expect([lily.sent('RefreshToken'), lily.sent('SilentLogin')]).toEqual([0, 1])
    // With the refresh token of before.
    lily.ahead = 600_000
    await lily.session.me()
    expect([lily.sent('RefreshToken'), lily.sent('SilentLogin')]).toEqual([1, 1])
    // With a code: the same person.
    expect((await lily.session.login({ force: true })).user.id).toBe(user.id)
    // The session_key is not the one of before the restart's login: encrypted data is good at once.
    expect((await lily.session.unbindPhone()).hasPhone).toBe(false)
    expect((await lily.session.updatePhone(await lily.oldTap())).hasPhone).toBe(true)
  })
  test.runIf(there)(
    'killed in the middle of it all: who repeats comes to their end, and nobody becomes two',
    async () => {
      const server = await started(database)
      const phones = Array.from({ length: 10 }, (_, n) => new Phone(server, `person-${n}`).open())
      endings.push(() => phones.map((phone) => phone.close()))
      const failures: string[] = []
      const insist = async (phone: Phone, run: () => Promise<unknown>) => {
        for (;;) {
          try {
            return await run()
          } catch (error) {
            if (!isMpAuthError(error) || !error.retryable) throw error
            failures.push(error.code)
            phone.ahead += error.retryAfterMs ?? 0
            await new Promise((resolve) => setTimeout(resolve, 20))
          }
        }
      }
      const ids = phones.map(async (phone) => {
        await insist(phone, () => phone.session.login())
        const { id } = phone.session.user as { id: string }
        const logins = phone.sent('SilentLogin')
        for (let n = 0; n < 20; n++) {
          if (n % 5 === 0) phone.ahead += 600_000
          await insist(phone, () => phone.session.updateUser({ nickname: `n${n}` }))
        }
        // Whoever is in needs no code again: the refresh token leads through all of it.
        expect(phone.sent('SilentLogin')).toBe(logins)
        return id
      })
      await expect.poll(() => phones.filter(({ session }) => session.user?.nickname).length).toBeGreaterThan(0)
      await server.restart('SIGKILL')
      const all = await Promise.all(ids)
      expect(failures.length).toBeGreaterThan(0)
      expect(new Set(all).size).toBe(phones.length)
      for (const [n, phone] of phones.entries()) {
        expect(await phone.session.me()).toMatchObject({ id: all[n], nickname: 'n19' })
        const { sessions } = await phone.gql.query<{ sessions: unknown[] }>('query S { sessions { id } }')
        expect(sessions).toHaveLength(1)
      }
    },
  )
})

async function started(database: string): Promise<Server> {
  // The WeChat in the box forgets everybody at a restart, and does not judge the words of strangers.
  const environment: Record<string, string> = { MPAUTH_CONTENT_CHECK: 'off' }
  if (database === 'PostgreSQL') {
    const { url, drop } = createDatabase()
    endings.push(drop)
    environment.MPAUTH_DATABASE_URL = url
  }
  const server = await Server.start(environment)
  endings.push(() => server.stop())
  return server
}
