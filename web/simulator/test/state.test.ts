import { expect, test } from 'vitest'
import { readState, writeState } from '../src/ui/state'

test('a newcomer finds the phone as it is made, in the language of the browser', () => {
  const state = readState('', 'zh-TW')
  expect(state).toEqual({
    language: 'zh', user: 'alice', flow: 'profile,phone', platform: 'ios', library: '3.17.0', theme: 'auto', troubles: new Set(), page: '',
  })
  expect(readState('', 'de-DE').language).toBe('en')
  expect(writeState(state)).toBe('#lang=zh')
})

test('a link says what differs, and is read as it was written', () => {
  const link = '#lang=en&user=bob&flow=phone,profile&platform=android&library=2.20.0&theme=dark&trouble=quota,offline&page=pages/orders/index%3Fstatus%3Dpaid%26from%3Dshare'
  const state = readState(link, 'zh')
  expect(state.page).toBe('pages/orders/index?status=paid&from=share')
  expect([...state.troubles]).toEqual(['quota', 'offline'])
  expect(writeState(state)).toBe(link)
})

test('what a link says wrong is not taken', () => {
  const usual = readState('', 'en')
  for (const wrong of ['#user=<b>', '#user=', `#user=${'x'.repeat(33)}`, '#flow=avatar', '#platform=windows', '#library=1', '#theme=blue', '#lang=fr', '#trouble=fire,,', '#%', '#&=&']) {
    expect(readState(wrong, 'en'), wrong).toEqual(usual)
  }
})
