import { describe, expect, test } from 'vitest'
import { createGuards } from '../../src/auth/guards'
import { operationOf, textOf } from '../../src/request/document'
import { createGraphQL, type GraphQLConfig } from '../../src/request/graphql'
import { api, refusal, rig, user } from './rig'

const url = `${api}/shop/graphql`
const Things = 'query Things($n: Int) { things(n: $n) { id } }'
const Buy = 'mutation Buy($id: ID!) { buy(id: $id) { id } }'

function client(config: Partial<GraphQLConfig> = {}) {
  const r = rig()
  return { ...r, gql: createGraphQL(r.session, { url, ...config }) }
}

/** What was sent is there. */
const arrived = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Answers wait until the test lets them go. */
function holding(r: ReturnType<typeof client>) {
  const held: (() => void)[] = []
  r.server.gate = ({ operation }) =>
    operation === 'RefreshToken' ? Promise.resolve() : new Promise((resolve) => held.push(resolve))
  return {
    release: async () => {
      await arrived()
      for (const one of held.splice(0)) one()
    },
  }
}

describe('an operation', () => {
  test('is posted with its name, its variables and the token', async () => {
    const { server, gql } = client({ header: { 'X-Shop': '1' } })
    server.business = () => ({ data: { data: { things: [{ id: 'a' }] } } })
    expect(await gql.query(Things, { n: 2 })).toEqual({ things: [{ id: 'a' }] })
    expect(server.asked).toMatchObject([
      { url, method: 'POST', token: 't1', data: { query: Things, operationName: 'Things', variables: { n: 2 } } },
    ])
    expect(server.asked[0]?.header).toEqual({
      'x-shop': '1',
      'content-type': 'application/json',
      authorization: 'Bearer t1',
    })
  })

  test('that needs no login is sent without one', async () => {
    const { server, gql } = client()
    await gql.query(Things, {}, { needLogin: false })
    expect(server.seen).toMatchObject([{ token: undefined }])
  })

  test('rejects with the first error, in words of its own', async () => {
    const { server, gql } = client()
    server.business = () => refusal('SOLD_OUT', { left: 0 }, { buy: null })
    await expect(gql.mutate(Buy, { id: '1' })).rejects.toMatchObject({
      code: 'GRAPHQL',
      message: 'GRAPHQL: Buy 200 says SOLD_OUT',
      data: { code: 'SOLD_OUT', left: 0 },
    })
  })

  test('that is answered by something else than GraphQL rejects', async () => {
    const { server, gql } = client()
    for (const data of ['<html/>', null, {}, { errors: [] }, []]) {
      server.business = () => ({ data })
      await expect(gql.query(Things)).rejects.toMatchObject({ code: 'SERVER' })
      await expect(gql.raw(Things)).rejects.toMatchObject({ code: 'SERVER' })
    }
  })

  test('rejects when there is no answer', async () => {
    const { server, gql, session } = client()
    await session.login()
    server.business = () => Promise.reject(Object.assign(new Error('NETWORK'), { code: 'NETWORK' }))
    await expect(gql.query(Things)).rejects.toMatchObject({ code: 'NETWORK' })
    server.business = () => ({ data: { data: { things: [] } } })
    expect(await gql.query(Things)).toEqual({ things: [] })
  })
})

describe('raw', () => {
  test('gives partial data beside the errors', async () => {
    const { server, gql } = client()
    server.business = () => ({
      data: {
        data: { things: null, other: 1 },
        errors: [{ message: 'half', path: ['things'] }],
        extensions: { cost: 3 },
      },
    })
    expect(await gql.raw(Things)).toEqual({
      data: { things: null, other: 1 },
      errors: [{ message: 'half', path: ['things'] }],
      extensions: { cost: 3 },
    })
  })

  test('gives the errors of a failed request, whatever its status', async () => {
    const { server, gql } = client()
    server.business = () => ({ statusCode: 400, ...refusal('BAD_INPUT') })
    expect(await gql.raw(Things)).toMatchObject({ errors: [{ extensions: { code: 'BAD_INPUT' } }] })
  })
})

