// The pictures of the READMEs, taken only where MPAUTH_PICTURES names the checkout that they are for.
import { mkdir } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { launch } from '../browser.js'
import { start, stopAll } from '../servers.js'
import { Person } from './person.js'

const checkout = process.env.MPAUTH_PICTURES
const options = { skip: !checkout && 'MPAUTH_PICTURES names no checkout' }
const at = (path) => `page=${encodeURIComponent(path)}`

let browser
let server

before(async () => {
  if (!checkout) return
  await mkdir(`${checkout}/miniprogram/images`, { recursive: true })
  ;[browser, server] = await Promise.all([launch(), start()])
})

after(async () => {
  await browser?.close()
  await stopAll()
})

/** Pictures what the screen of a phone shows once somebody has done something. */
function picture(name, state, act, height = 700) {
  test(name, options, async () => {
    const viewport = { width: 1000, height }
    const look = { viewport, deviceScaleFactor: 2, reducedMotion: 'reduce', colorScheme: 'light' }
    const p = await Person.open(browser, server, { state: `user=${name}&platform=devtools&${state}`, ...look })
    await act(p)
    await p.settle()
    const path = `${checkout}/miniprogram/images/${name}.png`
    await p.device.locator('.app').screenshot({ path, animations: 'disabled' })
    await p.close()
  })
}

picture('with-auth', at('pages/item/index?id=tea'), async (p) => {
  await p.tap('立即购买')
  await p.device.getByRole('button', { name: '微信手机号快捷登录' }).waitFor()
})

picture('must-auth', at('pages/orders/index?status=paid&from=share'), async (p) => {
  await p.givePhone()
  await p.reads('打开本页时的参数：status=paid&from=share')
})

picture('auth-popup', at('pages/scenarios/both/index'), async (p) => {
  await p.tap('发布转让')
  await p.nickname.waitFor()
})

picture('auth-flow', at('pages/auth/index?need=PROFILE,PHONE&backTo=%2Fpages%2Fhome%2Findex'), async (p) => {
  await p.nickname.waitFor()
})

picture('pages-auth', at('pages/orders/index?status=paid&from=share'), async (p) => {
  await p.device.getByRole('button', { name: '微信手机号快捷登录' }).waitFor()
})

picture('user-container', at('pages/profile/index'), async (p) => {
  await p.tap('填写头像昵称')
  await p.tap('选择头像')
  await p.answer('隐私保护提示', '同意')
  await p.tap('用微信头像')
  await p.typeNickname('小猫', { consent: 'given' })
  await p.page.keyboard.press('Enter')
}, 780)

picture('phone-container', at('pages/profile/index'), async (p) => {
  await p.tap('绑定')
  await p.sheet('获取并验证你的手机号').waitFor()
})

picture('privacy-popup', at('pages/profile/index'), async (p) => {
  await p.tap('填写头像昵称')
  await p.tap('选择头像')
  await p.sheet('隐私保护提示').waitFor()
})

test('the phone and what is around it', options, async () => {
  const viewport = { width: 1280, height: 800 }
  const look = { viewport, deviceScaleFactor: 2, locale: 'en-US', reducedMotion: 'reduce' }
  const p = await Person.open(browser, server, { ...look, colorScheme: 'light' })
  await p.happened('GraphQL SilentLogin')
  await p.tap(/^Longjing tea/)
  await p.tap('Buy now')
  await p.tap('Use my WeChat number')
  await p.sheet('Your phone number').waitFor()
  await p.settle()
  await p.page.screenshot({ path: `${checkout}/docs/images/phone.png`, animations: 'disabled' })
  await p.close()
})
