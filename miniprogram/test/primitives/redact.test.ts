import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MpAuthError } from '../../src/errors'
import { logTo } from '../../src/log-to'
import { Logger, LogLevel, type LogSink } from '../../src/logger'
import { realtimeSink } from '../../src/realtime-sink'
import { redact } from '../../src/redact'

const hidden = '[redacted]'
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const base64 = (min: number, max = min) =>
  fc.uint8Array({ minLength: min, maxLength: max }).map((b) => Buffer.from(b).toString('base64'))
const base64url = (length: number) => bytes(length).map((b) => Buffer.from(b).toString('base64url'))
const text = (alphabet: string, length: number) =>
  fc.string({ unit: fc.constantFrom(...alphabet), minLength: length, maxLength: length })
const digits = '0123456789'
const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Secrets that can be told from any other text by what they look like. */
const shaped = {
  'access token': fc
    .tuple(fc.constantFrom('{"alg":"EdDSA","typ":"at+jwt"}', '{"alg":"RS256"}'), base64url(120), base64url(64))
    .map(([header, body, signature]) => `${Buffer.from(header).toString('base64url')}.${body}.${signature}`),
  // internal/token/refresh.go: 61 bytes.
  'refresh token': base64url(61),
  'login code': text(digits + letters, 31).map((rest) => `0${rest.slice(0, 28)}wGh`),
  'phone code': bytes(32).map((b) => Buffer.from(b).toString('hex')),
  'session key or iv': base64(16),
  ciphertext: base64(48, 400),
  signature: bytes(20).map((b) => Buffer.from(b).toString('hex')),
  'Chinese mobile': fc
    .tuple(fc.constantFrom(...'3456789'), text(digits, 9))
    .map(([second, rest]) => `1${second}${rest}`),
  'number abroad': fc.tuple(fc.constantFrom(...'123456789'), text(digits, 10)).map((n) => `+${n.join('')}`),
}

/** A secret is out when no part of it is left that is worth anything. */
function parts(secret: string): string[] {
  const size = Math.min(secret.length, 12)
  return Array.from({ length: secret.length - size + 1 }, (_, i) => secret.slice(i, i + size))
}

describe('by its looks', () => {
  test.each(Object.entries(shaped))('%s is taken out of any text', (_, secret) => {
    const between = fc.constantFrom('', ' ', ': ', '=', '"', "'", '，', '(', '?x=', '&', '\n', 'token is ', '微信')
    const after = fc.constantFrom('', ' ', '"', "'", '。', ')', '&b=1', ', again', '\n', '}', '已绑定')
    fc.assert(
      fc.property(secret, between, after, (value, a, b) => {
        const seen = String(redact(a + value + b))
        expect(parts(value).filter((part) => seen.includes(part))).toEqual([])
      }),
      { numRuns: 300 },
    )
  })

  test.each([
    '138 0013 8000',
    '138-0013-8000',
    '+86 138 0013 8000',
    '8613800138000',
    '008613800138000',
    '12066600001',
    '+852 9123 4567',
  ])('%s is a phone number', (number) => {
    expect(redact(`call ${number}, please`)).toBe(`call ${hidden}, please`)
  })

  test('a token without a signature is one too', () => {
    expect(redact('got eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0. again')).toBe(`got ${hidden} again`)
  })

  test('two numbers beside each other are both taken out', () => {
    expect(redact('13800138000 13900139000')).toBe(`${hidden} ${hidden}`)
  })

  test.each([
    'the login took 1234 ms',
    'expires at 1767225600000',
    '2026-01-01T00:00:00.000Z',
    'request 4bf92f3577b34da6a3ce929d0e0e4736',
    'user 01890a5d-ac96-774b-bcce-b302099a8057',
    'WX_LOGIN_FAILED: errcode: 40029, statusCode: 500',
    'code: FUSE_OPEN',
    '{"code":"DECRYPT_WX_OPEN_DATA_FAIL","retryAfterMs":5000}',
    '{"hasPhone":true,"phone":null}',
    '/packages/member/pages/settings/devices/index',
    'https://shop.example.com/graphql',
    '昵称未通过审核',
  ])('%s is left alone', (harmless) => {
    expect(redact(harmless)).toBe(harmless)
  })

  test.each([
    ['token=abc123&x=1', `token=${hidden}&x=1`],
    ['refresh_token: abc', `refresh_token: ${hidden}`],
    ['{"code":"0a1b","x":1}', `{"code":${hidden},"x":1}`],
    ['{\\"code\\":\\"0a1b\\",\\"x\\":1}', `{\\"code\\":${hidden},\\"x\\":1}`],
    ['Authorization: Bearer abc.def', `Authorization: ${hidden} ${hidden}`],
    ['session_key=a b', `session_key=${hidden} b`],
    ["iv='ab c'", `iv=${hidden}`],
  ])('the text %s becomes %s', (given, expected) => {
    expect(redact(given)).toBe(expected)
  })

  test('takes a long hostile text in its stride', () => {
    const started = performance.now()
    redact('a-'.repeat(200_000))
    redact('token'.repeat(80_000))
    redact('+1 '.repeat(120_000))
    redact('\\"'.repeat(200_000))
    // A fraction of a second; a pattern that goes back over the text would take minutes.
    expect(performance.now() - started).toBeLessThan(30_000)
  })
})

