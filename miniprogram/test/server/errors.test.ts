import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type ErrorAction, isMpAuthError, type ServerErrorCode } from '../../src/errors'
import { Phone } from './support/phone'
import { createDatabase, postgres, query } from './support/postgres'
import { Server } from './support/server'
import { expired } from './support/token'

/** A defect, and not to be had. */
type Never = 'INTERNAL'
/** To be had by whoever owns the database only. */
type Operator = 'ACCOUNT_DISABLED' | 'UNAVAILABLE'
type Provoked = Exclude<ServerErrorCode, Never | Operator>

const actions: Record<Provoked, ErrorAction> = {
  UNAUTHENTICATED: 'RELOGIN',
  TOKEN_EXPIRED: 'REFRESH',
  SESSION_REVOKED: 'RELOGIN',
  AUTH_STEP_REQUIRED: 'AUTHORIZE',
  FORBIDDEN: 'NONE',
  LOGIN_CODE_INVALID: 'RELOGIN',
  LOGIN_BLOCKED: 'NONE',
  ACCOUNT_CLOSING: 'NONE',
  CONSENT_REQUIRED: 'NONE',
  PHONE_CODE_INVALID: 'TAP_AGAIN',
  DECRYPT_WX_OPEN_DATA_FAIL: 'TAP_AGAIN',
  PHONE_TAKEN: 'NONE',
  CONTENT_RISKY: 'NONE',
  RATE_LIMITED: 'RETRY',
  WECHAT_UNAVAILABLE: 'RETRY',
  BAD_INPUT: 'NONE',
  NOT_FOUND: 'NONE',
}

const picture = fileURLToPath(new URL('../../demo/images/mug.png', import.meta.url))
const documents = fileURLToPath(new URL('../../src/generated/trusted-documents.json', import.meta.url))
const me = 'query Me { me { id } }'
let server: Server
let trusting: Server
let asking: Server
beforeAll(async () => {
  ;[server, trusting, asking] = await Promise.all([
    Server.start({ MPAUTH_RATE_LIMITS: 'on' }),
    Server.start({ MPAUTH_TRUSTED_DOCUMENTS: documents }),
    Server.start({ MPAUTH_CREATE_ON_SILENT_LOGIN: 'off' }),
  ])
})
afterAll(() => Promise.all([server, trusting, asking].map((one) => one.stop())))

const phones: Phone[] = []
function phone(user: string, on = server): Phone {
  const made = new Phone(on, user).open()
  phones.push(made)
  return made
}
async function signedIn(user: string, on = server): Promise<Phone> {
  const made = phone(user, on)
  await made.session.login()
  return made
}
afterEach(async () => {
  for (const one of phones.splice(0)) one.close()
  await server.wechat('clear-faults')
})

