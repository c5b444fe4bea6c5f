import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { isMpAuthError } from '../../src/errors'
import { eventually } from './support/eventually'
import { Phone } from './support/phone'
import { Server } from './support/server'
import { expired } from './support/token'

const me = 'query Me { me { id authStep } }'

let server: Server
beforeAll(async () => {
  server = await Server.start()
})
afterAll(() => server.stop())

const phones: Phone[] = []
function phone(user: string): Phone {
  const made = new Phone(server, user)
  phones.push(made)
  return made
}
afterEach(() => {
  for (const one of phones.splice(0)) one.close()
})

describe('an app that starts', () => {
  test('cold: one code and one request, with 20 calls at once', async () => {
    const { session, platform, gql } = phone('cold').open()
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => gql.query<{ me: { id: string } }>(`query Me${n} { me { id } }`)),
    )
    expect(new Set(answers.map((answer) => answer.me.id))).toEqual(new Set([session.user?.id]))
    expect(platform.calls.filter(({ api }) => api === 'login')).toHaveLength(1)
    expect(platform.requests('SilentLogin')).toHaveLength(1)
    expect(platform.requests()).toHaveLength(21)
  })

  test('warm: nothing is asked of anybody, and the token is good', async () => {
    const lily = phone('warm').open()
    const { token } = await lily.session.login()
    lily.open()
    expect(lily.session.status.login.isSuccess()).toBe(true)
    expect((await lily.session.login()).token).toBe(token)
    expect(lily.platform.calls).toEqual([])
    await lily.gql.query(me)
    expect(lily.platform.requests()).toHaveLength(1)
  })

  test('months later the refresh token has ended, and a code brings the same person back', async () => {
    const lily = phone('late').open()
    await lily.session.login()
    const id = lily.session.user?.id
    // The server has ended all of them: nothing of what is stored is good.
    await lily.session.logout({ scope: 'OTHERS' })
    const other = phone('late').open()
    await other.session.login()
    await other.session.logout({ scope: 'OTHERS' })
    lily.ahead = 3600_000
    lily.open()
    await lily.gql.query(me)
    expect([lily.sent('RefreshToken'), lily.sent('SilentLogin')]).toEqual([1, 1])
    expect(lily.session.user?.id).toBe(id)
  })
})

describe('a token that ends', () => {
  const names = Array.from({ length: 50 }, (_, n) => n)

  test('50 requests at once, the token over by the phone’s clock: one refresh, 50 answers', async () => {
    const lily = phone('storm').open()
    await lily.session.login()
    lily.ahead = 600_000
    const answers = await Promise.all(names.map((n) => lily.gql.query(`query Me${n} { me { id } }`)))
    expect(answers).toHaveLength(50)
    expect([lily.sent('RefreshToken'), lily.sent('SilentLogin')]).toEqual([1, 1])
    expect(lily.platform.requests()).toHaveLength(52)
  })

  test('50 requests that meet the server’s refusal: one refresh, 50 repetitions, 50 answers', async () => {
    const lily = phone('refused').open()
    const { token } = await lily.session.login()
    const over = await expired(server, token)
    expect(await refusal(over)).toBe('TOKEN_EXPIRED')
    lily.edit((stored) => {
      stored.snap.token = over
    })
    lily.open()
    const answers = await Promise.all(names.map((n) => lily.gql.query(`query Me${n} { me { id } }`)))
    expect(answers).toHaveLength(50)
    expect([lily.sent('RefreshToken'), lily.sent('SilentLogin')]).toEqual([1, 0])
    expect(lily.platform.requests()).toHaveLength(101)
    expect(lily.session.fuse.isOpen).toBe(false)
    expect(await sessions(lily)).toBe(1)
  })

  test('one that is refused after the others have renewed it: repeated with what they have, and no second refresh', async () => {
    const lily = phone('straggler').open()
    const { token } = await lily.session.login()
    const over = await expired(server, token)
    lily.edit((stored) => {
      stored.snap.token = over
    })
    lily.open()
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    lily.gate = (body) => (String(body).includes('Straggler') ? held : undefined)
    const straggler = lily.gql.query('query Straggler { me { id } }')
    await lily.gql.query(me)
    expect(lily.sent('RefreshToken')).toBe(1)
    release()
    await straggler
    expect([lily.sent('Straggler'), lily.sent('RefreshToken'), lily.sent('SilentLogin')]).toEqual([2, 1, 0])
  })

  test('a session that another device has ended: one new login, 50 answers', async () => {
    const lily = phone('revoked').open()
    const lost = phone('revoked').open()
    await Promise.all([lily.session.login(), lost.session.login()])
    await lily.session.logout({ scope: 'OTHERS' })
    const answers = await Promise.all(names.map((n) => lost.gql.query(`query Me${n} { me { id } }`)))
    expect(answers).toHaveLength(50)
    expect([lost.sent('RefreshToken'), lost.sent('SilentLogin')]).toEqual([1, 2])
    expect(await sessions(lily)).toBe(2)
  })

  test('revokeSession of a lost phone ends it there, and only there', async () => {
    const lily = phone('lost').open()
    const lost = phone('lost').open()
    await lily.session.login()
    await lost.session.login()
    type Sessions = { sessions: { id: string; current: boolean }[] }
    const { sessions: all } = await lily.gql.query<Sessions>('query Sessions { sessions { id current } }')
    const other = all.find(({ current }) => !current)
    const revoke = 'mutation Revoke($id: ID!) { revokeSession(id: $id) { ok } }'
    await lily.gql.mutate<unknown, { id: string }>(revoke, { id: other?.id as string })
    const error = await lost.gql.query(me, {}, { replay: false }).catch((e) => e)
    expect(isMpAuthError(error, 'SESSION_REVOKED')).toBe(true)
    await lily.gql.query(me)
    expect(lily.sent('RefreshToken')).toBe(0)
  })
})

