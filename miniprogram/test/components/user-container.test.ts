// @vitest-environment jsdom
import { describe, expect, test } from 'vitest'
import { labels } from '../../src/texts'
import { isOn, scene } from './support/runtime'
import { inBothFrameworks } from './support/suite'
import { settle } from './support/world'

const events = `bind:getuserinfo="on" bind:chooseavatar="on" bind:reviewfail="on" bind:fail="on"`
const simple = scene(`
  <user-container id="it" ${events}>
    <text>Keep</text>
    <view slot="extra">EXTRA</view>
  </user-container>`)
const full = scene(
  `<user-container
    id="it" nickname="{{nickname}}" avatar-path="{{path}}" mode="{{mode}}" busy="{{busy}}" min-length="{{min}}"
    label="{{label}}" custom="{{custom}}" privacy="{{privacy}}" lang="{{lang}}" text="{{text}}" ${events}
  >
    <view slot="avatar">MY PICTURE</view>
  </user-container>`,
  {
    nickname: '',
    path: '',
    mode: 'form',
    busy: false,
    min: 1,
    label: 'Save',
    custom: '',
    privacy: 'auto',
    lang: 'zh',
    text: {},
  },
)
const form = '#it >>> .mpauth-form'
const picker = '#it >>> #mpauth-avatar'
const field = '#it >>> #mpauth-nickname'
const button = '#it >>> #mpauth-submit'
const hint = '#it >>> .mpauth-error'
const picture = 'wxfile://tmp_1.jpg'

