import { describe, expect, test } from 'vitest'
import type { RequestConfig, RequestOptions } from '../../src/request/request'
import { createRequest } from '../../src/request/request'
import { api, refusal, rig, user } from './rig'

function requesting(config: RequestConfig = { baseURL: api }) {
  const r = rig()
  return { ...r, request: createRequest(r.session, config) }
}

describe('createRequest', () => {
  test('puts the address behind baseURL, and its headers before those of the request', async () => {
    const { server, request } = requesting({ baseURL: `${api}/v1/`, header: { 'X-App': 'shop', 'x-lang': 'zh' } })
    server.business = () => ({ statusCode: 201, data: { id: 7 } })
    const response = await request<{ id: number }>({
      url: '/things',
      method: 'POST',
      data: { a: 1 },
      header: { 'X-Lang': 'en' },
    })
    expect(response).toMatchObject({ statusCode: 201, data: { id: 7 } })
    expect(server.asked).toMatchObject([{ url: `${api}/v1/things`, method: 'POST', data: { a: 1 }, token: 't1' }])
    expect(server.asked[0]?.header).toEqual({ 'x-app': 'shop', 'x-lang': 'en', authorization: 'Bearer t1' })
  })

  test('tells the platform nothing of its own options, and the time limit only where there is one', async () => {
    const { server, session } = requesting()
    const requests: object[] = []
    const { request } = server.platform
    server.platform.request = ((options: RequestOptions) => {
      requests.push(options)
      return request(options)
    }) as typeof request
    await session.login()
    requests.length = 0
    const options = { url: 'a', needLogin: true, replay: true, authorize: true }
    await createRequest(session, { baseURL: api })(options)
    await createRequest(session, { baseURL: api, timeout: 500 })(options)
    await createRequest(session, { baseURL: api, timeout: 500 })({ ...options, timeout: 9 })
    const header = { authorization: 'Bearer t1' }
    expect(requests).toEqual([
      { url: `${api}/a`, header },
      { url: `${api}/a`, header, timeout: 500 },
      { url: `${api}/a`, header, timeout: 9 },
    ])
  })

  test('needs a login unless told otherwise', async () => {
    const { server, request } = requesting()
    await request({ url: 'news', needLogin: false })
    expect(server.seen).toMatchObject([{ url: `${api}/news`, token: undefined }])
  })

  test('resolves for every status: what it means is the business of the app', async () => {
    const { server, request } = requesting()
    server.business = () => ({ statusCode: 422, data: { code: 'SOLD_OUT' } })
    expect(await request({ url: 'buy' })).toMatchObject({ statusCode: 422, data: { code: 'SOLD_OUT' } })
  })

  test('renews an expired login and sends the request again', async () => {
    const { server, session, request } = requesting()
    await session.login()
    server.expire()
    server.refuse = () => ({ statusCode: 401, data: null })
    expect((await request({ url: 'a', method: 'DELETE' })).statusCode).toBe(200)
    expect(server.asked).toMatchObject([
      { method: 'DELETE', token: 't1' },
      { method: 'DELETE', token: 't2' },
    ])
  })

  test('hands over the refusal of a request that is not to be sent again', async () => {
    const { server, session, request } = requesting()
    await session.login()
    server.expire()
    server.refuse = () => ({ statusCode: 401, data: null })
    expect((await request({ url: 'pay', replay: false })).statusCode).toBe(401)
    expect(server.tokens).toEqual(['t1'])
  })

  test('rejects once the key is renewed that the next tap needs', async () => {
    const { server, request } = requesting()
    server.business = () => ({ statusCode: 200, data: { code: 'DECRYPT_WX_OPEN_DATA_FAIL' } })
    await expect(request({ url: 'phone' })).rejects.toMatchObject({
      code: 'DECRYPT_WX_OPEN_DATA_FAIL',
      action: 'TAP_AGAIN',
    })
    expect(server.logins).toBe(2)
    expect(server.tokens).toEqual(['t1'])
  })
})

describe('a token', () => {
  test('never leaves the origin of baseURL, and such a request waits for no login', async () => {
    const { server, request } = requesting()
    await request({ url: 'https://cdn.example.com/a.json' })
    await request({ url: `${api}@evil.cn/a` })
    expect(server.seen.map(({ token }) => token)).toEqual([undefined, undefined])
  })

  test('that is asked for there is a mistake', async () => {
    const { server, request } = requesting()
    await expect(request({ url: 'https://cdn.example.com/a', needLogin: true })).rejects.toMatchObject({
      code: 'CONFIG',
    })
    expect(server.seen).toEqual([])
  })

  test('goes with addresses in full when there is no baseURL', async () => {
    const { server, request } = requesting({})
    await request({ url: 'https://other.example.com/a' })
    expect(server.tokens).toEqual(['t1'])
  })

  test('takes the place of one that the caller has put in by hand', async () => {
    const { server, request } = requesting()
    await request({ url: 'a', header: { authorization: 'Bearer old' } })
    expect(server.tokens).toEqual(['t1'])
  })
})

describe('a step that is required', () => {
  const need = () => ({
    statusCode: 403,
    data: { code: 'AUTH_STEP_REQUIRED', have: 'ONE', need: ['PHONE'], next: 'PHONE' },
  })

  test('is asked for, and the request goes on by itself', async () => {
    const { server, session, request } = requesting()
    server.business = (seen) => {
      if (seen.operation === 'UpdatePhone') {
        return { data: { data: { updatePhone: { user: user({ hasPhone: true, missing: ['PROFILE'] }) } } } }
      }
      return session.hasPhone() ? { data: { bought: true } } : need()
    }
    session.events.on('auth:need', async () => {
      await session.updatePhone({ code: 'p1' })
      session.resolveAuth()
    })
    server.platform.pages = () => [{ route: 'shop', selectComponent: () => ({ open() {}, close() {} }) }]
    const response = await request({ url: 'buy', method: 'POST' })
    expect(response.data).toEqual({ bought: true })
    expect(server.asked.filter(({ url }) => url === `${api}/buy`)).toHaveLength(2)
  })

  test.each([
    ['of all requests', { baseURL: api, authorize: false }, {}],
    ['of one', { baseURL: api }, { authorize: false }],
  ])('is an error where the developer wants it, %s', async (_, config, options) => {
    const { server, request } = requesting(config)
    server.business = need
    await expect(request({ url: 'buy', ...options })).rejects.toMatchObject({
      code: 'AUTH_STEP_REQUIRED',
      need: ['PHONE'],
    })
  })

  test('is an error also as GraphQL says it', async () => {
    const { server, request } = requesting({ baseURL: api, authorize: false })
    server.business = () => refusal('AUTH_STEP_REQUIRED', { need: ['PROFILE'] })
    await expect(request({ url: 'graphql' })).rejects.toMatchObject({ need: ['PROFILE'] })
  })
})