describe('a token that has expired', () => {
  test('is renewed, and the operation sent again', async () => {
    const { server, session, gql } = client()
    await session.login()
    server.expire()
    await gql.mutate(Buy, { id: '1' })
    expect(server.tokens).toEqual(['t1', 't2'])
  })

  test('leads to nothing twice: a mutation that came back with data is not repeated', async () => {
    const { server, session, gql } = client()
    await session.login()
    server.business = () => refusal('UNAUTHENTICATED', {}, { buy: { id: '1' } })
    await expect(gql.mutate(Buy, { id: '1' })).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
    expect(server.tokens).toEqual(['t1'])
    expect(server.refreshes).toBe(1)
  })

  test('while one of which every field was refused is', async () => {
    const { server, session, gql } = client()
    await session.login()
    server.business = ({ token }) =>
      token === 't1' ? refusal('UNAUTHENTICATED', {}, { buy: null }) : { data: { data: { buy: { id: '1' } } } }
    expect(await gql.mutate(Buy, { id: '1' })).toEqual({ buy: { id: '1' } })
  })

  test('and a query with partial data', async () => {
    const { server, session, gql } = client()
    await session.login()
    server.business = ({ token }) =>
      token === 't1' ? refusal('UNAUTHENTICATED', {}, { things: null, other: 1 }) : { data: { data: { things: [] } } }
    expect(await gql.query(Things)).toEqual({ things: [] })
  })

  test('may be left to the caller', async () => {
    const { server, session, gql } = client()
    await session.login()
    server.expire()
    await expect(gql.mutate(Buy, { id: '1' }, { replay: false })).rejects.toMatchObject({
      code: 'TOKEN_EXPIRED',
      action: 'REFRESH',
    })
    expect(server.tokens).toEqual(['t1'])
  })

  test('50 different queries that meet it make one refresh', async () => {
    const { server, session, gql } = client()
    await session.login()
    server.expire()
    await Promise.all(Array.from({ length: 50 }, (_, n) => gql.query(Things, { n })))
    expect(server.refreshes).toBe(1)
    expect(server.asked).toHaveLength(100)
  })
})

describe('queries in flight', () => {
  test('that ask the same are one request, also when it fails', async () => {
    const r = client()
    await r.session.login()
    const { release } = holding(r)
    const all = [r.gql.query(Things, { n: 1 }), r.gql.query(Things, { n: 1 }), r.gql.raw(Things, { n: 1 })]
    await release()
    await Promise.all(all)
    expect(r.server.asked).toHaveLength(1)
    r.server.business = () => refusal('INTERNAL')
    const failing = [r.gql.query(Things, { n: 1 }), r.gql.query(Things, { n: 1 })]
    await release()
    for (const one of await Promise.allSettled(failing)) expect(one.status).toBe('rejected')
    expect(r.server.asked).toHaveLength(2)
    r.server.gate = () => Promise.resolve()
    await r.gql.query(Things, { n: 1 }).catch(() => {})
    expect(r.server.asked).toHaveLength(3)
  })

  test('are another request with other variables, another token, other headers, or by wish', async () => {
    const r = client()
    await r.session.login()
    const { release } = holding(r)
    const all = [
      r.gql.query(Things, { n: 1 }),
      r.gql.query(Things, { n: 2 }),
      r.gql.query(Things, { n: 1 }, { header: { 'X-A': '1' } }),
      r.gql.query(Things, { n: 1 }, { needLogin: false }),
      r.gql.query(Things, { n: 1 }, { dedupe: false }),
      r.gql.query(Things, { n: 1 }, { dedupe: false }),
    ]
    await arrived()
    await r.session.refreshLogin()
    all.push(r.gql.query(Things, { n: 1 }))
    await release()
    await Promise.all(all)
    expect(r.server.asked).toHaveLength(7)
  })

  test('are over when they are answered', async () => {
    const r = client()
    await r.gql.query(Things)
    await r.gql.query(Things)
    expect(r.server.asked).toHaveLength(2)
  })

  test('never are mutations, also of a document that has queries too', async () => {
    const r = client()
    await Promise.all([r.gql.mutate(Buy, { id: '1' }), r.gql.mutate(Buy, { id: '1' })])
    expect(r.server.asked).toHaveLength(2)
    const buy = () => r.gql.mutate(`${Things} ${Buy}`, { id: '1' }, { operationName: 'Buy' })
    await Promise.all([buy(), buy()])
    expect(r.server.asked.map(({ operation }) => operation)).toEqual(['Buy', 'Buy', 'Buy', 'Buy'])
  })
})

