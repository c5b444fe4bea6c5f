import { afterAll, beforeAll, expect, test } from 'vitest'
import { isMpAuthError } from '../../src/errors'
import { Phone } from './support/phone'
import { Server } from './support/server'

let server: Server
beforeAll(async () => {
  server = await Server.start()
})
afterAll(() => server.stop())

test('20 phones on a slow network that loses every seventh answer: 100 operations, each done or failed typed', async () => {
  const phones = Array.from({ length: 20 }, (_, n) => new Phone(server, `person-${n}`))
  let requests = 0
  const results: { done: number; failed: string[] } = { done: 0, failed: [] }
  const names: (readonly string[])[] = await Promise.all(
    phones.map(async (phone) => {
      phone.open()
      phone.platform.latencyMs = 20
      phone.platform.fault = () => (++requests % 7 === 0 ? 'lost' : undefined)
      const given: string[] = []
      const { session, gql } = phone
      const operations = [
        () => session.login(),
        () => session.updateUser({ nickname: 'first' }).then(() => given.push('first')),
        async () => session.updatePhone(await phone.tap()),
        () => {
          phone.ahead += 600_000
          return gql.query('query Me { me { id } }')
        },
        () => session.updateUser({ nickname: 'second' }).then(() => given.push('second')),
      ]
      for (const operation of operations) {
        try {
          await operation()
          results.done++
        } catch (error) {
          if (!isMpAuthError(error)) throw error
          results.failed.push(error.code)
        }
      }
      return given
    }),
  )
  expect(results.done + results.failed.length).toBe(100)
  // A login is repeated until it is there; what the app sent is the app's to repeat.
  expect(new Set(results.failed)).toEqual(new Set(['NETWORK']))
  expect(results.done).toBeGreaterThan(70)

  const ids = new Set<string>()
  for (const [n, phone] of phones.entries()) {
    phone.platform.fault = undefined
    phone.platform.latencyMs = 0
    const user = await phone.session.me()
    ids.add(user.id)
    // What was confirmed is there, unless something later was done without a word.
    const confirmed = names[n]?.at(-1)
    if (confirmed === 'second') expect(user.nickname).toBe('second')
    else if (confirmed) expect(['first', 'second']).toContain(user.nickname)
    // A new phone of the same person meets the same user, who has this session and that of the first phone, and no other.
    const other = new Phone(server, phone.user).open()
    expect((await other.session.login()).user.id).toBe(user.id)
    const { sessions } = await other.gql.query<{ sessions: unknown[] }>('query S { sessions { id } }')
    expect(sessions).toHaveLength(2)
    other.close()
    phone.close()
  }
  expect(ids.size).toBe(phones.length)
})
