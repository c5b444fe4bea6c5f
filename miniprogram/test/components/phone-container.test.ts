// @vitest-environment jsdom
import { describe, expect, test, vi } from 'vitest'
import { textOf } from '../../src/texts'
import { isOn, scene } from './support/runtime'
import { inBothFrameworks } from './support/suite'
import { settle } from './support/world'

const plain = scene(`
  <phone-container id="it" bind:getphonenumber="on" bind:fail="on" bind:needagree="on" bind:agree="on">
    <text>Give</text>
  </phone-container>`)
const full = scene(
  `
  <phone-container
    id="it" mode="{{mode}}" disabled="{{disabled}}" busy="{{busy}}" need-agree="{{needAgree}}" quota-toast="{{toast}}"
    privacy="{{privacy}}" label="{{label}}" lang="{{lang}}" text="{{text}}" plain="{{plain}}"
    bind:getphonenumber="on" bind:fail="on" bind:needagree="on" bind:agree="on"
  />`,
  {
    mode: 'quick',
    disabled: false,
    busy: false,
    needAgree: false,
    toast: true,
    privacy: 'auto',
    label: '',
    lang: 'zh',
    text: {},
    plain: false,
  },
)
const button = '#it >>> #mpauth-phone'
const shield = '#it >>> .mpauth-shield'
const ok = { errMsg: 'getPhoneNumber:ok', code: 'c0de', iv: 'iv', encryptedData: 'data' }