describe('a step that is required', () => {
  const business = (r: ReturnType<typeof client>) => {
    r.server.business = (seen) => {
      if (seen.operation === 'Me') return { data: { data: { me: user() } } }
      if (seen.operation === 'UpdatePhone') {
        return { data: { data: { updatePhone: { user: user({ hasPhone: true }) } } } }
      }
      if (r.session.hasPhone()) return { data: { data: { buy: { id: '1' } } } }
      return refusal('AUTH_STEP_REQUIRED', { action: 'AUTHORIZE', have: 'ONE', need: ['PHONE'], next: 'PHONE' })
    }
  }

  test('is asked for, and the operation goes on by itself', async () => {
    const r = client()
    business(r)
    r.server.platform.pages = () => [{ route: 'shop', selectComponent: () => ({ open() {}, close() {} }) }]
    r.session.events.on('auth:need', async ({ need }) => {
      expect(need).toEqual(['PHONE'])
      await r.session.updatePhone({ code: 'p1' })
      r.session.resolveAuth()
    })
    expect(await r.gql.mutate(Buy, { id: '1' })).toEqual({ buy: { id: '1' } })
  })

  test('leads to nothing twice: a mutation that was refused in part does not go on, nor what stands around it', async () => {
    const r = client()
    const step = { action: 'AUTHORIZE', have: 'ONE', need: ['PHONE'], next: 'PHONE' }
    const all: object[] = [
      { pay: { id: '1' }, ship: null },
      { pay: null, ship: null },
    ]
    r.server.business = () => refusal('AUTH_STEP_REQUIRED', step, all.shift())
    r.session.mustAuth = async () => 3
    const { withAuth } = createGuards(r.session)
    const order = withAuth(() => r.gql.mutate('mutation Order { pay { id } ship { id } }'), { need: [] })

    await expect(order.call({})).rejects.toMatchObject({ code: 'AUTH_STEP_REQUIRED' })
    expect(r.server.asked).toHaveLength(1)
    // Of this one nothing was done: it goes on.
    r.session.missing = () => ['PHONE']
    await expect(order.call({})).rejects.toMatchObject({ code: 'AUTH_STEP_REQUIRED' })
    expect(r.server.asked).toHaveLength(3)
  })

  test('is an error where the developer wants it, and among the errors of raw', async () => {
    const r = client()
    business(r)
    await expect(r.gql.mutate(Buy, { id: '1' }, { authorize: false })).rejects.toMatchObject({ next: 'PHONE' })
    await expect(createGraphQL(r.session, { url, authorize: false }).mutate(Buy)).rejects.toMatchObject({ have: 'ONE' })
    expect(await r.gql.raw(Buy, { id: '1' })).toMatchObject({ errors: [{}] })
  })
})

test('encrypted data that could not be used rejects once the next tap will work', async () => {
  const r = client({ policy: { decrypt: (_, code) => code === 'OLD_KEY' } })
  r.server.business = () => refusal('OLD_KEY')
  await expect(r.gql.mutate(Buy, { id: '1' })).rejects.toMatchObject({
    code: 'DECRYPT_WX_OPEN_DATA_FAIL',
    action: 'TAP_AGAIN',
  })
  expect(r.server).toMatchObject({ logins: 2 })
  expect(r.server.tokens).toEqual(['t1'])
})

describe('a document', () => {
  test.each([
    ['query A { a }', 'query', 'A'],
    ['# buys\nmutation Buy($a: In = {query: 1}) { a }', 'mutation', 'Buy'],
    ['{ mutation }', 'query', undefined],
    ['query ($a: Int = 1) { a }', 'query', undefined],
    ['  # mutation No { a }\n mutation B($i: In = {x: {y: "}"}}) @live(if: true) { b }', 'mutation', 'B'],
    ['fragment query on X { query Q } mutation C { c { ...query } }', 'mutation', 'C'],
    ['query D { a(x: "mutation E { }") { query mutation } }', 'query', 'D'],
    ['query F { a(x: """ block \\""" mutation { """) }', 'query', 'F'],
    ['mutation G{a}query H{b}', 'mutation', 'G'],
    ['query queryThings { a }', 'query', 'queryThings'],
    ['subscription S { a }', 'subscription', 'S'],
  ])('%s is read', (text, kind, name) => {
    expect(operationOf(text)).toEqual({ kind, name })
  })

  test('of several operations is read for the one that is asked for', () => {
    const text = 'query Buys { buys } mutation Buy($i: In = {a: 1}) { buy } mutation BuyAll { all }'
    expect(operationOf(text, 'Buy')).toEqual({ kind: 'mutation', name: 'Buy' })
    expect(operationOf(text, 'BuyAll')).toEqual({ kind: 'mutation', name: 'BuyAll' })
    expect(operationOf(text, 'Buys')).toEqual({ kind: 'query', name: 'Buys' })
  })

  test('may be a string, an object of a string, or have its source with it', () => {
    const parsed = { kind: 'Document', loc: { source: { body: Things } } }
    for (const document of [Things, new String(Things) as unknown as string, parsed])
      expect(textOf(document)).toBe(Things)
  })

  test('without its source is a mistake', () => {
    expect(() => textOf({ kind: 'Document' } as object)).toThrow('CONFIG')
  })
})
