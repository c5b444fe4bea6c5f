import { afterEach, describe, expect, test } from 'vitest'
import { MpAuthError } from '../../src/errors'
import { errorCodes, type LabelName, labels, setTexts, textOf } from '../../src/texts'

const chinese = /[一-鿿]/
/** Words of developers, and of machines. */
const jargon =
  /token|session|\bcode\b|auth|api|fuse|queue|graphql|error|server|null|undefined|retry|invalid|令牌|会话|密钥|接口|参数|服务器|授权码|凭证|[A-Z]{2,}_|\{/i

const undo: (() => void)[] = []
const replace = (texts: Parameters<typeof setTexts>[0]) => undo.push(setTexts(texts))
afterEach(() => {
  for (const take of undo.splice(0)) take()
})

describe('every code', () => {
  test.each(errorCodes)('%s has words for people in both languages', (code) => {
    const zh = textOf({ code })
    const en = textOf({ code }, 'en')
    expect(zh).toMatch(chinese)
    expect(en).not.toMatch(chinese)
    expect(en.length).toBeGreaterThan(10)
    expect(zh).not.toMatch(jargon)
    expect(en).not.toMatch(jargon)
  })

  test.each(errorCodes)('%s says what to do next', (code) => {
    expect(textOf({ code })).toMatch(/请|再/)
    expect(textOf({ code }, 'en')).toMatch(/please|tap/i)
  })
})

describe('waiting', () => {
  test.each([
    [1, '请等待 1 秒后再试', 'wait 1 second and'],
    [4001, '请等待 5 秒后再试', 'wait 5 seconds and'],
    [90_000, '请等待 90 秒后再试', 'wait 90 seconds and'],
    [90_001, '请等待 2 分钟后再试', 'wait 2 minutes and'],
    [86_400_000, '请等待 24 小时后再试', 'wait 24 hours and'],
    [undefined, '请等待片刻后再试', 'wait a moment and'],
  ])('%s ms', (retryAfterMs, zh, en) => {
    for (const code of ['FUSE_OPEN', 'RATE_LIMITED'] as const) {
      const error = new MpAuthError(code, 'login', { retryAfterMs })
      expect(textOf(error)).toContain(zh)
      expect(textOf(error, 'en')).toContain(en)
    }
  })
})

test.each([
  [new TypeError('x is not a function')],
  ['text'],
  [null],
  [undefined],
  [{ code: 'toString' }],
  [{ code: 1 }],
])('%s, which is no error of the SDK, gets words too, and none of its own', (thrown) => {
  expect(textOf(thrown)).toBe(textOf({ code: 'INTERNAL' }))
  expect(textOf(thrown, 'en')).toBe(textOf({ code: 'INTERNAL' }, 'en'))
})

describe('labels', () => {
  const [zh, en] = [labels(), labels('en')]

  test.each(Object.keys(zh) as LabelName[])('%s is there in both languages', (name) => {
    expect(zh[name]).toMatch(chinese)
    expect(en[name]).not.toMatch(chinese)
    expect(en[name].length).toBeGreaterThan(3)
    expect(zh[name].replace('{name}', '')).not.toMatch(jargon)
    expect(en[name].replace('{name}', '').replace(/try again/i, '')).not.toMatch(jargon)
  })

  test('those about the privacy guide have a place for its name', () => {
    for (const words of [zh, en]) {
      expect(words.privacyText).toContain('{name}')
      expect(words.privacyContract).toContain('{name}')
    }
  })
})

test('words for this once come before all others, and take {wait} too', () => {
  expect(textOf({ code: 'FUSE_OPEN', retryAfterMs: 3000 }, 'en', { FUSE_OPEN: 'In {wait}' })).toBe('In 3 seconds')
  expect(textOf({ code: 'NETWORK' }, 'en', { FUSE_OPEN: 'Later' })).toBe(textOf({ code: 'NETWORK' }, 'en'))
})

describe('setTexts', () => {
  test('replaces words of one language and leaves the others', () => {
    const before = textOf({ code: 'NETWORK' }, 'en')
    replace({ zh: { NETWORK: '断网了', save: '提交' } })
    expect(textOf({ code: 'NETWORK' })).toBe('断网了')
    expect(labels().save).toBe('提交')
    expect(textOf({ code: 'NETWORK' }, 'en')).toBe(before)
    expect(labels('en').save).toBe('Save')
    expect(labels().close).toBe('关闭')
  })

  test('takes {wait} as the built-in words do', () => {
    replace({ en: { FUSE_OPEN: 'Back in {wait}' } })
    expect(textOf({ code: 'FUSE_OPEN', retryAfterMs: 3000 }, 'en')).toBe('Back in 3 seconds')
  })

  test('later words win, empty ones too, and can be taken back', () => {
    replace({ en: { skip: 'Later' } })
    const take = setTexts({ en: { skip: '' } })
    expect(labels('en').skip).toBe('')
    take()
    expect(labels('en').skip).toBe('Later')
  })
})
