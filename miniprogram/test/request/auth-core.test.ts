import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { HttpResponse } from '../../src/platform'
import { AuthCore, type AuthPolicy, isExpired } from '../../src/request/auth-core'
import { settled } from '../support/fake-clock'
import { api, type Rig, refusal, rig } from './rig'

const url = `${api}/things`
type Sender = (header: Record<string, string>) => Promise<HttpResponse>

function cored(policy?: AuthPolicy) {
  const r = rig()
  const core = new AuthCore(r.session, policy)
  const send: Sender = (header) => r.session.platform.request({ url, header })
  return { ...r, core, run: (need = true, canReplay = true) => core.run(need, canReplay, send), send }
}

/** Logged in, with a token that the server no longer believes. */
async function expired(policy?: AuthPolicy) {
  const r = cored(policy)
  await r.session.login()
  r.server.expire()
  return r
}

const failing = (r: Rig, code: string) => {
  r.server.refuse = () => refusal(code)
}

describe('a request that needs a login', () => {
  test('waits for the login and carries its token', async () => {
    const { server, run } = cored()
    await run()
    expect(server.seen.map(({ operation }) => operation)).toEqual(['SilentLogin', undefined])
    expect(server.tokens).toEqual(['t1'])
  })

  test('costs nothing more while the token is good', async () => {
    const { server, run } = cored()
    await run()
    await run()
    expect(server).toMatchObject({ logins: 1, refreshes: 0 })
    expect(server.tokens).toEqual(['t1', 't1'])
  })

  test.each(['TOKEN_EXPIRED', 'UNAUTHENTICATED', 'SESSION_REVOKED', 'AUTH_EXPIRED', 'AUTH_INVALID'])(
    'refused with %s renews the login and is repeated',
    async (code) => {
      const r = await expired()
      failing(r, code)
      const response = await r.run()
      expect(response.data).toEqual({ data: { ok: true } })
      expect(r.server.tokens).toEqual(['t1', 't2'])
    },
  )

  test('refused by the status alone is repeated too', async () => {
    const r = await expired()
    r.server.refuse = () => ({ statusCode: 401, data: '' })
    expect((await r.run()).statusCode).toBe(200)
  })

  test('refused by a code in the body of a success is repeated too', async () => {
    const r = await expired()
    r.server.refuse = () => ({ data: { code: 'AUTH_EXPIRED', msg: 'again please' } })
    expect((await r.run()).data).toEqual({ data: { ok: true } })
  })

  test('is repeated once, and then gives up (D12)', async () => {
    const r = await expired()
    r.server.business = () => refusal('UNAUTHENTICATED', { requestId: 'q7' })
    await expect(r.run()).rejects.toMatchObject({
      code: 'AUTH_REPLAY_FAILED',
      requestId: 'q7',
      cause: { code: 'UNAUTHENTICATED' },
    })
    expect(r.server.tokens).toEqual(['t1', 't2'])
    expect(r.server.refreshes).toBe(1)
  })

  test('that met a token which somebody has renewed since is only repeated', async () => {
    const r = await expired()
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    r.server.gate = ({ token }) => (token === 't1' ? held : Promise.resolve())
    const late = r.run()
    await settled()
    await r.session.refreshLogin()
    release()
    await late
    expect(r.server.refreshes).toBe(1)
    expect(r.server.tokens).toEqual(['t1', 't2'])
  })

  test('that may not be repeated hands over the refusal, and the next one works', async () => {
    const r = await expired()
    expect((await r.run(true, false)).data).toMatchObject({ errors: [{ extensions: { code: 'TOKEN_EXPIRED' } }] })
    await r.run(true, false)
    expect(r.server.tokens).toEqual(['t1', 't2'])
  })

  test('that may not be repeated hands over the refusal even if the login cannot be renewed', async () => {
    const r = await expired()
    r.session.refreshLogin = () => Promise.reject(new Error('offline'))
    expect((await r.run(true, false)).data).toMatchObject({ errors: [{}] })
  })

  test('rejects with what the renewal rejects with', async () => {
    const r = await expired()
    r.session.refreshLogin = () => Promise.reject(new Error('offline'))
    await expect(r.run()).rejects.toThrow('offline')
    expect(r.server.tokens).toEqual(['t1'])
  })

  test('hands over every other error as the server said it', async () => {
    const r = cored()
    r.server.business = () => ({ statusCode: 500, data: { code: 'OUT_OF_STOCK' } })
    expect(await r.run()).toMatchObject({ statusCode: 500, data: { code: 'OUT_OF_STOCK' } })
    expect(r.server.tokens).toEqual(['t1'])
  })

  test('that comes back after a logout logs nobody in again (D16)', async () => {
    const r = await expired()
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    r.server.gate = ({ operation }) => (operation ? Promise.resolve() : held)
    const late = r.run()
    await settled()
    await r.session.logout()
    release()
    await expect(late).rejects.toMatchObject({ code: expect.stringMatching(/LOGGED_OUT|STALE/) })
    expect(r.session.peekToken()).toBeNull()
    expect(r.server.logins).toBe(1)
  })
})

describe('a request that needs no login', () => {
  test('is sent at once, without a token, even while a login is under way', async () => {
    const r = cored()
    r.server.gate = ({ operation }) => (operation ? new Promise(() => {}) : Promise.resolve())
    void r.session.login()
    await r.run(false)
    expect(r.server.tokens).toEqual([undefined])
  })

  test('does not mind a blown fuse', async () => {
    const r = cored()
    for (let i = 0; i < 3; i++) r.session.fuse.pass()
    expect(() => r.session.fuse.pass()).toThrow('FUSE_OPEN')
    expect((await r.run(false)).statusCode).toBe(200)
  })

  test('is not repeated when it is refused', async () => {
    const r = cored()
    r.server.business = () => ({ statusCode: 401, data: null })
    expect((await r.run(false)).statusCode).toBe(401)
    expect(r.server.seen).toHaveLength(1)
  })
})

