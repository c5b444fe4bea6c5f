// @vitest-environment jsdom
import { describe, expect, test } from 'vitest'
import { labels } from '../../src/texts'
import { scene } from './support/runtime'
import { inBothFrameworks } from './support/suite'
import { page, person, settle } from './support/world'

const events = 'bind:open="on" bind:close="on" bind:done="on" bind:fail="on" bind:step="on" bind:needagree="on"'
const simple = scene(`<auth-popup id="auth-popup" ${events} />`)
const full = scene(
  `<auth-popup
    id="auth-popup" overlay="{{overlay}}" z-index="{{z}}" closeable="{{closeable}}" close-on-overlay="{{onOverlay}}"
    safe-area="{{safe}}" title="{{title}}" skippable="{{skippable}}" custom="{{custom}}" lang="{{lang}}"
    text="{{text}}" ${events}
  >
    <view slot="header">HEAD</view>
    <view slot="footer">FOOT</view>
    <view slot="phone">MY PHONE</view>
  </auth-popup>`,
  {
    overlay: true,
    z: 7,
    closeable: true,
    onOverlay: true,
    safe: true,
    title: '',
    skippable: false,
    custom: '',
    lang: 'zh',
    text: {},
  },
)
const styled = scene(`<auth-popup id="auth-popup" popup-class="mine" overlay-class="dim" button-class="round" />`)
const popup = '#auth-popup'
const sheet = `${popup} >>> .mpauth-sheet`
const veil = `${popup} >>> .mpauth-veil`
const close = `${popup} >>> #mpauth-close`
const flow = `${popup} >>> #mpauth-flow`
const button = `${flow} >>> #mpauth-phone >>> #mpauth-phone`
const form = `${flow} >>> #mpauth-user >>> .mpauth-form`
const code = { errMsg: 'getPhoneNumber:ok', code: 'c0de' }