inBothFrameworks((bench) => {
  describe('the form', () => {
    test('has the picture chooser, the nickname field, the extra slot and a button with the text of the host', () => {
      const screen = bench.show(simple)
      expect(screen.get(picker).attr('open-type')).toBe('chooseAvatar')
      expect(screen.get(field).attr('type')).toBe('nickname')
      expect(screen.get(field).attr('name')).toBe('nickname')
      expect(screen.get(button).attr('form-type')).toBe('submit')
      expect(screen.get(button).text).toBe('Keep')
      expect(screen.get('#it').text).toContain('EXTRA')
    })

    test('reports picture and nickname as they are at submit, not as they were typed', () => {
      const screen = bench.show(simple)
      screen.get(picker).fire('chooseavatar', { avatarUrl: picture })
      screen.get(field).fire('input', { value: 'typed and then rejected' })
      screen.get(form).fire('submit', { value: { nickname: '  Ann ' } })
      expect(screen.events).toEqual([
        { type: 'chooseavatar', detail: { avatarUrl: picture } },
        { type: 'getuserinfo', detail: { nickname: 'Ann', avatarPath: picture } },
      ])
    })

    test('takes a nickname without a picture', () => {
      const screen = bench.show(simple)
      screen.get(form).fire('submit', { value: { nickname: 'Ann' } })
      expect(screen.of('getuserinfo')).toEqual([{ nickname: 'Ann', avatarPath: '' }])
    })

    test.each([
      ['', 'nicknamePlaceholder'],
      ['   ', 'nicknamePlaceholder'],
      ['A', 'nicknameShort'],
      ['微信用户', 'nicknameRejected'],
    ] as const)('does not take %j for a nickname, and says why: %s', (nickname, label) => {
      const screen = bench.show(full, { min: 2 })
      screen.get(form).fire('submit', { value: { nickname } })
      expect(screen.of('getuserinfo')).toEqual([])
      expect(screen.get(hint).text).toBe(labels('zh')[label])
      expect(screen.get(hint).attr('aria-live')).toBe('assertive')
    })

    test('counts what a person calls a character', () => {
      const screen = bench.show(full, { min: 2 })
      screen.get(form).fire('submit', { value: { nickname: '😀' } })
      expect(screen.of('getuserinfo')).toEqual([])
      screen.get(form).fire('submit', { value: { nickname: '😀安' } })
      expect(screen.of('getuserinfo')).toHaveLength(1)
    })

    test('begins with what is known, and sends only pictures of this device', () => {
      const screen = bench.show(full, { nickname: 'Ann', path: 'https://example.com/a.jpg' })
      expect(screen.get(field).attr('value')).toBe('Ann')
      screen.get('#it').instance.submit()
      screen.set({ path: 'http://tmp/b.jpg' })
      screen.get('#it').instance.submit()
      expect(screen.of('getuserinfo')).toEqual([
        { nickname: 'Ann', avatarPath: '' },
        { nickname: 'Ann', avatarPath: 'http://tmp/b.jpg' },
      ])
    })

    test('is submitted by a method too, with what was typed', () => {
      const screen = bench.show(simple)
      screen.get(field).fire('input', { value: 'Ann' })
      screen.get('#it').instance.submit()
      expect(screen.of('getuserinfo')).toEqual([{ nickname: 'Ann', avatarPath: '' }])
    })

    test('keeps what was given when the host could not save it', () => {
      const screen = bench.show(full)
      screen.get(picker).fire('chooseavatar', { avatarUrl: picture })
      screen.get(field).fire('input', { value: 'Ann' })
      screen.set({ busy: true, nickname: '', path: '' })
      screen.set({ busy: false })
      screen.get('#it').instance.submit()
      expect(screen.of('getuserinfo')).toEqual([{ nickname: 'Ann', avatarPath: picture }])
    })

    test('takes nothing while the host is busy', () => {
      const screen = bench.show(full, { busy: true })
      expect(screen.get(button).disabled).toBe(true)
      expect(isOn(screen.get(button).attr('aria-disabled'))).toBe(true)
      screen.get(form).fire('submit', { value: { nickname: 'Ann' } })
      screen.get(picker).fire('chooseavatar', { avatarUrl: picture })
      expect(screen.events).toEqual([])
    })
  })

  describe('the review of the nickname', () => {
    test('that fails clears the field and stops the form until something is typed', () => {
      const screen = bench.show(simple)
      screen.get(field).fire('input', { value: 'bad' })
      screen.get(field).fire('nicknamereview', { pass: false, timeout: false })
      expect(screen.of('reviewfail')).toEqual([{ pass: false, timeout: false }])
      expect(screen.get(hint).text).toBe(labels('zh').nicknameRejected)
      expect(screen.get(button).disabled).toBe(true)
      screen.get('#it').instance.submit()
      expect(screen.of('getuserinfo')).toEqual([])
      screen.get(field).fire('input', { value: 'good' })
      expect(screen.find(hint)).toBeNull()
      expect(screen.get(button).disabled).toBe(false)
      screen.get('#it').instance.submit()
      expect(screen.of('getuserinfo')).toEqual([{ nickname: 'good', avatarPath: '' }])
    })

    test.each([
      { pass: true, timeout: false },
      { pass: false, timeout: true },
    ])('%j changes nothing', (detail) => {
      const screen = bench.show(simple)
      screen.get(field).fire('input', { value: 'Ann' })
      screen.get(field).fire('nicknamereview', detail)
      screen.get('#it').instance.submit()
      expect(screen.events.map(({ type }) => type)).toEqual(['getuserinfo'])
    })
  })

  test('is a form of plain text where WeChat has no picture chooser', () => {
    bench.native.missing.add('button.open-type.chooseAvatar')
    const screen = bench.show(simple)
    expect(screen.find(picker)).toBeNull()
    expect(screen.get(field).attr('type')).toBe('text')
    screen.get(form).fire('submit', { value: { nickname: 'Ann' } })
    expect(screen.of('getuserinfo')).toEqual([{ nickname: 'Ann', avatarPath: '' }])
  })

  test('says so where there is neither the picture chooser nor a field to ask with', () => {
    bench.native.missing.add('button.open-type.chooseAvatar')
    const screen = bench.show(full, { mode: 'avatar' })
    screen.pageShow()
    expect(screen.events).toEqual([{ type: 'fail', detail: { code: 'UNSUPPORTED', text: expect.any(String) } }])
  })

  test('asks for the picture alone, and reports it at once', () => {
    const screen = bench.show(full, { mode: 'avatar' })
    expect(screen.find(field)).toBeNull()
    expect(screen.find(button)).toBeNull()
    screen.get(picker).fire('chooseavatar', { avatarUrl: picture })
    expect(screen.of('getuserinfo')).toEqual([{ nickname: '', avatarPath: picture }])
  })

  test('lets the host draw the picture', () => {
    const screen = bench.show(full, {})
    expect(screen.get('#it').text).not.toContain('MY PICTURE')
    screen.set({ custom: 'avatar' })
    expect(screen.get(picker).text).toBe('MY PICTURE')
    screen.get(picker).fire('chooseavatar', { avatarUrl: picture })
    expect(screen.of('chooseavatar')).toHaveLength(1)
  })

  test('speaks Chinese, English, or as the host does', () => {
    const screen = bench.show(full, {})
    expect(screen.get(picker).attr('aria-label')).toBe(labels('zh').avatar)
    expect(screen.get(field).attr('aria-label')).toBe(labels('zh').nickname)
    screen.set({ lang: 'en' })
    expect(screen.get(picker).attr('aria-label')).toBe(labels('en').avatar)
    expect(screen.get(field).attr('placeholder')).toBe(labels('en').nicknamePlaceholder)
    screen.set({ text: { avatar: 'Your face' } })
    expect(screen.get(picker).attr('aria-label')).toBe('Your face')
    expect(screen.get(field).attr('placeholder')).toBe(labels('en').nicknamePlaceholder)
  })

  describe('without consent to the privacy guide', () => {
    test('asks when the field is touched, since WeChat would silently make a plain one of it', () => {
      bench.native.consentNeeded = true
      const screen = bench.show(simple)
      expect(bench.native.consentAsked).toBe(0)
      screen.get(field).fire('focus', {})
      screen.get(field).fire('focus', {})
      expect(bench.native.consentAsked).toBe(1)
      expect(screen.events).toEqual([])
    })

    test('reports a refusal', () => {
      bench.native.consentNeeded = true
      bench.native.consentGiven = false
      const screen = bench.show(simple)
      screen.get(field).fire('focus', {})
      expect(screen.of('fail')[0].code).toBe('PRIVACY_DENIED')
    })

    test.each([
      ['where it is given', false, 'auto'],
      ['for a host that sees to it', true, 'none'],
    ])('asks nothing %s', (_, needed, privacy) => {
      bench.native.consentNeeded = needed
      const screen = bench.show(full, { privacy })
      screen.get(field).fire('focus', {})
      expect(bench.native.consentAsked).toBe(0)
    })
  })

  describe('the button of old', () => {
    const legacy = '#it >>> .mpauth-button'
    const answer = { errMsg: 'getUserInfo:ok', iv: 'iv', encryptedData: 'data', rawData: '{}', signature: 'sig' }

    test('readies the key first, and hands the ciphertext on', async () => {
      const { phone, session } = bench.world()
      await session.login()
      const screen = bench.show(full, { mode: 'legacy', privacy: 'none' })
      expect(screen.get(legacy).disabled).toBe(true)
      await settle()
      expect(phone.keyChecks).toBe(1)
      expect(screen.get(legacy).attr('open-type')).toBe('getUserInfo')
      screen.get(legacy).fire('getuserinfo', answer)
      const { errMsg: _, ...encrypted } = answer
      expect(screen.events).toEqual([{ type: 'getuserinfo', detail: { nickname: '', avatarPath: '', encrypted } }])
      screen.pageShow()
      expect(screen.get(legacy).disabled).toBe(true)
      await settle()
      expect(phone.keyChecks).toBe(2)
    })

    test('asks WeChat for nothing while the key is not good, and tries again at a tap', async () => {
      const { phone, session, server } = bench.world()
      await session.login()
      phone.keyIsGood = false
      server.loginFailure = new bench.build.core.MpAuthError('NETWORK', 'offline', { retryable: true })
      const screen = bench.show(full, { mode: 'legacy' })
      await settle()
      expect(screen.of('fail')[0].code).toBe('NETWORK')
      expect(screen.get(legacy).attr('open-type') || '').toBe('')
      server.loginFailure = null
      screen.get(legacy).tap()
      await settle()
      expect(screen.get(legacy).attr('open-type')).toBe('getUserInfo')
    })

    test('takes nothing while the host is busy, and leaves the key alone then', async () => {
      const { phone, session } = bench.world()
      await session.login()
      const screen = bench.show(full, { mode: 'legacy', privacy: 'none' })
      await settle()
      screen.set({ busy: true })
      screen.get(legacy).fire('getuserinfo', answer)
      expect(screen.events).toEqual([])
      screen.pageShow()
      await settle()
      expect(phone.keyChecks).toBe(1)
    })

    test.each([
      [{ errMsg: 'getUserInfo:fail auth deny' }, 'USER_DENIED'],
      [{ errMsg: 'getUserInfo:ok' }, 'UNSUPPORTED'],
    ])('%j is %s', async (detail, code) => {
      const screen = bench.show(full, { mode: 'legacy' })
      await settle()
      screen.get(legacy).fire('getuserinfo', detail)
      expect(screen.events).toHaveLength(1)
      expect(screen.of('fail')[0].code).toBe(code)
    })
  })
})