describe('a login whose answer is lost', () => {
  test('the same code and nonce get the same session', async () => {
    const lily = phone('nonce').open()
    let first = true
    lily.platform.fault = () => {
      const lost = first
      first = false
      return lost ? 'lost' : undefined
    }
    await lily.session.login()
    expect(lily.platform.calls.filter(({ api }) => api === 'login')).toHaveLength(1)
    const [one, two] = lily.platform.requests('SilentLogin')
    expect(one?.data).toEqual(two?.data)
    expect(await sessions(lily)).toBe(1)
  })

  test('a refresh is repeated, and the login goes on', async () => {
    const lily = phone('refresh').open()
    await lily.session.login()
    lily.ahead = 600_000
    lily.platform.fault = ({ url: _, ...request }) => {
      const { operationName } = (request as { data: { operationName: string } }).data
      return operationName === 'RefreshToken' && lily.sent('RefreshToken') === 1 ? 'lost' : undefined
    }
    await lily.gql.query(me)
    expect([lily.sent('RefreshToken'), lily.sent('SilentLogin')]).toEqual([2, 1])
    expect(await sessions(lily)).toBe(1)
  })
})

describe('a logout', () => {
  test('is told to the server, which refuses the token from then on', async () => {
    const lily = phone('logout').open()
    const { token } = await lily.session.login()
    await lily.session.logout()
    await expect(lily.gql.query(me)).rejects.toMatchObject({ code: 'LOGGED_OUT' })
    await eventually(async () => expect(await refusal(token)).toBe('SESSION_REVOKED'))
    await lily.session.login({ force: true })
    await lily.gql.query(me)
    expect(await sessions(lily)).toBe(1)
  })

  test('that overtakes a login wins, on the phone and on the server', async () => {
    const lily = phone('race').open()
    const { id } = (await lily.session.login()).user
    lily.platform.latencyMs = 50
    const login = lily.session.login({ force: true })
    login.catch(() => {})
    await eventually(() => expect(lily.sent('SilentLogin')).toBe(2))
    await lily.session.logout()
    await expect(login).rejects.toMatchObject({ code: 'STALE' })
    expect([lily.session.peekToken(), lily.session.loggedOut]).toEqual([null, true])
    // Both sessions have been ended: that of before, and the one that nobody wanted any more.
    await eventually(() => expect(lily.sent('Logout')).toBe(2))
    const other = phone('race').open()
    expect((await other.session.login()).user.id).toBe(id)
    await eventually(async () => expect(await sessions(other)).toBe(1))
  })

  test('without a network happens at once, and is told when the app has one again', async () => {
    const lily = phone('offline').open()
    const { token } = await lily.session.login()
    lily.platform.offline = true
    await lily.session.logout()
    expect(await refusal(token)).toBe(undefined)
    lily.platform.offline = false
    await eventually(async () => expect(await refusal(token)).toBe('SESSION_REVOKED'))
  })
})

/** How many sessions the person has. */
async function sessions({ gql }: Phone): Promise<number> {
  return (await gql.query<{ sessions: unknown[] }>('query Count { sessions { id } }')).sessions.length
}

/** The code with which the server refuses a token; undefined when it takes it. */
async function refusal(token: string): Promise<string | undefined> {
  const response = await fetch(server.graphql, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: '{"query":"{me{id}}"}',
  })
  const { errors } = (await response.json()) as { errors?: { extensions: { code: string } }[] }
  return errors?.[0]?.extensions.code
}