inBothFrameworks((bench) => {
  /** A page with the popup on it, and a mustAuth that has opened it. */
  async function asked(need: ('PROFILE' | 'PHONE')[], on = simple, data = {}) {
    const made = bench.world()
    const screen = bench.show(on, data)
    made.phone.stack.splice(0, 1, page('/pages/shop/index', { [popup]: screen.get(popup).instance }))
    const passed = made.session.mustAuth({ need }).then(
      (step) => `step ${step}`,
      (error) => error.code as string,
    )
    await settle()
    return { ...made, screen, passed }
  }

  test('shows nothing before it is opened', () => {
    bench.world()
    expect(bench.show(simple).find(sheet)).toBeNull()
  })

  test('is opened by mustAuth, asks for what is needed, and is gone when mustAuth goes on', async () => {
    const { screen, passed, server } = await asked(['PHONE'])
    expect(screen.of('open')).toHaveLength(1)
    screen.get(button).fire('getphonenumber', code)
    expect(await passed).toBe('step 1')
    expect(server.of('updatePhone')).toEqual([{ code: 'c0de' }])
    expect(screen.find(sheet)).toBeNull()
    expect(screen.of('close')).toEqual([{ reason: 'done' }])
    expect(screen.of('done')).toEqual([{ step: 1 }])
  })

  test('asks for one thing after the other', async () => {
    const { screen, passed } = await asked(['PROFILE', 'PHONE'])
    screen.get(form).fire('submit', { value: { nickname: 'Ann' } })
    await settle()
    expect(screen.find(sheet)).not.toBeNull()
    screen.get(button).fire('getphonenumber', code)
    expect(await passed).toBe('step 3')
    expect(screen.of('step')).toEqual([{ step: 1 }, { step: 2 }, { step: 3 }])
  })

  test('opens again for the next one who waits', async () => {
    const { screen, passed, session } = await asked(['PHONE'])
    const next = session.mustAuth({ need: ['PROFILE'] })
    await settle()
    expect(screen.of('open')).toHaveLength(1)
    screen.get(button).fire('getphonenumber', code)
    expect(await passed).toBe('step 1')
    await settle()
    expect(screen.of('open')).toHaveLength(2)
    screen.get(form).fire('submit', { value: { nickname: 'Ann' } })
    expect(await next).toBe(3)
    expect(screen.find(sheet)).toBeNull()
  })

  describe('left without an answer, tells mustAuth that the person has cancelled', () => {
    test.each([
      ['by its button', 'close', (screen: ReturnType<typeof bench.show>) => screen.get(close).tap()],
      ['beside the sheet', 'overlay', (screen: ReturnType<typeof bench.show>) => screen.get(veil).tap()],
      ['by its method', 'close', (screen: ReturnType<typeof bench.show>) => screen.get(popup).instance.close()],
    ])('%s', async (_, reason, leave) => {
      const { screen, passed } = await asked(['PHONE'])
      leave(screen)
      expect(await passed).toBe('USER_CANCELLED')
      expect(screen.of('close')).toEqual([{ reason }])
      expect(screen.find(sheet)).toBeNull()
    })

    test('with its page', async () => {
      const { screen, passed } = await asked(['PHONE'])
      screen.detach()
      expect(await passed).toBe('USER_CANCELLED')
    })

    test('by skipping', async () => {
      const { screen, passed } = await asked(['PHONE'], full, { skippable: true })
      screen.get(`${flow} >>> #mpauth-skip`).tap()
      expect(await passed).toBe('USER_CANCELLED')
      expect(screen.of('close')).toEqual([{ reason: 'skip' }])
    })
  })

  test('is closed by a mustAuth that gives up', async () => {
    const { screen, passed, session } = await asked(['PHONE'])
    session.rejectAuth(new bench.build.core.MpAuthError('TIMEOUT'))
    expect(await passed).toBe('TIMEOUT')
    expect(screen.find(sheet)).toBeNull()
  })

  test('says nothing when it is closed already', () => {
    bench.world()
    const screen = bench.show(simple)
    screen.get(popup).instance.close()
    expect(screen.events).toEqual([])
  })

  test('cannot be closed where the host does not want it', async () => {
    const { screen } = await asked(['PHONE'], full, { closeable: false, onOverlay: false })
    expect(screen.find(close)).toBeNull()
    screen.get(veil).tap()
    expect(screen.find(sheet)).not.toBeNull()
  })

  test('denied, keeps mustAuth waiting until it is closed', async () => {
    const { screen, passed } = await asked(['PHONE'])
    screen.get(button).fire('getphonenumber', { errMsg: 'getPhoneNumber:fail user deny' })
    await settle()
    expect(screen.of('fail')[0]).toMatchObject({ code: 'USER_DENIED' })
    expect(screen.find(sheet)).not.toBeNull()
    screen.get(button).fire('getphonenumber', code)
    expect(await passed).toBe('step 1')
  })

  test('has the slots of its own and hands those of the flow on', async () => {
    const { screen } = await asked(['PHONE'], full, { custom: 'phone' })
    expect(screen.get(sheet).text).toMatch(/HEAD.*MY PHONE.*FOOT/)
  })

  test('is a dialog to a screen reader, named by its title, and its button has a name', async () => {
    const { screen } = await asked(['PHONE'], full, { lang: 'en' })
    expect(screen.get(sheet).attr('aria-role')).toBe('dialog')
    expect(screen.get(sheet).attr('aria-label')).toBe(labels('en').title)
    expect(screen.get(close).attr('aria-label')).toBe(labels('en').close)
    screen.set({ title: 'Members only', text: { close: 'Away' } })
    expect(screen.get(sheet).attr('aria-label')).toBe('Members only')
    expect(screen.get(sheet).text).toContain('Members only')
    expect(screen.get(close).attr('aria-label')).toBe('Away')
  })

  test('looks as its properties say', async () => {
    const { screen } = await asked(['PHONE'], full)
    expect(screen.html).toMatch(/z-index: ?7/)
    expect(screen.find(`${popup} >>> .mpauth-safe`)).not.toBeNull()
    screen.set({ overlay: false, safe: false })
    expect(screen.find(veil)).toBeNull()
    expect(screen.find(`${popup} >>> .mpauth-safe`)).toBeNull()
  })

  test('takes the classes of the host, down to the button', async () => {
    const { screen } = await asked(['PHONE'], styled)
    for (const name of ['mine', 'dim']) expect(screen.html).toMatch(new RegExp(`class="[^"]*\\b${name}\\b`))
    expect(screen.html).toMatch(/<(wx-)?button[^>]*class="[^"]*\bround\b/)
  })

  test('asks for a step, and takes the events of buttons of the host', async () => {
    const { server } = bench.world({ flow: ['PHONE', 'PROFILE'] })
    const screen = bench.show(simple)
    const { instance } = screen.get(popup)
    instance.setMustAuthStep(2)
    instance.open()
    await settle()
    await instance.nextStep({ type: 'getphonenumber', detail: code })
    expect(server.of('updatePhone')).toEqual([{ code: 'c0de' }])
    expect(screen.of('done')).toEqual([{ step: 2 }])
  })

  test('is gone at once when nothing is missing', async () => {
    const { server } = bench.world()
    server.user = person({ hasPhone: true })
    const screen = bench.show(simple)
    screen.get(popup).instance.open({ need: ['PHONE'] })
    await settle()
    expect(screen.of('close')).toEqual([{ reason: 'done' }])
    expect(screen.find(sheet)).toBeNull()
  })
})
