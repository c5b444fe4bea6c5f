import { readFileSync } from 'node:fs'
import { buildSchema, type GraphQLEnumType } from 'graphql'
import { describe, expect, test } from 'vitest'
import type { ErrorAction, ServerErrorCode } from '../../src/errors'
import type { HttpResponse } from '../../src/platform'
import { bodyOf, codeOf, errorOf, refusalOf } from '../../src/request/server-error'

const response = (data: unknown, statusCode = 200, header: Record<string, string> = {}): HttpResponse => ({
  statusCode,
  header,
  data,
})
const graphql = (extensions: unknown, more: object = {}) => ({ errors: [{ message: 'why', extensions, ...more }] })

/** Each code that src/errors.ts declares: the compiler sees to it that none is missing. */
const serverActions: Record<ServerErrorCode, ErrorAction> = {
  UNAUTHENTICATED: 'RELOGIN',
  TOKEN_EXPIRED: 'REFRESH',
  SESSION_REVOKED: 'RELOGIN',
  AUTH_STEP_REQUIRED: 'AUTHORIZE',
  FORBIDDEN: 'NONE',
  LOGIN_CODE_INVALID: 'RELOGIN',
  LOGIN_BLOCKED: 'NONE',
  ACCOUNT_DISABLED: 'NONE',
  ACCOUNT_CLOSING: 'NONE',
  CONSENT_REQUIRED: 'NONE',
  PHONE_CODE_INVALID: 'TAP_AGAIN',
  DECRYPT_WX_OPEN_DATA_FAIL: 'TAP_AGAIN',
  PHONE_TAKEN: 'NONE',
  CONTENT_RISKY: 'NONE',
  RATE_LIMITED: 'RETRY',
  WECHAT_UNAVAILABLE: 'RETRY',
  UNAVAILABLE: 'RETRY',
  BAD_INPUT: 'NONE',
  NOT_FOUND: 'NONE',
  INTERNAL: 'NONE',
}

describe('the codes', () => {
  const schema = buildSchema(readFileSync(new URL('../../../schema/errors.graphql', import.meta.url), 'utf8'))
  const values = (name: string) => (schema.getType(name) as GraphQLEnumType).getValues()

  test('are those of the schema', () => {
    expect(Object.keys(serverActions).sort()).toEqual(
      values('ErrorCode')
        .map(({ name }) => name)
        .sort(),
    )
  })

  test.each(values('ErrorCode').map(({ name, description }) => [name, description]))(
    '%s is dealt with as the schema describes it',
    (name, description) => {
      const actions = values('ErrorAction').map((action) => action.name)
      const described = actions.filter((action) => new RegExp(`\\b${action}\\b`).test(description ?? ''))
      // Two sentences advise against a retry as well; the advice comes first.
      expect(described[0]).toBe(serverActions[name as keyof typeof serverActions])
    },
  )
})

describe('an answer without an error', () => {
  test.each([
    ['of GraphQL', { data: { me: null } }],
    ['of an upload', '{"avatarKey":"k"}'],
    ['with an empty list of errors', { data: {}, errors: [] }],
  ])('%s is no error', (_, data) => {
    expect(errorOf(response(data))).toBeNull()
  })
})

describe('an error of mpauth', () => {
  test('keeps all that the server says about it', () => {
    const told = { code: 'RATE_LIMITED', action: 'RETRY', retryable: true, retryAfterMs: 1500, requestId: 'q1' }
    expect(errorOf(response(graphql(told)), 'Me')).toMatchObject({
      ...told,
      isMpAuthError: true,
      message: 'RATE_LIMITED: Me 200 why',
    })
  })

  test('says what the person has to give', () => {
    const told = { code: 'AUTH_STEP_REQUIRED', action: 'AUTHORIZE', have: 'ONE', need: ['PHONE'], next: 'PHONE' }
    expect(errorOf(response(graphql(told)))).toMatchObject(told)
  })

  test('of a route that is not GraphQL is read from its body, which may be a text', () => {
    const body = '{"code":"UNAVAILABLE","message":"busy","action":"RETRY","retryAfterMs":1000}'
    expect(errorOf(response(body, 503, { 'x-request-id': 'q2' }))).toMatchObject({
      code: 'UNAVAILABLE',
      retryable: true,
      retryAfterMs: 1000,
      requestId: 'q2',
      data: { status: 503 },
    })
  })

  test.each(Object.entries(serverActions))('%s comes with its advice: %s', (code, action) => {
    expect(errorOf(response(graphql({ code, action })))).toMatchObject({ code, action, retryable: action === 'RETRY' })
  })
})

