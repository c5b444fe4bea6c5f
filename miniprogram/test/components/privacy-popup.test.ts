// @vitest-environment jsdom
import { describe, expect, test } from 'vitest'
import { labels } from '../../src/texts'
import { scene } from './support/runtime'
import { inBothFrameworks } from './support/suite'

const auto = scene(
  '<privacy-popup id="it" auto lang="{{lang}}" text="{{text}}" bind:agree="on" bind:disagree="on"><view>MORE</view></privacy-popup>',
  { lang: 'zh', text: {} },
)
const manual = scene('<privacy-popup id="it" bind:agree="on" bind:disagree="on" />')
const sheet = '#it >>> .mpauth-sheet'
const agree = '#it >>> #mpauth-agree'
const disagree = '#it >>> #mpauth-disagree'

inBothFrameworks((bench) => {
  /** WeChat needs the consent for some call; what the popup answers comes into the list. */
  function need(): { event: string; buttonId?: string }[] {
    const answers: { event: string; buttonId?: string }[] = []
    bench.native.listener?.((answer) => answers.push(answer), { referrer: 'getPhoneNumber' })
    return answers
  }

  test('registers nothing unless told to: the app may have a listener of its own', () => {
    bench.show(manual)
    expect(bench.native.registrations).toBe(0)
  })

  test('is opened by hand', () => {
    const screen = bench.show(manual)
    expect(screen.find(sheet)).toBeNull()
    screen.get('#it').instance.open()
    screen.get(agree).fire('agreeprivacyauthorization', {})
    expect(screen.events.map(({ type }) => type)).toEqual(['agree'])
    expect(screen.find(sheet)).toBeNull()
  })

  describe('auto', () => {
    test('appears when WeChat needs the consent, and says which button was tapped', () => {
      const screen = bench.show(auto)
      expect(screen.find(sheet)).toBeNull()
      const answers = need()
      expect(answers).toEqual([{ event: 'exposureAuthorization' }])
      expect(screen.get(agree).attr('open-type')).toBe('agreePrivacyAuthorization')
      screen.get(agree).fire('agreeprivacyauthorization', {})
      expect(answers[1]).toEqual({ event: 'agree', buttonId: 'mpauth-agree' })
      expect(screen.events.map(({ type }) => type)).toEqual(['agree'])
      expect(screen.find(sheet)).toBeNull()
    })

    test('passes a refusal on', () => {
      const screen = bench.show(auto)
      const answers = need()
      screen.get(disagree).tap()
      expect(answers[1]).toEqual({ event: 'disagree' })
      expect(screen.events.map(({ type }) => type)).toEqual(['disagree'])
      expect(screen.find(sheet)).toBeNull()
    })

    test('answers all who wait', () => {
      const screen = bench.show(auto)
      const [one, other] = [need(), need()]
      screen.get(agree).fire('agreeprivacyauthorization', {})
      expect(one[1]?.event).toBe('agree')
      expect(other[1]?.event).toBe('agree')
    })

    test('leaves no call without an answer when its page goes', () => {
      const screen = bench.show(auto)
      const answers = need()
      screen.detach()
      expect(answers[1]).toEqual({ event: 'disagree' })
    })

    test('hands over to the popup of the page before when its page goes', () => {
      const below = bench.show(auto)
      const above = bench.show(auto)
      need()
      expect(above.find(sheet)).not.toBeNull()
      expect(below.find(sheet)).toBeNull()
      above.detach()
      need()
      expect(below.find(sheet)).not.toBeNull()
    })

    test('gets the call back from whoever took it on the page above', () => {
      const below = bench.show(auto)
      const above = bench.show(auto)
      bench.native.onNeedPrivacyAuthorization(() => {})
      above.detach()
      need()
      expect(below.find(sheet)).not.toBeNull()
    })

    test('takes over when its page is shown again, as tabs are', () => {
      const first = bench.show(auto)
      const second = bench.show(auto)
      first.pageShow()
      need()
      expect(first.find(sheet)).not.toBeNull()
      expect(second.find(sheet)).toBeNull()
    })

    test('refuses for a page without a popup, rather than keep a call waiting', () => {
      const screen = bench.show(auto)
      screen.detach()
      expect(need()).toEqual([{ event: 'disagree' }])
    })

    test('refuses for such a page on top of its own, where nobody would see it', () => {
      const below = bench.show(auto)
      below.pageHide()
      expect(need()).toEqual([{ event: 'disagree' }])
      expect(below.find(sheet)).toBeNull()
      below.pageShow()
      need()
      expect(below.find(sheet)).not.toBeNull()
    })

    test('keeps a call that waits while the app is in the background', () => {
      const screen = bench.show(auto)
      const answers = need()
      screen.pageHide()
      screen.pageShow()
      screen.get(agree).fire('agreeprivacyauthorization', {})
      expect(answers[1]?.event).toBe('agree')
    })

    test('does nothing on base libraries that do not ask', () => {
      Object.assign(bench.native, { onNeedPrivacyAuthorization: undefined, getPrivacySetting: undefined })
      expect(() => bench.show(auto)).not.toThrow()
    })
  })

  test('names the guide of the app, and opens it', () => {
    const screen = bench.show(auto)
    need()
    expect(screen.get(sheet).text).toContain('《小店隐私保护指引》')
    expect(screen.get(sheet).text).toContain('MORE')
    screen.get('#it >>> #mpauth-guide').tap()
    expect(bench.native.contractsOpened).toBe(1)
  })

  test('is a dialog, in Chinese, English, or the words of the host', () => {
    const screen = bench.show(auto)
    need()
    expect(screen.get(sheet).attr('aria-role')).toBe('dialog')
    expect(screen.get(sheet).attr('aria-label')).toBe(labels('zh').privacyTitle)
    screen.set({ lang: 'en' })
    expect(screen.get(agree).text).toBe(labels('en').privacyAgree)
    bench.native.guide = ''
    screen.get('#it').instance.open()
    expect(screen.get(sheet).text).toContain(labels('en').privacyName)
    screen.set({ text: { privacyAgree: 'Fine', privacyName: 'our promise' } })
    expect(screen.get(sheet).text).toContain('our promise')
    expect(screen.get(agree).text).toBe('Fine')
    expect(screen.get(disagree).text).toBe(labels('en').privacyDisagree)
  })
})
