// @vitest-environment jsdom
import { describe, expect, test, vi } from 'vitest'
import { labels, textOf } from '../../src/texts'
import { scene } from './support/runtime'
import { inBothFrameworks } from './support/suite'
import { person, settle } from './support/world'

const simple = scene('<auth-flow id="it" bind:done="on" bind:fail="on" />')
const full = scene(
  `<auth-flow id="it" need="{{need}}" lang="{{lang}}" text="{{text}}" bind:done="on" bind:fail="on">
    <view slot="quota">BY SMS</view>
  </auth-flow>`,
  { need: [], lang: 'zh', text: {} },
)
const user = '#it >>> #mpauth-user'
const form = `${user} >>> .mpauth-form`
const submit = `${user} >>> #mpauth-submit`
const button = '#it >>> #mpauth-phone >>> #mpauth-phone'
const error = '#it >>> .mpauth-error'
const retry = '#it >>> #mpauth-retry'
const again = '#it >>> #mpauth-again'
const nickname = { value: { nickname: 'Ann' } }
const code = { errMsg: 'getPhoneNumber:ok', code: 'c0de' }

inBothFrameworks((bench) => {
  test.each(['DECRYPT_WX_OPEN_DATA_FAIL', 'PHONE_CODE_INVALID'] as const)(
    '%s asks for another tap, and does not try by itself',
    async (failure) => {
      const { server } = bench.world()
      server.user = person({ hasProfile: true })
      server.failures.push(new bench.build.core.MpAuthError(failure, '', { action: 'TAP_AGAIN' }))
      const screen = bench.show(simple)
      await settle()
      screen.get(button).fire('getphonenumber', code)
      await settle()
      expect(server.of('updatePhone')).toHaveLength(1)
      expect(screen.get(error).text).toContain('再点一次')
      expect(screen.get(button).disabled).toBe(false)
      expect(screen.of('fail')).toEqual([{ code: failure, action: 'TAP_AGAIN', text: screen.get(error).text }])
      screen.get(button).fire('getphonenumber', { ...code, code: 'new' })
      await settle()
      expect(screen.find(error)).toBeNull()
      expect(screen.of('done')).toHaveLength(1)
    },
  )

  describe('a number that did not reach the server', () => {
    /** The phone is asked for, and the network fails once the person has given it. */
    async function lost() {
      const { server } = bench.world()
      server.user = person({ hasProfile: true })
      server.failures.push(new bench.build.core.MpAuthError('NETWORK', '', { retryable: true }))
      const screen = bench.show(simple)
      await settle()
      screen.get(button).fire('getphonenumber', code)
      await settle()
      return { server, screen }
    }

    test("is sent anew at a tap, without WeChat's button: that would cost again", async () => {
      const { server, screen } = await lost()
      expect(screen.get(error).text).toBe(textOf({ code: 'NETWORK' }))
      expect(screen.find(button)).toBeNull()
      expect(screen.get(again).text).toBe(labels('zh').retry)
      screen.get(again).tap()
      expect(screen.get(again).disabled).toBe(true)
      await settle()
      expect(server.of('updatePhone')).toEqual([{ code: 'c0de' }, { code: 'c0de' }])
      expect(screen.of('done')).toHaveLength(1)
    })

    test('can be sent anew as often as it takes', async () => {
      const { server, screen } = await lost()
      server.failures.push(new bench.build.core.MpAuthError('TIMEOUT', '', { retryable: true }))
      screen.get(again).tap()
      await settle()
      screen.get(again).tap()
      await settle()
      expect(server.of('updatePhone')).toHaveLength(3)
      expect(screen.of('done')).toHaveLength(1)
    })

    test('is asked for anew when the server does not want it any more', async () => {
      const { server, screen } = await lost()
      server.failures.push(new bench.build.core.MpAuthError('PHONE_CODE_INVALID', '', { action: 'TAP_AGAIN' }))
      screen.get(again).tap()
      await settle()
      expect(screen.find(again)).toBeNull()
      screen.get(button).fire('getphonenumber', { ...code, code: 'new' })
      await settle()
      expect(server.of('updatePhone').at(-1)).toEqual({ code: 'new' })
      expect(screen.of('done')).toHaveLength(1)
    })

    test('gives way to another that the host has', async () => {
      const { server, screen } = await lost()
      await screen.get('#it').instance.nextStep({ type: 'getphonenumber', detail: { ...code, code: 'new' } })
      expect(server.of('updatePhone')).toEqual([{ code: 'c0de' }, { code: 'new' }])
    })

    test('is forgotten with a question that is another', async () => {
      const { server, screen } = await lost()
      const { instance } = screen.get('#it')
      instance.setData({ need: ['PROFILE'] })
      instance.setData({ need: ['PHONE'] })
      expect(screen.find(again)).toBeNull()
      await instance.nextStep()
      expect(server.of('updatePhone')).toHaveLength(1)
    })
  })

  test('an error is told aloud, in the language of the component', async () => {
    const { server } = bench.world()
    server.failures.push(new bench.build.core.MpAuthError('CONTENT_RISKY'))
    const screen = bench.show(full, { lang: 'en' })
    await settle()
    screen.get(form).fire('submit', nickname)
    await settle()
    expect(screen.get(error).text).toBe(textOf({ code: 'CONTENT_RISKY' }, 'en'))
    expect(screen.get(error).attr('aria-live')).toBe('assertive')
    expect(screen.get(error).attr('aria-role')).toBe('alert')
    expect(screen.get(submit).disabled).toBe(false)
  })

  test('an error is told in the words of the host, of the server and of the buttons alike', async () => {
    const { server } = bench.world()
    server.failures.push(new bench.build.core.MpAuthError('CONTENT_RISKY'))
    const text = { CONTENT_RISKY: 'Not this name', USER_DENIED: 'Maybe later' }
    const screen = bench.show(full, { text })
    await settle()
    screen.get(form).fire('submit', nickname)
    await settle()
    expect(screen.get(error).text).toBe('Not this name')
    screen.set({ need: ['PHONE'] })
    screen.get(button).fire('getphonenumber', { errMsg: 'getPhoneNumber:fail user deny' })
    expect(screen.get(error).text).toBe('Maybe later')
  })

  test.each([
    [{ errMsg: 'getPhoneNumber:fail user deny' }, 'USER_DENIED'],
    [{ errMsg: 'getPhoneNumber:fail', errno: 104 }, 'PRIVACY_DENIED'],
    [{ errMsg: 'getPhoneNumber:fail', errno: 112 }, 'PRIVACY_UNDECLARED'],
  ])('%j of the phone button leaves the question where it is', async (detail, failure) => {
    const { server } = bench.world()
    server.user = person({ hasProfile: true })
    const screen = bench.show(simple)
    await settle()
    screen.get(button).fire('getphonenumber', detail)
    await settle()
    expect(screen.get(error).text).toBe(textOf({ code: failure }))
    expect(screen.of('fail')[0]).toMatchObject({ code: failure })
    expect(screen.get(button).disabled).toBe(false)
    expect(server.of('updatePhone')).toEqual([])
  })

  test.each([
    [{ errMsg: 'getPhoneNumber:fail', errno: 112 }, 'privacy guide'],
    [{ errMsg: 'getPhoneNumber:fail no permission', errno: 102 }, 'permission'],
  ])('%j is told to the developer', async (detail, hint) => {
    const lines: unknown[] = []
    const logger = new bench.build.core.Logger({ sinks: [(_, args) => lines.push(...args)] })
    const { server } = bench.world({ logger })
    server.user = person({ hasProfile: true })
    const screen = bench.show(simple)
    await settle()
    screen.get(button).fire('getphonenumber', detail)
    expect(lines.join()).toContain(hint)
  })

  test('an exhausted quota shows the other way that the host offers', async () => {
    bench.world()
    const screen = bench.show(full, { need: ['PHONE'] })
    await settle()
    expect(screen.get('#it').text).not.toContain('BY SMS')
    screen.get(button).fire('getphonenumber', { errMsg: 'getPhoneNumber:fail', errno: 1400001 })
    expect(screen.get('#it').text).toContain('BY SMS')
  })

  test('who is logged out meanwhile is asked to come back, and then for what was missing', async () => {
    const { server } = bench.world()
    server.failures.push(new bench.build.core.MpAuthError('LOGGED_OUT'))
    const screen = bench.show(simple)
    await settle()
    screen.get(form).fire('submit', nickname)
    await settle()
    expect(screen.find(user)).toBeNull()
    expect(screen.get(error).text).toBe(textOf({ code: 'LOGGED_OUT' }))
    screen.get(retry).tap()
    await settle()
    expect(screen.find(error)).toBeNull()
    expect(screen.find(user)).not.toBeNull()
  })

  test('a failed login is followed by a button that tries again', async () => {
    const { server } = bench.world()
    server.loginFailure = new bench.build.core.MpAuthError('NETWORK', 'offline', { retryable: true })
    const screen = bench.show(simple)
    await settle()
    expect(screen.get(error).text).toBe(textOf({ code: 'NETWORK' }))
    expect(screen.get(retry).text).toBe(labels('zh').retry)
    server.loginFailure = null
    screen.get(retry).tap()
    await settle()
    expect(screen.find(error)).toBeNull()
    expect(screen.find(user)).not.toBeNull()
  })

  test('an app without a session hears of it aloud', () => {
    const loud = vi.spyOn(console, 'error').mockImplementation(() => {})
    const screen = bench.show(simple)
    expect(loud).toHaveBeenCalledWith(expect.stringContaining('CONFIG'))
    loud.mockRestore()
    expect(screen.get(error).text).toBe(textOf({ code: 'CONFIG' }))
  })
})