describe('an error of another server', () => {
  test.each([
    ['UNAUTHENTICATED', 'REFRESH'],
    ['TOKEN_EXPIRED', 'REFRESH'],
    ['SESSION_REVOKED', 'RELOGIN'],
    ['AUTH_STEP_REQUIRED', 'AUTHORIZE'],
    ['DECRYPT_WX_OPEN_DATA_FAIL', 'TAP_AGAIN'],
    ['RATE_LIMITED', 'RETRY'],
  ])('may use %s without advice: the SDK knows to %s', (code, action) => {
    expect(errorOf(response(graphql({ code })))).toMatchObject({ code, action, retryable: action === 'RETRY' })
  })

  test('keeps its own code and what comes with it', () => {
    expect(errorOf(response(graphql({ code: 'SOLD_OUT', left: 0 })))).toMatchObject({
      code: 'GRAPHQL',
      action: 'NONE',
      retryable: false,
      data: { code: 'SOLD_OUT', left: 0, status: 200 },
    })
  })

  test('may have a name that every object knows', () => {
    expect(errorOf(response(graphql({ code: 'constructor' })))).toMatchObject({ code: 'GRAPHQL' })
  })

  test('may have no extensions at all', () => {
    expect(errorOf(response({ errors: [{ message: 'no' }] }))).toMatchObject({ code: 'GRAPHQL', data: { status: 200 } })
    expect(errorOf(response({ errors: [null] }, 500))).toMatchObject({ code: 'SERVER' })
  })

  test('with status 401 asks for a refresh, whatever it is called', () => {
    for (const data of ['', null, { code: 'NO_TOKEN' }, graphql({ code: 'NO_TOKEN' })]) {
      expect(errorOf(response(data, 401))).toMatchObject({
        code: 'UNAUTHENTICATED',
        action: 'REFRESH',
        retryable: false,
      })
    }
  })

  test('with status 429 says how long to wait', () => {
    expect(errorOf(response('slow down', 429, { 'retry-after': '3' }))).toMatchObject({
      code: 'RATE_LIMITED',
      retryable: true,
      retryAfterMs: 3000,
    })
  })

  test('that says when to come back by a date says nothing that two clocks agree on', () => {
    const date = { 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' }
    expect(errorOf(response('', 429, date))?.retryAfterMs).toBeUndefined()
  })
})

describe('what is no answer of the protocol', () => {
  test.each([
    ['a page in place of an answer', '<html>Sign in to the Wi-Fi</html>', 200, true],
    ['a page that is cut short JSON', '{"data":', 200, true],
    ['a gateway without a server', '<h1>502</h1>', 502, true],
    ['a JSON error of a gateway', { message: 'upstream' }, 503, true],
    ['a wrong address', 'not found', 404, false],
    ['a list', [], 404, false],
  ])('%s is SERVER', (_, data, status, retryable) => {
    expect(errorOf(response(data, status))).toMatchObject({
      code: 'SERVER',
      retryable,
      action: retryable ? 'RETRY' : 'NONE',
      data: { status },
    })
  })

  test('does not pour a page into the message', () => {
    expect(errorOf(response({ message: 'x'.repeat(5000) }, 500))?.message.length).toBeLessThan(250)
    expect(errorOf(response('<html>secret</html>', 500))?.message).toBe('SERVER: 500')
  })
})

test('an answer that is known to be an error is one, whatever its status', () => {
  expect(refusalOf(response({ code: 'AUTH_STEP_REQUIRED', need: ['PROFILE'] }))).toMatchObject({
    code: 'AUTH_STEP_REQUIRED',
    need: ['PROFILE'],
  })
  expect(refusalOf(response({ code: 7 }), 'op', 'DECRYPT_WX_OPEN_DATA_FAIL')).toMatchObject({
    code: 'DECRYPT_WX_OPEN_DATA_FAIL',
    action: 'TAP_AGAIN',
    data: { code: '7' },
  })
})

test('a code is found in extensions before the body, and may be a number', () => {
  expect(codeOf(response(graphql({ code: 'A' }, {})))).toBe('A')
  expect(codeOf(response({ code: 40101 }))).toBe('40101')
  expect(codeOf(response({ code: { deep: true } }))).toBeUndefined()
  expect(codeOf(response({ code: 'B', errors: [{ extensions: {} }] }))).toBeUndefined()
  expect(bodyOf(response(' {"a":1}'))).toEqual({ a: 1 })
  expect(bodyOf(response('[1]'))).toBeNull()
})
