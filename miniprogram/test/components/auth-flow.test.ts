// @vitest-environment jsdom
import { describe, expect, test } from 'vitest'
import { labels } from '../../src/texts'
import { isOn, scene } from './support/runtime'
import { inBothFrameworks } from './support/suite'
import { person, settle, type World } from './support/world'

const events = 'bind:step="on" bind:done="on" bind:cancel="on" bind:fail="on" bind:needagree="on"'
const simple = scene(`<auth-flow id="it" ${events} />`)
const full = scene(
  `<auth-flow
    id="it" need="{{need}}" must-auth-step="{{step}}" session="{{session}}" phone-mode="{{phoneMode}}"
    profile-mode="{{profileMode}}" need-agree="{{needAgree}}" skippable="{{skippable}}" custom="{{custom}}"
    auto-resolve="{{auto}}" lang="{{lang}}" text="{{text}}" ${events}
  >
    <view slot="profile">MY PROFILE</view>
    <view slot="phone">MY PHONE</view>
    <view slot="quota">BY SMS</view>
    <view slot="done">MY DONE</view>
    <view slot="loading">MY LOADING</view>
  </auth-flow>`,
  {
    need: [],
    step: 0,
    session: 'default',
    phoneMode: 'quick',
    profileMode: 'form',
    needAgree: false,
    skippable: false,
    custom: '',
    auto: true,
    lang: 'zh',
    text: {},
  },
)
const user = '#it >>> #mpauth-user'
const form = `${user} >>> .mpauth-form`
const submit = `${user} >>> #mpauth-submit`
const phone = '#it >>> #mpauth-phone'
const button = `${phone} >>> #mpauth-phone`
const error = '#it >>> .mpauth-error'
const retry = '#it >>> #mpauth-retry'
const nickname = { value: { nickname: 'Ann' } }
const code = { errMsg: 'getPhoneNumber:ok', code: 'c0de' }

