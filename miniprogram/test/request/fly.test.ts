import type { Fly, FlyRequestConfig } from 'flyio'
import engineWrapper from 'flyio/dist/npm/engine-wrapper'
import FlyClass from 'flyio/dist/npm/fly'
import { describe, expect, test } from 'vitest'
import { createGuards } from '../../src/auth/guards'
import type { HttpRequest } from '../../src/platform'
import type { AuthPolicy } from '../../src/request/auth-core'
import { installFly } from '../../src/request/fly'
import { api, type Rig, refusal, rig } from './rig'

/** What fly gives its adapter, and what it takes back. */
interface AdapterRequest extends FlyRequestConfig {
  headers: Record<string, string>
}
interface AdapterResponse {
  statusCode: number
  responseText?: unknown
  headers?: Record<string, string>
  statusMessage?: string
}

/** The real fly.js, whose engine reaches the fake server. */
function flying(policy?: AuthPolicy) {
  const r = rig()
  const fly = new FlyClass(engineWrapper(adapterTo(r))) as Fly
  fly.config.baseURL = api
  const before = { ...fly.interceptors.request }
  return { ...r, fly, before, uninstall: installFly(fly, r.session, policy) }
}

function adapterTo({ server }: Rig) {
  return async ({ url = '', method, headers, body }: AdapterRequest, done: (response: AdapterResponse) => void) => {
    try {
      const request = { url, method, header: headers, data: body } as HttpRequest
      const { statusCode, data } = await server.platform.request(request)
      const json = { 'Content-Type': 'application/json' }
      done({ statusCode, responseText: JSON.stringify(data), headers: json, statusMessage: 'said' })
    } catch {
      done({ statusCode: 0, statusMessage: 'offline' })
    }
  }
}

async function expired(policy?: AuthPolicy) {
  const r = flying(policy)
  await r.session.login()
  r.server.expire()
  return r
}

describe('fly.js with a login', () => {
  test('waits for it and carries its token', async () => {
    const { server, fly } = flying()
    server.business = () => ({ data: { id: 1 } })
    expect((await fly.post('/things', { a: 1 })).data).toEqual({ id: 1 })
    expect(server.asked).toMatchObject([{ url: `${api}/things`, method: 'POST', token: 't1', data: '{"a":1}' }])
  })

  test('sends what needs none at once', async () => {
    const { server, fly } = flying()
    await fly.get('/news', null, { needLogin: false } as FlyRequestConfig)
    expect(server.seen).toMatchObject([{ token: undefined }])
  })

  test('keeps the token from other origins', async () => {
    const { server, fly } = flying()
    await fly.get('https://cdn.example.com/a')
    expect(server.seen).toMatchObject([{ token: undefined }])
  })

  test.each([
    ['a status that is not 2xx', () => ({ statusCode: 401, data: { code: 'X' } })],
    ['a code in a 2xx', () => ({ data: { code: 'AUTH_EXPIRED' } })],
    ['an error of GraphQL', () => refusal('TOKEN_EXPIRED')],
  ])('renews it after %s, and sends the very same request again', async (_, refuse) => {
    const { server, fly } = await expired()
    server.refuse = refuse
    const response = await fly.post('/things?x=1', { a: 1 }, { headers: { 'X-A': '1' } })
    expect(response.data).toEqual({ data: { ok: true } })
    expect(server.tokens).toEqual(['t1', 't2'])
    const [first, second] = server.asked.map(({ token: _, header: { Authorization: __, ...header }, ...seen }) => ({
      ...seen,
      header,
    }))
    expect(second).toEqual(first)
    expect(first).toMatchObject({ url: `${api}/things?x=1`, data: '{"a":1}', header: { 'X-A': '1' } })
  })

  test('makes one refresh for three that expire together', async () => {
    const { server, fly } = await expired()
    await Promise.all([fly.get('/a'), fly.get('/b'), fly.get('/c')])
    expect(server.refreshes).toBe(1)
    expect(server.asked.map(({ url, token }) => `${url.slice(api.length)} ${token}`).sort()).toEqual([
      '/a t1',
      '/a t2',
      '/b t1',
      '/b t2',
      '/c t1',
      '/c t2',
    ])
  })

  test('gives up when the new token is refused as well (D12)', async () => {
    const { server, fly } = await expired()
    server.business = () => ({ statusCode: 401, data: null })
    await expect(fly.get('/a')).rejects.toMatchObject({ code: 'AUTH_REPLAY_FAILED' })
    expect(server.tokens).toEqual(['t1', 't2'])
  })

  test('hands over the refusal of what is not to be sent again', async () => {
    const { server, fly } = await expired()
    server.refuse = () => ({ statusCode: 401, data: { code: 'X' } })
    await expect(fly.post('/pay', {}, { replay: false } as FlyRequestConfig)).rejects.toMatchObject({ status: 401 })
    expect(server.tokens).toEqual(['t1'])
    expect(server.refreshes).toBe(1)
  })

  test('rejects with what the login rejects with', async () => {
    const { session, server, fly } = flying()
    await session.login()
    await session.logout()
    await expect(fly.get('/a')).rejects.toMatchObject({ code: 'LOGGED_OUT' })
    expect(server.asked.filter(({ url }) => url === `${api}/a`)).toEqual([])
  })

  test('leaves the errors of the app and of the network as fly has them', async () => {
    const { server, session, fly } = flying()
    server.business = () => ({ statusCode: 422, data: { code: 'SOLD_OUT' } })
    await expect(fly.get('/a')).rejects.toMatchObject({ status: 422, response: { data: { code: 'SOLD_OUT' } } })
    server.platform.request = () => Promise.reject(new Error())
    await session.login()
    await expect(fly.get('/a')).rejects.toMatchObject({ status: 0, message: 'offline' })
  })

  test('renews the key after DECRYPT_WX_OPEN_DATA_FAIL, and does not send the data again', async () => {
    const { server, fly } = flying()
    server.business = () => ({ statusCode: 400, data: { code: 'DECRYPT_WX_OPEN_DATA_FAIL' } })
    await expect(fly.post('/phone', {})).rejects.toMatchObject({
      code: 'DECRYPT_WX_OPEN_DATA_FAIL',
      action: 'TAP_AGAIN',
    })
    expect(server.logins).toBe(2)
    expect(server.tokens).toEqual(['t1'])
  })

  test('leaves it to the guards to ask the person for a step', async () => {
    const { server, session, fly } = flying()
    let asked = 0
    session.mustAuth = async () => {
      asked++
      return 3
    }
    const need = () => ({ statusCode: 403, data: { code: 'AUTH_STEP_REQUIRED', need: ['PHONE'] } })
    server.business = (seen) =>
      asked < 2 && !seen.operation ? need() : { data: { ok: 1, data: { me: session.user } } }
    const buy = createGuards(session).withAuth(async () => (await fly.post('/buy', {})).data)
    await expect(fly.post('/buy', {})).rejects.toMatchObject({ code: 'AUTH_STEP_REQUIRED', need: ['PHONE'] })
    expect(await buy()).toMatchObject({ ok: 1 })
  })
})

