import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Account, createAccount } from '../../src/account/account'
import { createGraphQL } from '../../src/request/graphql'
import type { Session } from '../../src/session/types'
import { url, World } from '../support/world'

let world: World
let session: Session
let account: Account
beforeEach(() => {
  world = new World()
  session = world.open()
  account = createAccount(session, createGraphQL(session, { url }))
})
afterEach(() => world.close())

const answerOf = (data: object) => ({ status: 200, data: { data } })
const operations = () => world.server.seen.map(({ operation }) => operation)

describe('closing the account', () => {
  const closesAt = '2026-02-01T00:00:00Z'

  test('proves by a code of its own who it is, and ends the login here for good, of which nobody is told again', async () => {
    await session.login()
    world.server.fail('DeleteAccount', answerOf({ deleteAccount: { closesAt } }))
    expect(await account.deleteAccount()).toEqual({ closesAt })
    await world.clock.advance(0)

    expect(operations()).toEqual(['SilentLogin', 'DeleteAccount'])
    expect(world.server.seen[1]).toMatchObject({
      token: 'access-1-2',
      variables: { input: { code: expect.stringMatching(/^code-/) } },
    })
    expect(world.traffic.login).toBe(2)
    expect([session.loggedOut, session.user, session.peekToken()]).toEqual([true, null, null])
    await expect(world.open().getToken()).rejects.toMatchObject({ code: 'LOGGED_OUT' })
    expect(operations()).toHaveLength(2)
  })

  test('that the server refuses changes nothing', async () => {
    await session.login()
    world.server.fail('DeleteAccount', { code: 'LOGIN_CODE_INVALID' })
    await expect(account.deleteAccount()).rejects.toMatchObject({ code: 'LOGIN_CODE_INVALID' })
    expect([session.loggedOut, session.peekToken()]).toEqual([false, 'access-1-2'])
  })

  test('asks no code of a platform before somebody is logged in', async () => {
    await session.login()
    await session.logout()
    await expect(account.deleteAccount()).rejects.toMatchObject({ code: 'LOGGED_OUT' })
    expect(world.traffic.login).toBe(1)
  })

  test('is taken back by a login that says so', async () => {
    await session.login()
    session.clearSession('account closed', true)
    await account.restoreAccount()
    expect(operations()).toEqual(['SilentLogin', 'RestoreAccount'])
    expect(session.loggedOut).toBe(false)
  })
})