const names = [
  'token',
  'refreshToken',
  'refresh_token',
  'staleToken',
  'X-Access-Token',
  'Authorization',
  'code',
  'anonymousCode',
  'jsCode',
  'session_key',
  'sessionKey',
  'iv',
  'encryptedData',
  'rawData',
  'signature',
  'phone',
  'phoneNumber',
  'purePhoneNumber',
  'number',
  'mobile',
  'openid',
  'openId',
  'unionId',
  'cloudID',
  'nonce',
  'cookie',
  'secret',
]

describe('by its name', () => {
  test.each(names)('%s is hidden, whatever it holds', (name) => {
    expect(redact({ [name]: 'x1' })).toEqual({ [name]: hidden })
    expect(redact({ [name]: { masked: '138****8000' } })).toEqual({ [name]: hidden })
    expect(redact({ [name]: [1] })).toEqual({ [name]: hidden })
  })

  test('none is left as it is, so that a log shows whether there was one', () => {
    expect(redact({ token: null, refreshToken: undefined })).toEqual({ token: null })
  })

  test.each([
    { code: 'FUSE_OPEN' },
    { code: 40029 },
    { errcode: 40029 },
    { statusCode: 500 },
    { hasPhone: true },
    { phone: null },
  ])('%j is no secret', (harmless) => {
    expect(redact(harmless)).toEqual(harmless)
  })

  test('a number that is a phone number is hidden, others stay numbers', () => {
    expect(redact([13800138000, 5, 1767225600000, 1.5])).toEqual([hidden, 5, 1767225600000, 1.5])
  })
})