describe('interceptors of the app', () => {
  test('go on to work, and see a token only when it is theirs to see', async () => {
    const r = rig()
    const fly = new FlyClass(engineWrapper(adapterTo(r))) as Fly
    fly.config.baseURL = api
    const seen: unknown[] = []
    fly.interceptors.request.use((options) => {
      seen.push(['request', { ...options.headers }.Authorization])
      options.headers['X-Signature'] = String(seen.length)
    })
    fly.interceptors.response.use(
      (response) => {
        seen.push(['response', response.data])
        return response.data
      },
      (error) => {
        seen.push(['error', error])
      },
    )
    installFly(fly, r.session)
    await r.session.login()
    r.server.expire()
    expect(await fly.get('/a')).toEqual({ data: { ok: true } })
    // Once each, although the request was sent twice.
    expect(seen).toEqual([
      ['request', undefined],
      ['response', { data: { ok: true } }],
    ])
    expect(r.server.asked.map(({ header }) => header['X-Signature'])).toEqual(['1', '1'])
  })

  test('that are set later do not take the login away', async () => {
    const { server, fly } = await expired()
    fly.interceptors.request.use((options) => Promise.resolve(options))
    fly.interceptors.response.use(
      (response) => Promise.resolve(response.data),
      (error) => Promise.resolve({ mended: (error as unknown as { status: number }).status }),
    )
    expect(await fly.get('/a')).toEqual({ data: { ok: true } })
    expect(server.tokens).toEqual(['t1', 't2'])
    server.business = () => ({ statusCode: 500, data: null })
    expect(await fly.get('/a')).toEqual({ mended: 500 })
  })

  test.each([
    ['nothing', undefined, { status: 500 }],
    ['a value, which is the new error', 'mine', 'mine'],
  ])('for errors may return %s', async (_, returned, rejected) => {
    const { server, fly } = flying()
    server.business = () => ({ statusCode: 500, data: null })
    fly.interceptors.response.use(undefined, () => returned)
    const error = await fly.get('/a').catch((e: unknown) => e)
    if (typeof rejected === 'string') expect(error).toBe(rejected)
    else expect(error).toMatchObject(rejected)
  })

  test('may answer null, also what was sent again', async () => {
    const { fly } = await expired()
    let handled = 0
    fly.interceptors.response.use(() => {
      handled++
      return null
    })
    expect(await fly.get('/a')).toBeNull()
    expect(handled).toBe(1)
  })

  test('may answer in place of the server, without a login', async () => {
    const { server, fly } = flying()
    fly.interceptors.request.use(() => Promise.resolve('from a cache'))
    expect(await fly.get('/a')).toBe('from a cache')
    expect(server.seen).toEqual([])
  })

  test('may lock fly meanwhile', async () => {
    const { server, fly } = await expired()
    const locked = new Promise<void>((resolve) => {
      server.gate = async ({ token }) => {
        if (token !== 't1') return
        fly.lock()
        resolve()
      }
    })
    const asked = fly.get('/a')
    await locked
    await new Promise<void>((resolve) => setImmediate(resolve))
    expect(server.tokens).toEqual(['t1'])
    fly.unlock()
    expect((await asked).data).toEqual({ data: { ok: true } })
  })
})

describe('uninstalled', () => {
  test('fly is as it was, and keeps what the app has set meanwhile', async () => {
    const { server, fly, before, uninstall } = flying()
    const mine = () => {}
    fly.interceptors.request.use(mine)
    uninstall()
    expect(fly.interceptors.request).toEqual({ ...before, handler: mine })
    await fly.get('/a')
    expect(server.seen).toMatchObject([{ token: undefined }])
  })

  test('in the middle of a request, the answer is the app’s', async () => {
    const { server, fly, uninstall } = await expired()
    server.gate = async () => uninstall()
    server.refuse = () => ({ statusCode: 401, data: null })
    await expect(fly.get('/a')).rejects.toMatchObject({ status: 401 })
    expect(server.tokens).toEqual(['t1'])
  })
})
