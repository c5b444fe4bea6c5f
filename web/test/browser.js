// A browser that notices everything that a strict page must not do.
import assert from 'node:assert/strict'
import { chromium } from 'playwright-core'

/** Far longer than anything takes, even on a machine that does something else meanwhile. In milliseconds. */
export const patience = 60_000

/** Waits for what can be seen only from outside of a page. */
export async function until(done) {
  for (const end = Date.now() + patience; Date.now() < end; ) {
    if (await done()) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  assert.fail(`not so after ${patience} ms: ${done}`)
}

/** Opens Chromium. It finds no host but this machine, so nothing foreign can be loaded by accident. */
export function launch() {
  return chromium.launch({
    executablePath: process.env.MPAUTH_CHROMIUM,
    args: [
      '--no-sandbox',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    ],
  })
}

/**
 * What the browser says of a connection that it opened and had no time to use before the server, which waits for some
 * seconds, hung up. That is a property of the machine.
 */
const unusedTooLong = /net::ERR_SOCKET_NOT_CONNECTED/

/** A page of its own that notes in `problems` what it must not do. */
class Watched {
  constructor(page, address) {
    this.page = page
    this.address = address
    this.problems = []
    page.context().setDefaultTimeout(patience)
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.problems.push(`console: ${message.text()}`)
    })
    page.on('pageerror', (error) => this.problems.push(`uncaught: ${error}`))
    page.on('requestfailed', (request) => {
      // Leaving a page cuts off what is under way; what the policy forbids has another name.
      const { errorText } = request.failure()
      if (errorText !== 'net::ERR_ABORTED') this.problems.push(`failed: ${request.url()} ${errorText}`)
    })
    page.on('request', (request) => {
      const { origin, protocol } = new URL(request.url())
      if (origin !== address && protocol !== 'data:') this.problems.push(`foreign: ${request.url()}`)
    })
    page.addInitScript(() => {
      addEventListener('securitypolicyviolation', (event) =>
        console.error('policy', event.violatedDirective, event.blockedURI, event.sourceFile, event.lineNumber),
      )
    })
  }

  /** Closes the page and fails if there was anything to complain about but what is expected. */
  async close(...expected) {
    await this.page.context().close()
    const known = [...expected, unusedTooLong]
    assert.deepEqual(this.problems.filter((problem) => !known.some((pattern) => pattern.test(problem))), [])
  }

  /** Lets time pass in the page: what it has put off for less than that has happened then, be the machine busy or not. */
  pause(ms) {
    return this.page.evaluate((ms) => new Promise((resolve) => setTimeout(resolve, ms)), ms)
  }

  button(name) {
    return this.page.getByRole('button', { name, exact: true })
  }
}

/** The phone at /, with the demo Mini Program in it, and the panel beside it. */
export class Phone extends Watched {
  /** Opens the phone as a link with this state would; a context that is given keeps what was stored. */
  static async open(browser, address, state = '', { context, ...options } = {}) {
    const look = { viewport: { width: 1280, height: 860 }, locale: 'en-US', reducedMotion: 'reduce' }
    context ??= await browser.newContext({ ...look, ...options })
    const phone = new Phone(await context.newPage(), address)
    await phone.load(state)
    return phone
  }

  async load(state = '') {
    await this.page.goto('about:blank') // another part behind # alone would not load the page anew
    await this.page.goto(`${this.address}/${state && `#${state}`}`)
    await this.page.locator('html[data-ready]').waitFor({ state: 'attached' })
  }

  /** The device, without what is beside it. */
  get device() {
    return this.page.locator('#phone')
  }

  /** Taps a button on the phone. */
  async tap(name) {
    await this.device.getByRole('button', { name, exact: typeof name === 'string' }).click()
  }

  /** One of WeChat's own sheets. */
  sheet(name) {
    return this.device.getByRole('dialog', { name })
  }

  /** Waits until the navigation bar says so. */
  async shows(title) {
    await this.device.locator('.title', { hasText: title }).waitFor()
  }

  /** Waits for a text on the page of the Mini Program. */
  async reads(text) {
    await this.device.locator('.screen').getByText(text).filter({ visible: true }).first().waitFor()
  }

  /** Waits until the app knows whether consent is missing: from then on one tap asks for both. */
  async offersPhone() {
    await this.log.locator('li.good', { hasText: 'wx.getPrivacySetting' }).last().waitFor()
    await this.device.getByRole('button', { name: 'Use my WeChat number' }).waitFor()
    await this.page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))))
  }

  get log() {
    return this.page.getByRole('log')
  }

  /** Waits for a line in the log. */
  async happened(text) {
    await this.log.locator('li', { hasText: text }).filter({ visible: true }).last().waitFor()
  }
}

/** The playground in a page of its own, with the words in which a person would ask for things. */
export class Playground extends Watched {
  static async open(browser, address, options = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
    const page = await context.newPage()
    const playground = new Playground(page, address)
    await playground.load()
    return playground
  }

  async load() {
    await this.page.goto(`${this.address}/playground`)
    await this.page.getByRole('button', { name: 'Log in as' }).and(this.page.locator(':enabled')).waitFor()
  }

  async titles() {
    return this.page.locator('.graphiql-tab-button').allInnerTexts()
  }

  activeTab() {
    return this.page.locator('.graphiql-tab-active .graphiql-tab-button').innerText()
  }

  /** The text of an editor: operation.graphql, variables.json, request-headers.json or response.json. */
  text(name) {
    return this.page.evaluate(textOf, name)
  }

  async json(name) {
    return JSON.parse((await this.text(name)) || 'null')
  }

  async variables() {
    return (await this.json('variables.json')).input
  }

  async bearer() {
    return (await this.json('request-headers.json'))?.Authorization
  }

  /** Waits until an editor's text, parsed, is as it should be. */
  async until(name, pattern) {
    await this.page.waitForFunction(
      ([name, source]) => new RegExp(source).test(globalThis.__MONACO.editor.getModels().find((m) => m.uri.path.endsWith(name)).getValue()),
      [name, pattern.source],
    )
  }

  status() {
    return this.page.getByRole('status')
  }

  async says(text) {
    await this.status().filter({ hasText: text }).waitFor()
  }

  async choose(title) {
    await this.page.locator('.graphiql-tab-button', { hasText: new RegExp(`^${title}$`) }).click()
  }

  /** Runs the tab in front and returns the answer. */
  async run() {
    await this.page.getByRole('button', { name: 'Execute query' }).click()
    return this.answer()
  }

  async answer() {
    await this.until('response.json', /^\{[^]*\}$/)
    return this.json('response.json')
  }
}

function textOf(name) {
  return globalThis.__MONACO.editor.getModels().find((model) => model.uri.path.endsWith(name)).getValue()
}