inBothFrameworks((bench) => {
  /** A promise that the server waits for, and what ends it. */
  function hold(world: World): () => void {
    let open = () => {}
    world.server.gate = new Promise<void>((resolve) => {
      open = resolve
    })
    return open
  }

  test('asks for the profile, then for the phone, and is done', async () => {
    const { server } = bench.world()
    const screen = bench.show(simple)
    await settle()
    expect(screen.find(phone)).toBeNull()
    screen.get(form).fire('submit', nickname)
    await settle()
    expect(server.of('updateUser')).toEqual([{ nickname: 'Ann' }])
    expect(screen.find(user)).toBeNull()
    screen.get(button).fire('getphonenumber', code)
    await settle()
    expect(server.of('updatePhone')).toEqual([{ code: 'c0de' }])
    expect(screen.get('#it').text).toContain(labels('zh').done)
    expect(screen.events).toEqual([
      { type: 'step', detail: { step: 1 } },
      { type: 'step', detail: { step: 2 } },
      { type: 'step', detail: { step: 3 } },
      { type: 'done', detail: { step: 3 } },
    ])
  })

  test('uploads the picture that was chosen', async () => {
    const { server } = bench.world()
    const screen = bench.show(simple)
    await settle()
    screen.get(`${user} >>> #mpauth-avatar`).fire('chooseavatar', { avatarUrl: 'wxfile://tmp_1.jpg' })
    screen.get(form).fire('submit', nickname)
    await settle()
    expect(server.of('uploadAvatar')).toEqual(['wxfile://tmp_1.jpg'])
    expect(server.of('updateUser')).toEqual([{ nickname: 'Ann', avatarKey: 'avatar-key' }])
  })

  test('goes on where the person left', async () => {
    const { server } = bench.world()
    server.user = person({ hasProfile: true, nickname: 'Ann' })
    const screen = bench.show(simple)
    await settle()
    expect(screen.find(user)).toBeNull()
    expect(screen.find(phone)).not.toBeNull()
    expect(screen.of('step')).toEqual([{ step: 2 }])
  })

  describe('asks for', () => {
    test('the facts in need, whatever the flow of the app', async () => {
      bench.world()
      const screen = bench.show(full, { need: ['PHONE'] })
      await settle()
      expect(screen.find(phone)).not.toBeNull()
      screen.get(button).fire('getphonenumber', code)
      await settle()
      expect(screen.of('done')).toHaveLength(1)
    })

    test('them in the order of the flow, whatever the order in need', async () => {
      bench.world({ flow: ['PHONE', 'PROFILE'] })
      const screen = bench.show(full, { need: ['PROFILE', 'PHONE'] })
      await settle()
      expect(screen.find(user)).toBeNull()
      screen.get(button).fire('getphonenumber', code)
      await settle()
      expect(screen.find(user)).not.toBeNull()
    })

    test('a fact that the flow has not, too', async () => {
      bench.world({ flow: ['PHONE'] })
      const screen = bench.show(full, { need: ['PROFILE', 'PHONE'] })
      await settle()
      screen.get(button).fire('getphonenumber', code)
      await settle()
      expect(screen.find(user)).not.toBeNull()
    })

    test('what leads to the step that is set', async () => {
      bench.world({ flow: ['PHONE', 'PROFILE'] })
      const screen = bench.show(full, { step: 2 })
      await settle()
      screen.get(button).fire('getphonenumber', code)
      await settle()
      expect(screen.of('done')).toEqual([{ step: 2 }])
      screen.get('#it').instance.setMustAuthStep(3)
      expect(screen.find(user)).not.toBeNull()
      expect(screen.get('#it').instance.getAuthStep()).toBe(2)
    })

    test('nothing below the step reached: a later one counts too (D8, D9)', async () => {
      const { server } = bench.world()
      server.user = person({ hasProfile: true, hasPhone: true })
      const screen = bench.show(full, { step: 2 })
      await settle()
      expect(screen.of('done')).toEqual([{ step: 3 }])
      expect(screen.get('#it').instance.getAuthStep()).toBe(3)
    })

    test('what mustAuth waits for, and lets it go on', async () => {
      const { session, phone: device } = bench.world({ authPage: '/pages/auth/index' })
      const passed = session.mustAuth({ need: ['PHONE'] })
      await settle()
      expect(device.went).toHaveLength(1)
      const screen = bench.show(simple)
      await settle()
      screen.get(button).fire('getphonenumber', code)
      await expect(passed).resolves.toBe(1)
    })

    test('nothing twice: what else changes about a person who is done is no second end', async () => {
      const { session, server } = bench.world()
      server.user = person({ hasProfile: true, hasPhone: true })
      const screen = bench.show(simple)
      await settle()
      server.user = person({ hasProfile: true, hasPhone: true, nickname: 'Bea' })
      await session.me()
      expect(screen.of('done')).toHaveLength(1)
    })

    test('more, when the person takes something back', async () => {
      const { session, server } = bench.world()
      server.user = person({ hasProfile: true, hasPhone: true })
      const screen = bench.show(simple)
      await settle()
      expect(screen.of('done')).toHaveLength(1)
      server.user = person({ hasProfile: true })
      await session.unbindPhone()
      await settle()
      expect(screen.find(phone)).not.toBeNull()
      screen.get(button).fire('getphonenumber', code)
      await settle()
      expect(screen.of('done')).toHaveLength(2)
    })
  })

  describe('while it saves', () => {
    test('says so, takes nothing else, and goes on when the server has answered', async () => {
      const world = bench.world()
      world.server.user = person({ hasProfile: true })
      const answer = hold(world)
      const screen = bench.show(simple)
      await settle()
      screen.get(button).tap()
      screen.get(button).fire('getphonenumber', code)
      expect(screen.get(button).disabled).toBe(true)
      expect(screen.get(button).text).toBe(labels('zh').saving)
      screen.get(button).fire('getphonenumber', { ...code, code: 'another' })
      screen.get('#it').instance.nextStep({ detail: { code: 'third' } })
      await settle()
      answer()
      await settle()
      expect(world.server.of('updatePhone')).toEqual([{ code: 'c0de' }])
      expect(screen.of('done')).toHaveLength(1)
    })

    test('may be left: what was given counts, and mustAuth goes on', async () => {
      const world = bench.world({ authPage: '/pages/auth/index' })
      world.server.user = person({ hasProfile: true })
      const answer = hold(world)
      const passed = world.session.mustAuth({ need: ['PHONE'] })
      await settle()
      const screen = bench.show(simple)
      await settle()
      screen.get(button).fire('getphonenumber', code)
      screen.detach()
      answer()
      await expect(passed).resolves.toBe(3)
    })
  })

  test('does not log in by itself after a logout, but does when the person wants it', async () => {
    const { session, server } = bench.world()
    await session.login()
    await session.logout()
    const screen = bench.show(simple)
    await settle()
    expect(server.of('silentLogin')).toHaveLength(1)
    expect(screen.find(error)).toBeNull()
    expect(screen.get(retry).text).toBe(labels('zh').title)
    screen.get(retry).tap()
    await settle()
    expect(server.of('silentLogin')).toHaveLength(2)
    expect(screen.find(user)).not.toBeNull()
  })

  test('works for the session that it is named', async () => {
    bench.world()
    const other = bench.world({ name: 'staff', flow: ['PHONE'] })
    const screen = bench.show(full, { session: 'staff' })
    await settle()
    screen.get(button).fire('getphonenumber', code)
    await settle()
    expect(other.server.of('updatePhone')).toHaveLength(1)
    expect(screen.of('done')).toEqual([{ step: 3 }])
  })

  describe('nextStep', () => {
    test('takes the events of native buttons that the host draws in a slot', async () => {
      const { server } = bench.world()
      const screen = bench.show(full, { custom: 'profile phone' })
      await settle()
      expect(screen.get('#it').text).toBe('MY PROFILE')
      const { instance } = screen.get('#it')
      const encrypted = { iv: 'iv', encryptedData: 'data', rawData: '{}', signature: 'sig' }
      await instance.nextStep({ type: 'getuserinfo', detail: { errMsg: 'getUserInfo:ok', ...encrypted } })
      expect(screen.get('#it').text).toBe('MY PHONE')
      await instance.nextStep({ type: 'getphonenumber', detail: { errMsg: 'getPhoneNumber:fail user deny' } })
      expect(screen.of('fail')[0]).toMatchObject({ code: 'USER_DENIED' })
      const cipher = { iv: 'iv', encryptedData: 'data' }
      await instance.nextStep({ type: 'getphonenumber', detail: { errMsg: 'getPhoneNumber:ok', ...cipher } })
      expect(server.of('updateUser')).toEqual([{ encrypted }])
      expect(server.of('updatePhone')).toEqual([{ encrypted: cipher }])
      expect(screen.of('done')).toHaveLength(1)
    })

    test('without an event goes on with what the session knows', async () => {
      const { session } = bench.world()
      const screen = bench.show(simple)
      await settle()
      await session.updateUser({ nickname: 'Ann' })
      await screen.get('#it').instance.nextStep()
      expect(screen.find(phone)).not.toBeNull()
    })

    test('with an empty event is an error, not a request', async () => {
      const { server } = bench.world()
      const screen = bench.show(simple)
      await settle()
      await screen.get('#it').instance.nextStep({ detail: {} })
      expect(screen.of('fail')[0]).toMatchObject({ code: 'UNSUPPORTED' })
      expect(server.of('updateUser')).toEqual([])
    })
  })

  test('shows the slots of the host for loading and done', async () => {
    const { server } = bench.world()
    server.user = person({ hasProfile: true, hasPhone: true })
    const screen = bench.show(full, { custom: 'loading done' })
    expect(screen.get('#it').text).toBe('MY LOADING')
    await settle()
    expect(screen.get('#it').text).toBe('MY DONE')
  })

  test('hands its modes, the agreement and the words on to the containers', async () => {
    bench.world()
    const screen = bench.show(full, { need: ['PHONE'], phoneMode: 'realtime', lang: 'en' })
    await settle()
    expect(screen.get(button).attr('open-type')).toBe('getRealtimePhoneNumber')
    expect(screen.get(button).text).toBe(labels('en').phoneButton)
    screen.set({ text: { phoneButton: 'Go', phoneTitle: 'Number?' }, needAgree: true })
    expect(screen.get(button).text).toBe('Go')
    expect(screen.get('#it').text).toContain('Number?')
    screen.get(button).tap()
    expect(screen.events.map(({ type }) => type)).toContain('needagree')
    screen.set({ need: ['PROFILE'], profileMode: 'legacy' })
    expect(screen.get(`${user} >>> .mpauth-button`).text).toBe(labels('en').legacyProfile)
  })

  test('may be skipped where the host lets people, and then nobody waits', async () => {
    const { session } = bench.world({ authPage: '/pages/auth/index' })
    const passed = session.mustAuth({ need: ['PHONE'] })
    const outcome = passed.catch((e) => e.code)
    await settle()
    const screen = bench.show(full, { skippable: true })
    await settle()
    screen.get('#it >>> #mpauth-skip').tap()
    expect(screen.of('cancel')).toEqual([{ need: ['PHONE'] }])
    expect(await outcome).toBe('USER_CANCELLED')
    screen.set({ skippable: false })
    expect(screen.find('#it >>> #mpauth-skip')).toBeNull()
  })

  test('leaves mustAuth waiting when told to', async () => {
    const { session } = bench.world({ authPage: '/pages/auth/index' })
    let passed = false
    session.mustAuth({ need: ['PHONE'] }).then(() => {
      passed = true
    })
    await settle()
    const screen = bench.show(full, { auto: false })
    await settle()
    screen.get(button).fire('getphonenumber', code)
    await settle()
    expect(screen.of('done')).toHaveLength(1)
    expect(passed).toBe(false)
    session.resolveAuth()
    await settle()
    expect(passed).toBe(true)
  })

  test('titles are headings to a screen reader', async () => {
    bench.world()
    const screen = bench.show(simple)
    await settle()
    expect(screen.get('#it >>> .mpauth-title').attr('aria-role')).toBe('heading')
    expect(isOn(screen.get(submit).attr('aria-disabled'))).toBe(false)
  })
})