const provoke: Record<Provoked, () => Promise<unknown>> = {
  UNAUTHENTICATED: () => phone('nobody').gql.query(me, {}, { needLogin: false }),
  TOKEN_EXPIRED: async () => {
    const one = await signedIn('expired')
    const over = await expired(server, one.session.peekToken() as string)
    one.edit((stored) => {
      stored.snap.token = over
    })
    return one.open().gql.query(me, {}, { replay: false })
  },
  SESSION_REVOKED: async () => {
    const one = await signedIn('revoked')
    await (await signedIn('revoked')).session.logout({ scope: 'OTHERS' })
    return one.gql.query(me, {}, { replay: false })
  },
  AUTH_STEP_REQUIRED: async () => (await signedIn('step')).gql.query('query A { mustAuth { id } }'),
  FORBIDDEN: async () => (await signedIn('forbidden', trusting)).gql.query(me),
  LOGIN_CODE_INVALID: async () => {
    const one = phone('code')
    one.platform.login = async () => ({ code: 'x'.repeat(32) })
    return one.session.login()
  },
  LOGIN_BLOCKED: async () => {
    await server.wechat('settings', { blockedUsers: ['blocked'] })
    return phone('blocked').session.login()
  },
  ACCOUNT_CLOSING: async () => {
    const one = await signedIn('closing')
    const { code } = await one.platform.login()
    await one.gql.mutate('mutation Close($code: String!) { deleteAccount(input: {code: $code}) { closesAt } }', {
      code,
    })
    // The session has ended with the account: the SDK tries the refresh token, then a code.
    return one.gql.query(me)
  },
  CONSENT_REQUIRED: () => phone('consent', asking).session.login(),
  PHONE_CODE_INVALID: async () => (await signedIn('tap')).session.updatePhone({ code: '0'.repeat(64) }),
  DECRYPT_WX_OPEN_DATA_FAIL: async () => {
    const one = await signedIn('decrypt')
    await server.wechat('rotate-key', { user: 'decrypt' })
    return one.session.updatePhone(await one.oldTap())
  },
  PHONE_TAKEN: async () => {
    const [first, second] = [await signedIn('first'), await signedIn('second')]
    await first.session.updatePhone(await first.tap('13800000001'))
    return second.session.updatePhone(await second.tap('13800000001'))
  },
  CONTENT_RISKY: async () => (await signedIn('risky')).session.updateUser({ nickname: 'risky' }),
  RATE_LIMITED: async () => {
    const one = await signedIn('often')
    for (let n = 0; n < 100; n++) await one.session.updateUser({ nickname: `Lily ${n}` })
  },
  WECHAT_UNAVAILABLE: async () => {
    await server.wechat('faults', { endpoint: 'jscode2session', kind: 'errcode', errcode: -1, count: 0, user: 'down' })
    return phone('down').session.login()
  },
  BAD_INPUT: async () => (await signedIn('long')).session.updateUser({ nickname: 'x'.repeat(33) }),
  NOT_FOUND: async () => {
    const avatarKey = await (await signedIn('owner')).session.uploadAvatar(picture)
    return (await signedIn('thief')).session.updateUser({ avatarKey })
  },
}

describe('what the server refuses arrives typed', () => {
  test.each(Object.entries(provoke))('%s', async (code, run) => {
    const error = await run().then(
      () => null,
      (e) => e,
    )
    expect(isMpAuthError(error)).toBe(true)
    expect(error).toMatchObject({ code, action: actions[code as Provoked], requestId: expect.any(String) })
    expect(error.retryable).toBe(error.action === 'RETRY')
    if (code === 'RATE_LIMITED') expect(error.retryAfterMs).toBeGreaterThan(0)
  })
})

describe.runIf(postgres)('what the operator does', () => {
  let own: Server
  let database: ReturnType<typeof createDatabase>
  beforeAll(async () => {
    database = createDatabase()
    own = await Server.start({ MPAUTH_DATABASE_URL: database.url }, 'ignore')
  })
  afterAll(async () => {
    await own.stop()
    database.drop()
  })

  test('ACCOUNT_DISABLED ends the login on the phone, and the phone does not ask again', async () => {
    const one = await signedIn('disabled', own)
    query(database.url, `UPDATE users SET status = 'disabled'`)
    one.ahead = 600_000
    await expect(one.session.login()).rejects.toMatchObject({ code: 'ACCOUNT_DISABLED', action: 'NONE' })
    expect(one.session.user).toBe(null)
    const sent = one.platform.requests().length
    await expect(one.session.login()).rejects.toMatchObject({ code: 'ACCOUNT_DISABLED' })
    expect(one.platform.requests()).toHaveLength(sent)
    query(database.url, `UPDATE users SET status = 'active'`)
    await one.session.login({ force: true })
  })

  test('UNAVAILABLE while there is no database, and everything goes on when there is', async () => {
    const one = await signedIn('database', own)
    const allow = (yes: boolean) =>
      query(postgres as string, `ALTER DATABASE ${database.name} ALLOW_CONNECTIONS ${yes}`)
    allow(false)
    query(
      postgres as string,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database.name}'`,
    )
    const refused = one.session.updateUser({ nickname: 'Lily' })
    await expect(refused).rejects.toMatchObject({ code: 'UNAVAILABLE', action: 'RETRY', retryable: true })
    expect(one.session.user?.id).toBeTruthy()
    allow(true)
    const updated = () => one.session.updateUser({ nickname: 'Lily' }).catch(() => null)
    await expect.poll(updated).toMatchObject({ nickname: 'Lily' })
  })
})
