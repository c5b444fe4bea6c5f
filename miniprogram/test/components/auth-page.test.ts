// @vitest-environment jsdom
import { describe, expect, test } from 'vitest'
import { labels, textOf } from '../../src/texts'
import { scene } from './support/runtime'
import { inBothFrameworks } from './support/suite'
import { page, person, settle, type World } from './support/world'

const events = 'bind:done="on" bind:cancel="on" bind:fail="on"'
/** As WeChat shows the page itself: without properties, until onLoad. */
const itself = scene(`<auth-page id="it" ${events} />`)
/** As an app's own page shows it. */
const inside = scene(
  `<auth-page id="it" wx:if="{{query.need}}" need="{{query.need}}" back-to="{{query.backTo}}" ${events}>WELCOME</auth-page>`,
  { query: {} },
)
const flow = '#it >>> #mpauth-flow'
const button = `${flow} >>> #mpauth-phone >>> #mpauth-phone`
const skip = `${flow} >>> #mpauth-skip`
const code = { errMsg: 'getPhoneNumber:ok', code: 'c0de' }
const item = '/pages/item/index?id=1&from=share'

inBothFrameworks((bench) => {
  /** A mustAuth on a page of the shop, and the auth page that it has opened. */
  async function asked() {
    const made = bench.world({ authPage: '/pages/auth/index', tabPages: ['/pages/home/index'] })
    made.phone.stack.push(page(item))
    const passed = made.session.mustAuth({ need: ['PHONE'] }).then(
      (step) => `step ${step}`,
      (error) => error.code as string,
    )
    await settle()
    const screen = bench.show(itself)
    screen.get('#it').instance.onLoad(made.phone.stack[2]?.options)
    await settle()
    made.phone.went.splice(0)
    return { ...made, screen, passed }
  }

  /** The page as the first of the stack, after a link into the app: nobody waits, and there is no way back. */
  async function landed(backTo: string, options = {}) {
    const made = bench.world({ tabPages: ['/pages/home/index'], ...options })
    made.phone.stack.splice(0, 1, page('/pages/auth/index'))
    const screen = bench.show(itself)
    screen.get('#it').instance.onLoad({ need: 'PHONE', backTo: encodeURIComponent(backTo) })
    await settle()
    return { ...made, screen }
  }

  async function answer({ screen }: { screen: ReturnType<typeof bench.show> }) {
    screen.get(button).fire('getphonenumber', code)
    await settle()
  }

  test('asks for what mustAuth needs, goes back, and only then lets it go on', async () => {
    const it = await asked()
    const order: string[] = []
    it.passed.then(() => order.push('passed'))
    const { navigateBack } = it.phone
    it.phone.navigateBack = async () => {
      await navigateBack.call(it.phone)
      it.screen.detach()
      await settle()
      order.push('back')
    }
    screenHasPhone(it)
    await answer(it)
    await settle()
    expect(await it.passed).toBe('step 1')
    expect(order).toEqual(['back', 'passed'])
    expect(it.phone.went).toEqual(['navigateBack'])
    expect(it.screen.of('done')).toEqual([{ step: 1 }])
  })

  function screenHasPhone({ screen }: { screen: ReturnType<typeof bench.show> }) {
    expect(screen.find(button)).not.toBeNull()
    expect(screen.find(`${flow} >>> #mpauth-user`)).toBeNull()
  }

  test('left without an answer, tells mustAuth that the person has cancelled', async () => {
    const { screen, passed } = await asked()
    screen.detach()
    expect(await passed).toBe('USER_CANCELLED')
  })

  test('skipped, goes back', async () => {
    const { screen, passed, phone } = await asked()
    screen.get(skip).tap()
    expect(await passed).toBe('USER_CANCELLED')
    await settle()
    expect(phone.went).toEqual(['navigateBack'])
    expect(screen.of('cancel')).toHaveLength(1)
  })

  test('denied, stays and says so', async () => {
    const it = await asked()
    it.screen.get(button).fire('getphonenumber', { errMsg: 'getPhoneNumber:fail user deny' })
    expect(it.screen.of('fail')[0]).toMatchObject({ code: 'USER_DENIED', text: textOf({ code: 'USER_DENIED' }) })
    expect(it.phone.went).toEqual([])
    await answer(it)
    expect(await it.passed).toBe('step 1')
  })

  describe('as the first page', () => {
    test('goes to where the person wanted, with the whole query (D7)', async () => {
      const it = await landed(item)
      await answer(it)
      expect(it.phone.went).toEqual([`redirectTo ${item}`])
    })

    test('goes to a page of the tab bar in the way that WeChat wants (D7)', async () => {
      const it = await landed('/pages/home/index')
      await answer(it)
      expect(it.phone.went).toEqual(['switchTab /pages/home/index'])
    })

    test('skipped, goes to the first page of the tab bar', async () => {
      const it = await landed(item)
      it.screen.get(skip).tap()
      await settle()
      expect(it.phone.went).toEqual(['switchTab /pages/home/index'])
      expect(it.screen.of('cancel')).toHaveLength(1)
    })

    test('stays where there is nowhere to go, and does not skip into nothing', async () => {
      const it = await landed('', { tabPages: [] })
      it.screen.get(skip).tap()
      await settle()
      await answer(it)
      expect(it.phone.went).toEqual([])
      expect(it.screen.of('done')).toHaveLength(1)
    })
  })

  test('that cannot go back lets mustAuth go on all the same', async () => {
    const it = await asked()
    it.phone.navigateBack = async () => {
      throw new Error('navigateBack:fail')
    }
    await answer(it)
    expect(await it.passed).toBe('step 1')
  })

  test('is done at once when nothing is missing', async () => {
    const made: World = bench.world()
    made.server.user = person({ hasPhone: true })
    made.phone.stack.push(page('/pages/auth/index'))
    const screen = bench.show(itself)
    screen.get('#it').instance.onLoad({ need: 'PHONE' })
    await settle()
    expect(screen.of('done')).toHaveLength(1)
    expect(made.phone.went).toEqual(['navigateBack'])
  })

  test('has a title, in the language that its address says', async () => {
    bench.world()
    const screen = bench.show(itself)
    const { instance } = screen.get('#it')
    instance.onLoad({ need: 'PHONE' })
    expect(bench.native.pageTitle).toBe(labels('zh').title)
    instance.onLoad({ need: 'PHONE', lang: 'en' })
    await settle()
    expect(bench.native.pageTitle).toBe(labels('en').title)
    expect(screen.get(button).text).toBe(labels('en').phoneButton)
  })

  test('works for the session that it is named', async () => {
    bench.world()
    const staff = bench.world({ name: 'staff' })
    staff.phone.stack.push(page('/pages/auth/index'))
    const screen = bench.show(itself)
    screen.get('#it').instance.onLoad({ need: 'PHONE', session: 'staff' })
    await settle()
    await answer({ screen })
    expect(staff.server.of('updatePhone')).toHaveLength(1)
    expect(staff.phone.went).toEqual(['navigateBack'])
  })

  test('is a component for a page of the app too', async () => {
    const made = bench.world()
    made.phone.stack.push(page('/pages/auth/index'))
    const screen = bench.show(inside)
    expect(screen.find('#it')).toBeNull()
    screen.set({ query: { need: 'PHONE', backTo: encodeURIComponent(item) } })
    await settle()
    expect(screen.get('#it').text).toContain('WELCOME')
    expect(screen.find(`${flow} >>> #mpauth-user`)).toBeNull()
    await answer({ screen })
    expect(made.phone.went).toEqual([`redirectTo ${item}`])
  })
})