describe('encrypted data that could not be used', () => {
  test('makes a new login with a code, and the request is not repeated', async () => {
    const r = cored()
    r.server.business = () => refusal('DECRYPT_WX_OPEN_DATA_FAIL')
    const response = await r.run()
    expect(response.data).toMatchObject({ errors: [{ extensions: { code: 'DECRYPT_WX_OPEN_DATA_FAIL' } }] })
    expect(r.server.tokens).toEqual(['t1'])
    expect(r.server).toMatchObject({ logins: 2, refreshes: 0 })
  })

  test('does not end a logout', async () => {
    const r = cored()
    r.server.business = () => refusal('DECRYPT_WX_OPEN_DATA_FAIL')
    await r.session.login()
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    r.server.gate = ({ operation }) => (operation ? Promise.resolve() : held)
    const late = r.run()
    await settled()
    await r.session.logout()
    release()
    await late
    expect(r.session.loggedOut).toBe(true)
    expect(r.server.logins).toBe(1)
  })

  test('is the error that counts when the login fails as well', async () => {
    const r = cored()
    r.server.business = () => refusal('DECRYPT_WX_OPEN_DATA_FAIL')
    await r.session.login()
    r.session.login = () => Promise.reject(new Error('offline'))
    expect((await r.run()).statusCode).toBe(200)
  })
})

describe('a policy', () => {
  test('names the header and what stands before the token', async () => {
    const r = cored({ header: 'X-Token', scheme: '' })
    await r.run()
    expect(r.server.asked[0]?.header).toEqual({ 'X-Token': 't1' })
  })

  test('knows the codes of another server', async () => {
    const policy: AuthPolicy = {
      codeOf: (response) => String((response.data as { errno?: number }).errno),
      expired: (_, code) => code === '40101',
    }
    const r = await expired(policy)
    r.server.refuse = () => ({ data: { errno: 40101 } })
    await r.run()
    expect(r.server.tokens).toEqual(['t1', 't2'])
  })

  test('adds to what is known', async () => {
    const r = await expired({ expired: (response, code) => isExpired(response, code) || code === '1001' })
    r.server.refuse = () => ({ data: { code: 1001 } })
    await r.run()
    expect(r.server.tokens).toEqual(['t1', 't2'])
  })

  test('takes a 401 for the business of the app where it is', async () => {
    const r = cored({ expired: (_, code) => code === 'TOKEN_EXPIRED' })
    r.server.business = () => ({ statusCode: 401, data: { code: 'WRONG_PIN' } })
    expect(await r.run()).toMatchObject({ statusCode: 401 })
    expect(r.server).toMatchObject({ logins: 1, refreshes: 0 })
  })
})

describe('many requests at once', () => {
  test('50 that meet an expired token make one refresh and 50 replays', async () => {
    const r = await expired()
    const responses = await Promise.all(Array.from({ length: 50 }, () => r.run()))
    expect(responses.every(({ data }) => (data as { data: { ok: boolean } }).data.ok)).toBe(true)
    expect(r.server.refreshes).toBe(1)
    expect(r.server.tokens.filter((token) => token === 't1')).toHaveLength(50)
    expect(r.server.tokens.filter((token) => token === 't2')).toHaveLength(50)
    expect(r.session.fuse.isOpen).toBe(false)
  })

  test('however their answers are interleaved with the renewal, there is one refresh and each is repeated once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.integer({ min: 1, max: 8 }), async (scheduler, n) => {
        const r = await expired()
        r.server.gate = ({ operation, token }) => scheduler.schedule(Promise.resolve(), `${operation} ${token}`)
        const all = Promise.all(Array.from({ length: n }, () => r.run()))
        await scheduler.waitFor(all)
        expect(r.server.refreshes).toBe(1)
        expect(r.server.logins).toBe(1)
        expect(r.server.tokens.filter((token) => token === 't1')).toHaveLength(n)
        expect(r.server.tokens.filter((token) => token === 't2')).toHaveLength(n)
      }),
      { numRuns: 100 },
    )
  })

  test('however expiry falls among them, none is sent three times and no expiry costs two refreshes', async () => {
    const step = fc.constantFrom('ask', 'expire', 'answer')
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.array(step, { maxLength: 20 }), async (scheduler, steps) => {
        const r = cored()
        await r.session.login()
        let sent = 0
        let expiries = 0
        r.server.gate = ({ token }) => scheduler.schedule(Promise.resolve(), `${token}`)
        const asked: Promise<unknown>[] = []
        const counts: number[] = []
        for (const what of steps) {
          if (what === 'expire') {
            expiries++
            r.server.expire()
          } else if (what === 'answer') {
            if (scheduler.count()) await scheduler.waitOne()
          } else {
            const i = asked.length
            counts[i] = 0
            const send: Sender = (header) => {
              sent++
              counts[i] = (counts[i] as number) + 1
              return r.session.platform.request({ url, header })
            }
            asked.push(r.core.run(true, true, send).catch((e) => e.code))
          }
        }
        const outcomes = await scheduler.waitFor(Promise.all(asked))
        expect(counts.every((count) => count <= 2)).toBe(true)
        expect(r.server.refreshes).toBeLessThanOrEqual(expiries)
        expect(sent).toBeLessThanOrEqual(2 * asked.length)
        for (const outcome of outcomes) {
          if (typeof outcome === 'string') expect(['AUTH_REPLAY_FAILED', 'FUSE_OPEN']).toContain(outcome)
        }
      }),
      { numRuns: 100 },
    )
  })
})
