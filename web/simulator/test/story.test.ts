import { expect, test } from 'vitest'
import { Trace } from '../src/trace'
import { type Line, Story } from '../src/ui/story'
import { dictionaries } from '../src/ui/words'

/** A story of what a trace records, as a list that is read from above. */
function begin() {
  const trace = new Trace()
  const lines: Line[] = []
  const story = new Story(trace, dictionaries.en, () => 'alice', (line, after) => {
    if (lines.includes(line)) return
    if (after) lines.splice(lines.indexOf(after) + 1, 0, line)
    else lines.push(line)
  })
  return { trace, story, lines, texts: () => lines.filter((line) => !line.small).map((line) => [line.text, line.outcome].filter(Boolean).join(' — ')) }
}

const login = { url: 'http://x/graphql', method: 'POST', data: { query: 'mutation SilentLogin($input: I!) { silentLogin(input: $input) { token } }', variables: {} } }

test('a call and its answer are one line, and a request goes by the name of its operation', () => {
  const { trace, texts, lines } = begin()
  trace.add('life', 'App.onLaunch')
  trace.add('life', 'App.onShow')
  const call = trace.add('call', 'login')
  trace.add('life', 'pages/item/index', { detail: { id: 'tea' } })
  trace.add('answer', 'login', { of: call, ok: true, detail: { code: '0123456789abcdef', errMsg: 'login:ok' } })
  const request = trace.add('call', 'request', { detail: login })
  trace.add('answer', 'request', { of: request, ok: true, detail: { statusCode: 200, data: { data: {} } } })
  expect(texts()).toEqual(['alice opens the app', 'wx.login — code 0123…', 'Page pages/item/index?id=tea', 'GraphQL SilentLogin — 200'])
  expect(lines.every((line) => !line.open)).toBe(true)
})

test('what WeChat was asked stands below the request that made the server ask', () => {
  const { trace, story, texts } = begin()
  const request = trace.add('call', 'request', { detail: login })
  trace.add('answer', 'request', { of: request, ok: true, detail: { statusCode: 200, data: {} } })
  trace.add('life', 'pages/home/index', { detail: {} })
  story.addWeChat('jscode2session', 2, {})
  expect(texts()).toEqual(['GraphQL SilentLogin — 200', 'server asks WeChat: jscode2session ×2', 'Page pages/home/index'])
})

test('a failure says its code: of GraphQL, of HTTP, or of WeChat', () => {
  const { trace, lines } = begin()
  const fail = (detail: object, ok = true) => {
    const of = trace.add('call', 'request', { detail: login })
    trace.add('answer', 'request', { of, ok, detail })
  }
  fail({ statusCode: 200, data: { errors: [{ extensions: { code: 'PHONE_TAKEN' } }] } })
  fail({ statusCode: 502, data: '<html>' })
  fail({ errMsg: 'request:fail interrupted', errno: 600003 }, false)
  const tap = trace.add('call', 'button getPhoneNumber')
  trace.add('event', 'getphonenumber', { of: tap, ok: false, detail: { errMsg: 'getPhoneNumber:fail no quota', errno: 1400001 } })
  expect(lines.map((line) => [line.ok, line.outcome])).toEqual([
    [false, '200 PHONE_TAKEN'],
    [false, '502'],
    [false, 'request:fail interrupted'],
    [false, 'getPhoneNumber:fail no quota (1400001)'],
  ])
})

test('leaving and coming back are told, and the first showing is not', () => {
  const { trace, texts } = begin()
  for (const name of ['App.onLaunch', 'App.onShow', 'App.onHide', 'App.onShow']) trace.add('life', name)
  expect(texts()).toEqual(['alice opens the app', 'To the background', 'To the foreground'])
})

test('small calls are marked, and what the program logs is told when it is a warning or worse', () => {
  const { trace, texts, lines } = begin()
  trace.add('call', 'getStorageSync', { ok: true, detail: {} })
  trace.add('call', 'setNavigationBarTitle')
  trace.add('log', 'info', { detail: 'hello' })
  trace.add('log', 'warn', { detail: 'beware' })
  expect(texts()).toEqual(['beware'])
  expect(lines.filter((line) => line.small)).toHaveLength(2)
})

test('no secret that the trace masks comes back in a line', () => {
  const { trace, lines } = begin()
  const secret = 'A'.repeat(40)
  const of = trace.add('call', 'request', { detail: { ...login, header: { authorization: `Bearer ${secret}` }, data: { ...login.data, variables: { input: { code: secret, encryptedData: secret } } } } })
  trace.add('answer', 'request', { of, ok: true, detail: { statusCode: 200, data: { data: { token: secret, phone: '13800138000' } } } })
  expect(JSON.stringify(lines)).not.toMatch(/A{10}|13800138000/)
})