describe('any value', () => {
  test('errors keep what they say, without secrets, down to their causes', () => {
    const cause = Object.assign(new Error('for 13800138000'), { code: '0a1b' })
    const data = { input: { encryptedData: 'x' }, errno: 104 }
    const error = new MpAuthError('NETWORK', 'token=abc', { requestId: 'f3a1', retryable: true, cause, data })
    const seen = redact(error) as Record<string, unknown>
    expect(seen).toMatchObject({
      name: 'MpAuthError',
      message: `NETWORK: token=${hidden}`,
      code: 'NETWORK',
      action: 'RETRY',
      requestId: 'f3a1',
      cause: { message: `for ${hidden}`, code: hidden },
      data: { input: { encryptedData: hidden }, errno: 104 },
    })
    expect(seen.stack).toContain('redact.test')
    expect(JSON.stringify(seen)).not.toMatch(/abc|13800138000|0a1b/)
  })

  test('cycles are cut, what is met twice is shown twice', () => {
    const shared = { a: 1 }
    const value: Record<string, unknown> = { one: shared, two: [shared] }
    value.self = value
    expect(redact(value)).toEqual({ one: { a: 1 }, two: [{ a: 1 }], self: '[circular]' })
  })

  test('what is deeper than anybody reads is cut', () => {
    let value: unknown = 'end'
    for (let i = 0; i < 10_000; i++) value = { value }
    expect(JSON.stringify(redact(value)).length).toBeLessThan(200)
  })

  test.each([
    ['functions', () => 'token', '[function]'],
    ['bytes', new Uint8Array([49, 51]), '[binary]'],
    ['buffers', new ArrayBuffer(2), '[binary]'],
    ['boxed texts', Object('13800138000'), hidden],
    ['large integers', 13800138000n, hidden],
    ['symbols', Symbol('13800138000'), `Symbol(${hidden})`],
    ['maps', new Map([['token', 'abc']]), {}],
    ['nothing', undefined, undefined],
  ])('%s hold nothing back', (_, value, expected) => {
    expect(redact(value)).toEqual(expected)
  })

  test('a property that cannot be read spoils nothing', () => {
    const value = {
      a: 1,
      get b() {
        throw new Error('token=abc')
      },
    }
    expect(redact(value)).toEqual({ a: 1, b: '[unreadable]' })
  })

  test('what is given is never changed', () => {
    const value = { token: 'abc', list: ['13800138000'] }
    redact(value)
    expect(value).toEqual({ token: 'abc', list: ['13800138000'] })
  })
})

test('no secret that is logged reaches a sink, wherever it hides', () => {
  const secret = fc.oneof(...Object.values(shaped))
  const named = fc
    .tuple(fc.constantFrom(...names), text('abcdefghijklmnop', 12))
    .map(([name, value]) => ({ name, value }))
  const wrap = fc.array(fc.constantFrom('object', 'array', 'text', 'error', 'cause', 'data', 'json', 'key', 'url'), {
    maxLength: 5,
  })
  const into: Record<string, (inner: unknown) => unknown> = {
    object: (inner) => ({ some: { inner } }),
    array: (inner) => [1, inner, 'x'],
    text: (inner) => `failed with ${typeof inner === 'string' ? inner : JSON.stringify(inner)} (again)`,
    error: (inner) => new Error(typeof inner === 'string' ? inner : JSON.stringify(inner)),
    cause: (inner) => new MpAuthError('NETWORK', 'request', { cause: inner }),
    data: (inner) => new MpAuthError('NETWORK', 'request', { data: { inner } }),
    json: (inner) => JSON.stringify(inner),
    key: (inner) => (typeof inner === 'string' ? { [inner]: 1 } : inner),
    url: (inner) => (typeof inner === 'string' ? `https://shop.example.com/a?b=${inner}&c=1` : inner),
  }
  const hide = (value: unknown, how: string[]) => how.reduce((inner, name) => into[name]?.(inner), value)

  const check = (planted: string, value: unknown) => {
    const seen: string[] = []
    const realtime = (...args: unknown[]) => seen.push(args.join(' '))
    const sink: LogSink = (_, args) => seen.push(JSON.stringify(args), args.map(String).join(' '))
    const realtimes = realtimeSink({ info: realtime, warn: realtime, error: realtime, setFilterMsg: realtime })
    // The core alone, which shows next to nothing; and with `mpauth/log`, which shows all but secrets.
    const logger = new Logger({ level: LogLevel.DEBUG, sinks: [sink, realtimes] })
    logger.error('login', value)
    logTo(logger)
    logger.error('login', value)
    logger.debug(typeof value === 'string' ? value : JSON.stringify(value))
    const all = seen.join('\n')
    expect(parts(planted).filter((part) => all.includes(part))).toEqual([])
  }
  fc.assert(
    fc.property(secret, wrap, (planted, how) => check(planted, hide(planted, how))),
    { numRuns: 1000 },
  )
  fc.assert(
    fc.property(named, wrap, ({ name, value }, how) => check(value, hide({ [name]: value }, how))),
    { numRuns: 1000 },
  )
})
