// Somebody with a phone, and what can be seen of them from outside.
import { Phone } from '../browser.js'

export class Person extends Phone {
  /**
   * Opens the app in Chinese, as somebody who has never been here. `state` is what the link says, `clock` makes time
   * something that the test moves on.
   */
  static async open(browser, address, { state = '', clock = false, ...options } = {}) {
    const look = { viewport: { width: 1320, height: 860 }, locale: 'zh-CN', reducedMotion: 'reduce' }
    const context = await browser.newContext({ ...look, ...options })
    const page = await context.newPage()
    if (clock) await page.clock.install()
    const person = new Person(page, address)
    await person.load(state)
    return person
  }

  /** The operations that went over the wire, in order: `SilentLogin`, `Checkout`, … */
  sent = []

  constructor(page, address) {
    super(page, address)
    page.on('request', (request) => {
      if (request.url().endsWith('/graphql')) this.sent.push(operationOf(request))
    })
  }

  /** How often an operation went over the wire. */
  count(operation) {
    return this.sent.filter((name) => name === operation).length
  }

  /** Answers one of the sheets, WeChat's or the app's. */
  async answer(sheet, button) {
    await this.sheet(sheet).getByRole('button', { name: button, exact: true }).click()
  }

  /** Waits for the words of a toast. */
  async toast(text) {
    await this.device.getByRole('status').filter({ hasText: text }).waitFor()
  }

  /** Waits for what an error says on the page. */
  async warned(text) {
    await this.device.getByRole('alert').filter({ hasText: text }).waitFor()
  }

  /** Waits until a text is not on the page of the app any more. */
  async misses(text) {
    await this.device.locator('.screen').getByText(text).filter({ visible: true }).first().waitFor({ state: 'hidden' })
  }

  /** Switches one of the troubles on or off. */
  async trouble(name, on = true) {
    await this.page.getByRole('switch', { name: new RegExp(`^${name}`) }).setChecked(on)
  }

  /** Presses a button beside the phone. */
  async press(name) {
    await this.page.getByRole('button', { name, exact: true }).click()
  }

  /** Lets time pass on this side of the network; only with `clock`. */
  async wait(seconds) {
    await this.page.clock.fastForward(seconds * 1000)
  }

  /** Gives what the two sheets of a phone number want: the app's and WeChat's. */
  async givePhone(answer = '允许') {
    await this.tap('微信手机号快捷登录')
    await this.answer('获取并验证你的手机号', answer)
  }

  /** Has time stand still on this side of the network, until `wait` moves it on; only with `clock`. */
  async stopTime() {
    await this.page.clock.pauseAt((await this.page.evaluate(() => Date.now())) + 1000)
  }

  get nickname() {
    return this.device.getByRole('textbox', { name: '昵称' })
  }

  /** Types a nickname; who has not agreed to the privacy guide is asked when the field gets the focus. */
  async typeNickname(nickname, { consent = 'asked' } = {}) {
    await this.nickname.click()
    if (consent === 'asked') await this.answer('隐私保护提示', '同意')
    await this.nickname.fill(nickname)
  }

  /** Goes to one of the pages at the bottom of the screen. */
  async tab(name) {
    await this.device.getByRole('navigation').getByRole('button', { name }).click()
  }

  /** Waits until nothing is loaded or said any more. */
  async settle() {
    await this.page.waitForLoadState('networkidle')
    await this.device.getByRole('status').filter({ hasText: /\S/ }).waitFor({ state: 'hidden' })
  }

  async picture(path) {
    await this.page.screenshot({ path })
  }
}

/** The name of the operation that a request carries. */
export function operationOf(request) {
  return /(?:query|mutation) (\w+)/.exec(request.postData() ?? '')?.[1] ?? ''
}