inBothFrameworks((bench) => {
  test('wraps what the host puts into it in the phone button', () => {
    const screen = bench.show(plain)
    expect(screen.get(button).text).toBe('Give')
    expect(screen.get(button).attr('open-type')).toBe('getPhoneNumber')
  })

  test('hands the code on, once, and not the ciphertext that comes with it', () => {
    const screen = bench.show(plain)
    screen.get(button).fire('getphonenumber', ok)
    expect(screen.events).toEqual([{ type: 'getphonenumber', detail: { code: 'c0de' } }])
  })

  test('asks for a number checked this moment in realtime mode, under its own event', () => {
    const screen = bench.show(full, { mode: 'realtime' })
    expect(screen.get(button).attr('open-type')).toBe('getRealtimePhoneNumber')
    screen.get(button).fire('getrealtimephonenumber', { errMsg: 'getRealtimePhoneNumber:ok', code: 'c0de' })
    expect(screen.events).toEqual([{ type: 'getphonenumber', detail: { code: 'c0de' } }])
  })

  test('is quick where WeChat knows no realtime', () => {
    bench.native.missing.add('button.open-type.getRealtimePhoneNumber')
    const screen = bench.show(full, { mode: 'realtime' })
    expect(screen.get(button).attr('open-type')).toBe('getPhoneNumber')
  })

  describe('a failure', () => {
    test.each([
      [{ errMsg: 'getPhoneNumber:fail user deny' }, 'USER_DENIED'],
      [{ errMsg: 'getPhoneNumber:fail user deny', errno: 103 }, 'USER_DENIED'],
      [{ errMsg: 'getPhoneNumber:fail:user deny' }, 'USER_DENIED'],
      [{ errMsg: 'getPhoneNumber:user deny' }, 'USER_DENIED'],
      [{ errMsg: 'getPhoneNumber:fail user cancel' }, 'USER_DENIED'],
      [{ errMsg: 'getPhoneNumber:fail', errno: 1400001 }, 'PHONE_QUOTA_EXHAUSTED'],
      [{ errMsg: 'getPhoneNumber:fail appid no enough quota' }, 'PHONE_QUOTA_EXHAUSTED'],
      [{ errMsg: 'getPhoneNumber:fail', errno: 103 }, 'PRIVACY_DENIED'],
      [{ errMsg: 'getPhoneNumber:fail privacy permission is not authorized', errno: 104 }, 'PRIVACY_DENIED'],
      [{ errMsg: 'getPhoneNumber:fail privacy permission is not authorized' }, 'PRIVACY_DENIED'],
      [{ errMsg: 'getPhoneNumber:fail', errno: 101102 }, 'PRIVACY_DENIED'],
      [
        { errMsg: 'getPhoneNumber:fail api scope is not declared in the privacy agreement', errno: 112 },
        'PRIVACY_UNDECLARED',
      ],
      [{ errMsg: 'getPhoneNumber:fail appid privacy api banned', errno: 1025 }, 'PRIVACY_UNDECLARED'],
      [{ errMsg: 'getPhoneNumber:fail', errno: 101100 }, 'PRIVACY_UNDECLARED'],
      [{ errMsg: 'getPhoneNumber:fail', errno: 101101 }, 'PRIVACY_UNDECLARED'],
      [{ errMsg: 'getPhoneNumber:fail no permission', errno: 102 }, 'CONFIG'],
      [{ errMsg: 'getPhoneNumber:fail operateWXData:fail jsapi has no permission' }, 'CONFIG'],
      [{ errMsg: 'getPhoneNumber:fail', errno: 1421102 }, 'FORBIDDEN'],
      [{ errMsg: 'getPhoneNumber:fail', errno: 999 }, 'UNSUPPORTED'],
      [{ errMsg: 'getPhoneNumber:fail timeout' }, 'TIMEOUT'],
      [{ errMsg: 'getPhoneNumber:fail network error' }, 'NETWORK'],
      [{ errMsg: 'getPhoneNumber:ok' }, 'UNSUPPORTED'],
    ])('%j is %s', (detail, code) => {
      const screen = bench.show(plain)
      screen.get(button).fire('getphonenumber', detail)
      expect(screen.events).toHaveLength(1)
      expect(screen.of('fail')[0]).toMatchObject({ code, text: expect.any(String) })
      expect(screen.of('fail')[0].errno).toBe('errno' in detail ? detail.errno : undefined)
    })

    test('is told in the language of the component, or in the words of the host', () => {
      const screen = bench.show(full, { lang: 'en' })
      screen.get(button).fire('getphonenumber', { errMsg: 'getPhoneNumber:fail user deny' })
      screen.set({ lang: 'zh' })
      screen.get(button).fire('getphonenumber', { errMsg: 'getPhoneNumber:fail user deny' })
      screen.set({ text: { USER_DENIED: 'Maybe later' } })
      screen.get(button).fire('getphonenumber', { errMsg: 'getPhoneNumber:fail user deny' })
      const [en, zh, own] = screen.of('fail')
      expect(en.text).toBe(textOf({ code: 'USER_DENIED' }, 'en'))
      expect(zh.text).toBe(textOf({ code: 'USER_DENIED' }, 'zh'))
      expect(own.text).toBe('Maybe later')
    })
  })

  describe('the guard against paying twice', () => {
    test('keeps further taps away from the tap to the answer', () => {
      const screen = bench.show(plain)
      expect(screen.find(shield)).toBeNull()
      screen.get(button).tap()
      expect(screen.find(shield)).not.toBeNull()
      // Disabled, some versions would not report the answer of the dialog that is open.
      expect(screen.get(button).disabled).toBe(false)
      screen.get(button).fire('getphonenumber', ok)
      expect(screen.find(shield)).toBeNull()
    })

    test('lets go after a failure, so that the person can try again', () => {
      const screen = bench.show(plain)
      screen.get(button).tap()
      screen.get(button).fire('getphonenumber', { errMsg: 'getPhoneNumber:fail user deny' })
      expect(screen.find(shield)).toBeNull()
    })

    test('lets go after ten seconds without an answer', () => {
      vi.useFakeTimers()
      const screen = bench.show(plain)
      screen.get(button).tap()
      vi.advanceTimersByTime(9999)
      expect(screen.find(shield)).not.toBeNull()
      vi.advanceTimersByTime(1)
      expect(screen.find(shield)).toBeNull()
    })

    test('leaves no timer behind', () => {
      vi.useFakeTimers()
      const screen = bench.show(plain)
      screen.get(button).tap()
      screen.detach()
      expect(vi.getTimerCount()).toBe(0)
    })

    test('is disabled while the host is busy, and drops an answer that comes then', () => {
      const screen = bench.show(full, { busy: true })
      expect(screen.get(button).disabled).toBe(true)
      expect(isOn(screen.get(button).attr('aria-disabled'))).toBe(true)
      screen.get(button).fire('getphonenumber', ok)
      expect(screen.events).toEqual([])
    })

    test('does not begin on a disabled button', () => {
      const screen = bench.show(full, { disabled: true })
      expect(screen.get(button).disabled).toBe(true)
      screen.get(button).fire('tap', {})
      expect(screen.find(shield)).toBeNull()
    })
  })

  test('reports the tap, and lets WeChat not ask, while the agreement is not ticked', () => {
    const screen = bench.show(full, { needAgree: true })
    expect(screen.get(button).attr('open-type') || '').toBe('')
    screen.get(button).tap()
    expect(screen.events.map(({ type }) => type)).toEqual(['needagree'])
    expect(screen.find(shield)).toBeNull()
    screen.set({ needAgree: false })
    expect(screen.get(button).attr('open-type')).toBe('getPhoneNumber')
  })

  test('says whether WeChat is to tell that the quota is used up', () => {
    const screen = bench.show(full)
    expect(isOn(screen.get(button).attr('phone-number-no-quota-toast'))).toBe(true)
    screen.set({ toast: false })
    expect(isOn(screen.get(button).attr('phone-number-no-quota-toast'))).toBe(false)
  })

  test('shows its label, for those who put nothing into it, and looks as they want', () => {
    const screen = bench.show(full, { label: 'Your number' })
    expect(screen.get(button).text).toBe('Your number')
    expect(screen.find('#it >>> .mpauth-button')).not.toBeNull()
    screen.set({ plain: true })
    expect(screen.find('#it >>> .mpauth-button')).toBeNull()
    expect(screen.find('#it >>> .mpauth-plain')).not.toBeNull()
  })

  describe('the consent to the privacy guide', () => {
    const coupled = 'getPhoneNumber|agreePrivacyAuthorization'

    test('is asked for along with the number when coupled', () => {
      const screen = bench.show(full, { privacy: 'couple' })
      expect(screen.get(button).attr('open-type')).toBe(coupled)
      screen.get(button).fire('agreeprivacyauthorization', { errMsg: 'agree:ok' })
      expect(screen.events.map(({ type }) => type)).toEqual(['agree'])
      screen.get(button).fire('getphonenumber', { errMsg: 'getPhoneNumber:fail user deny', errno: 103 })
      expect(screen.of('fail')[0].code).toBe('PRIVACY_DENIED')
    })

    test.each([
      ['needed', '3.8.0', true, coupled],
      ['given', '3.8.0', false, 'getPhoneNumber'],
      ['needed, where coupling is known to fail', '3.0.0', true, 'getPhoneNumber'],
    ])('auto: %s', (_, library, needed, openType) => {
      bench.native.library = library
      bench.native.consentNeeded = needed
      const screen = bench.show(full)
      expect(screen.get(button).attr('open-type')).toBe(openType)
    })

    test('is not coupled where WeChat does not ask for it: such a button would do nothing', () => {
      bench.native.library = '2.32.2'
      const screen = bench.show(full, { privacy: 'couple' })
      expect(screen.get(button).attr('open-type')).toBe('getPhoneNumber')
    })

    test('auto: missing when the number was wanted, is asked for along with it the next time', () => {
      const screen = bench.show(full)
      bench.native.consentNeeded = true
      screen.get(button).fire('getphonenumber', { errMsg: 'getPhoneNumber:fail', errno: 104 })
      expect(screen.get(button).attr('open-type')).toBe(coupled)
    })

    test('auto: given, a refusal is one of the number', () => {
      bench.native.consentNeeded = true
      const screen = bench.show(full)
      screen.get(button).fire('agreeprivacyauthorization', { errMsg: 'agree:ok' })
      screen.get(button).fire('getphonenumber', { errMsg: 'getPhoneNumber:fail user deny', errno: 103 })
      expect(screen.of('fail')[0].code).toBe('USER_DENIED')
    })

    test('none leaves it to WeChat', () => {
      bench.native.consentNeeded = true
      const screen = bench.show(full, { privacy: 'none' })
      expect(screen.get(button).attr('open-type')).toBe('getPhoneNumber')
    })
  })

  describe('on base libraries that give a ciphertext only', () => {
    test('readies the key before the button, again at each show, and hands the ciphertext on', async () => {
      bench.native.library = '2.20.3'
      const { phone, session } = bench.world()
      await session.login()
      const screen = bench.show(plain)
      expect(screen.get(button).disabled).toBe(true)
      await settle()
      expect(phone.keyChecks).toBe(1)
      expect(screen.get(button).disabled).toBe(false)
      screen.get(button).fire('getphonenumber', { errMsg: 'getPhoneNumber:ok', iv: 'iv', encryptedData: 'data' })
      expect(screen.of('getphonenumber')).toEqual([{ iv: 'iv', encryptedData: 'data' }])
      // The tap itself checks nothing: a key renewed now would make the ciphertext useless (D10).
      await settle()
      expect(phone.keyChecks).toBe(1)
      screen.pageShow()
      expect(screen.get(button).disabled).toBe(true)
      await settle()
      expect(phone.keyChecks).toBe(2)
      expect(screen.get(button).disabled).toBe(false)
    })

    test('leaves key and button alone while WeChat asks and while the host sends, though the page is shown anew', async () => {
      bench.native.library = '2.20.3'
      const { phone, session } = bench.world()
      await session.login()
      const screen = bench.show(full)
      await settle()
      screen.get(button).tap()
      screen.pageShow()
      expect(screen.get(button).disabled).toBe(false)
      screen.get(button).fire('getphonenumber', { errMsg: 'getPhoneNumber:ok', iv: 'iv', encryptedData: 'data' })
      screen.set({ busy: true })
      screen.pageShow()
      await settle()
      expect(phone.keyChecks).toBe(1)
    })

    test('asks WeChat for nothing while the key is not good, and tries again at a tap', async () => {
      bench.native.library = '2.20.3'
      const { phone, session, server } = bench.world()
      await session.login()
      phone.keyIsGood = false
      server.loginFailure = new bench.build.core.MpAuthError('NETWORK', 'offline', { retryable: true })
      const screen = bench.show(plain)
      await settle()
      expect(screen.of('fail')[0].code).toBe('NETWORK')
      expect(screen.get(button).attr('open-type') || '').toBe('')
      server.loginFailure = null
      screen.get(button).tap()
      await settle()
      expect(screen.get(button).attr('open-type')).toBe('getPhoneNumber')
    })

    test('checks no key where a code comes', async () => {
      const { phone, session } = bench.world()
      await session.login()
      bench.show(plain)
      await settle()
      expect(phone.keyChecks).toBe(0)
    })
  })
})
