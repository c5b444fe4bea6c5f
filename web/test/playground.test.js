// The playground, tab by tab, as a person uses it.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { launch, Playground } from './browser.js'
import { start, stopAll } from './servers.js'

let browser
let server

before(async () => {
  ;[browser, server] = await Promise.all([launch(), start()])
})

after(async () => {
  await browser?.close()
  await stopAll()
})

test('a person goes through the tabs from logging in to logging out', async (t) => {
  const p = await Playground.open(browser, server)

  await t.test('the tabs are prepared, and nobody is logged in', async () => {
    assert.deepEqual(await p.titles(), ['LogIn', 'WhoAmI', 'GiveProfile', 'BindPhone', 'Devices', 'LogOut'])
    await p.says('Nobody is logged in')
    assert.equal(await p.bearer(), undefined)
    assert.equal(await p.button('Refresh').isEnabled(), false)
    await p.choose('WhoAmI')
    assert.equal((await p.run()).errors[0].extensions.code, 'UNAUTHENTICATED')
  })

  await t.test('LogIn takes a code that the button fetched', async () => {
    await p.page.getByLabel('WeChat user').fill('lily')
    await p.button('New login code').click()
    await p.says('A login code of lily is in the variables')
    assert.equal(await p.activeTab(), 'LogIn')
    const { code, nonce, device } = await p.variables()
    assert.match(code, /^\w{20,}$/)
    assert.match(nonce, /^[\w-]{16,128}$/)
    assert.equal(device.id, 'playground')

    const { silentLogin } = (await p.run()).data
    assert.equal(silentLogin.isNewUser, true)
    await p.says('lily is logged in')
    await p.until('request-headers.json', /Bearer/)
    assert.equal(await p.bearer(), `Bearer ${silentLogin.token}`)
  })

  await t.test('WhoAmI sends the token', async () => {
    await p.choose('WhoAmI')
    await p.until('request-headers.json', /Bearer/)
    const { me } = (await p.run()).data
    assert.deepEqual([me.authStep, me.missing, me.nickname], ['ONE', ['PROFILE', 'PHONE'], null])
  })

  await t.test('GiveProfile makes the second step', async () => {
    await p.choose('GiveProfile')
    const { user } = (await p.run()).data.updateUser
    assert.deepEqual(user, { nickname: 'Alice', authStep: 'TWO', missing: ['PHONE'] })
  })

  await t.test('BindPhone takes a code that the button fetched, from wherever it is pressed', async () => {
    await p.button('New phone code').click()
    await p.says('A phone code of lily is in the variables')
    assert.equal(await p.activeTab(), 'BindPhone')
    const { user } = (await p.run()).data.updatePhone
    assert.deepEqual([user.authStep, user.missing], ['THREE', []])
    assert.match(user.phone.masked, /^\d{3}\*{4}\d{4}$/)
    await p.says('lily is logged in')
  })

  await t.test('Devices lists this one', async () => {
    await p.choose('Devices')
    const { sessions } = (await p.run()).data
    assert.equal(sessions.length, 1)
    assert.equal(sessions[0].current, true)
    assert.equal(sessions[0].device.name, 'Playground')
  })

  await t.test('Refresh replaces the token in every tab', async () => {
    const before = await p.bearer()
    await p.button('Refresh').click()
    await p.says('Refreshed')
    const token = await p.bearer()
    assert.notEqual(token, before)
    await p.choose('WhoAmI')
    assert.equal(await p.bearer(), token)
    assert.equal((await p.run()).data.me.authStep, 'THREE')
  })

  if (process.env.MPAUTH_SCREENSHOT) await takeScreenshot()

  await t.test('LogOut ends the session, and the token is refused', async () => {
    await p.choose('LogOut')
    assert.deepEqual((await p.run()).data, { logout: { ok: true } })
    await p.says('Logged out')
    assert.equal(await p.button('Refresh').isEnabled(), false)
    await p.choose('WhoAmI')
    assert.equal((await p.run()).errors[0].extensions.code, 'SESSION_REVOKED')
  })

  await t.test('one click logs in as somebody else', async () => {
    await p.page.getByLabel('WeChat user').fill('bob')
    await p.button('Log in as bob').click()
    await p.says('bob is logged in')
    assert.equal(await p.activeTab(), 'LogIn')
    await p.choose('WhoAmI')
    assert.equal((await p.run()).data.me.authStep, 'ONE')
  })

  await t.test('the schema explains itself beside the editors', async () => {
    await p.button('Show Documentation Explorer').click()
    await p.page.getByRole('button', { name: 'Mutation' }).or(p.page.getByRole('link', { name: 'Mutation' })).first().click()
    await p.page.getByText('Log in without asking the person anything').waitFor()
  })

  await t.test('prettifying keeps what a person wrote', async () => {
    await p.choose('GiveProfile')
    await p.page.evaluate(() => {
      const set = (name, text) => globalThis.__MONACO.editor.getModels().find((m) => m.uri.path.endsWith(name)).setValue(text)
      set('variables.json', '{"input":{ // a comment\n"nickname":"Lily"}}')
      set('operation.graphql', '# a comment\nmutation GiveProfile($input: UpdateUserInput!) { updateUser(input: $input) { user { nickname } } }')
    })
    await p.page.getByRole('button', { name: 'Prettify query' }).click()
    await p.until('variables.json', /^\{\n {2}"input": \{ \/\/ a comment\n {4}"nickname": "Lily"\n {2}\}\n\}$/)
    await p.until('operation.graphql', /^# a comment\nmutation GiveProfile\(\$input: UpdateUserInput!\) \{\n {2}updateUser/)
    assert.equal((await p.run()).data.updateUser.user.nickname, 'Lily')
  })
  await p.close()
})

/** The picture of the README: a person who has just bound a phone number. */
async function takeScreenshot() {
  const p = await Playground.open(browser, server, { viewport: { width: 1320, height: 760 }, deviceScaleFactor: 1.5 })
  await p.button('Log in as alice').click()
  await p.says('alice is logged in')
  await p.choose('GiveProfile')
  await p.run()
  await p.button('New phone code').click()
  await p.says('A phone code of alice')
  await p.run()
  await p.says('alice is logged in')
  await p.pause(2000) // until the editors' scroll bars have faded
  await p.page.screenshot({ path: process.env.MPAUTH_SCREENSHOT })
  await p.close()
}

test('an Authorization header that a person wrote stays', async () => {
  const p = await Playground.open(browser, server)
  await p.choose('WhoAmI')
  await p.page.evaluate(() => {
    globalThis.__MONACO.editor.getModels().find((m) => m.uri.path.endsWith('request-headers.json')).setValue('{"authorization": "Bearer mine"}')
  })
  await p.pause(300) // GraphiQL keeps what was typed with a delay
  await p.button('Log in as alice').click()
  await p.says('alice is logged in')
  await p.choose('WhoAmI')
  assert.deepEqual(await p.json('request-headers.json'), { authorization: 'Bearer mine' })
  assert.equal((await p.run()).errors[0].extensions.code, 'UNAUTHENTICATED')
  await p.close()
})

test('the page says when the token has expired', async () => {
  const context = await browser.newContext()
  const p = new Playground(await context.newPage(), server)
  await p.page.clock.install()
  await p.load()
  await p.button('Log in as alice').click()
  await p.says('alice is logged in')
  await p.page.getByRole('timer').filter({ hasText: /^The token lives (10:00|9:5\d) more\.$/ }).waitFor()
  await p.page.clock.fastForward('10:00')
  await p.page.getByRole('timer').filter({ hasText: 'The token has expired: press Refresh.' }).waitFor()
  await p.button('Refresh').click()
  await p.page.getByRole('timer').filter({ hasText: /^The token lives/ }).waitFor()
  await p.close()
})

test('it works without a mouse', async () => {
  const p = await Playground.open(browser, server)
  const { keyboard } = p.page
  const goTo = async (name) => {
    for (let i = 0; i < 40; i++) {
      await keyboard.press('Tab')
      const there = await p.page.evaluate(() => document.activeElement?.getAttribute('aria-label') || document.activeElement?.textContent)
      if (there?.startsWith(name)) return
    }
    assert.fail(`no way to ${name}`)
  }
  await keyboard.press('Tab')
  await keyboard.press('Tab')
  await keyboard.press('Enter') // in the field with the user's name
  await p.says('alice is logged in')
  await goTo('WhoAmI')
  await keyboard.press('Enter')
  assert.equal(await p.activeTab(), 'WhoAmI')
  await goTo('New tab')
  await keyboard.press('Tab')
  await keyboard.press('Enter') // into the editor
  await keyboard.press('Control+Enter')
  assert.ok((await p.answer()).data.me)
  await keyboard.press('Escape') // and out of it
  await goTo('Execute query')
  await p.close()
})

test('it fits a narrow window, in light and dark', async () => {
  for (const colorScheme of ['light', 'dark']) {
    const p = await Playground.open(browser, server, { viewport: { width: 360, height: 640 }, colorScheme })
    await p.button('Log in as alice').click()
    await p.says('alice is logged in')
    const { width, ground } = await p.page.evaluate(() => ({
      width: document.documentElement.scrollWidth,
      ground: getComputedStyle(document.getElementById('root')).backgroundColor,
    }))
    assert.equal(width, 360, 'nothing sticks out')
    assert.equal(ground === 'rgb(255, 255, 255)', colorScheme === 'light')
    await p.close()
  }
})

test('a reload keeps the tabs and forgets the token', async () => {
  const p = await Playground.open(browser, server)
  await p.button('Log in as alice').click()
  await p.says('alice is logged in')
  const token = (await p.bearer()).replace('Bearer ', '')
  await p.choose('Devices')
  await p.pause(300) // GraphiQL learns of headers with a delay
  await p.run() // into its history, which keeps headers if nobody forbids it
  await p.pause(700) // and stores tabs with a delay
  await p.load()
  await p.says('Nobody is logged in')
  assert.equal((await p.titles()).length, 6)
  const stored = await p.page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }]))
  assert.match(stored, /query Devices/)
  assert.equal(stored.includes(token), false)
  await p.close()
})

test('without a fake inside the server, the buttons explain what to do', async () => {
  const elsewhere = await start({ MPAUTH_WECHAT_URL: `${server}/fakewechat` })
  const p = await Playground.open(browser, elsewhere)
  for (const [button, tab] of [['Log in as alice', 'LogIn'], ['New phone code', 'BindPhone'], ['New login code', 'LogIn']]) {
    await p.button(button).click()
    await p.says('put it into the variables below')
    assert.equal(await p.activeTab(), tab)
  }
  // Which is what a person then does.
  const reply = await fetch(`${server}/fakewechat/_control/login-code`, { method: 'POST', body: '{"user":"alice"}' })
  const { code } = await reply.json()
  await p.page.evaluate((code) => {
    const variables = globalThis.__MONACO.editor.getModels().find((m) => m.uri.path.endsWith('variables.json'))
    variables.setValue(JSON.stringify({ input: { code } }))
  }, code)
  assert.ok((await p.run()).data.silentLogin.token)
  await p.says('Somebody is logged in')
  await p.close()
})

test('with several apps, one chooses which to log in to', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'mpauth-web-test-'))
  const file = join(dir, 'apps.yaml')
  await writeFile(file, 'apps:\n  - {appId: wx00000000000000aa, flow: [phone], secretEnv: A}\n  - {appId: wx00000000000000bb, secretEnv: A}\n')
  const p = await Playground.open(browser, await start({ MPAUTH_CONFIG: file, A: 'secret-of-a-test-0123456789abcdef' }))
  for (const [app, missing] of [['wx00000000000000aa', ['PHONE']], ['wx00000000000000bb', ['PROFILE', 'PHONE']]]) {
    await p.page.getByLabel('App').selectOption(app)
    await p.button('New login code').click()
    await p.says('A login code of alice')
    assert.equal((await p.variables()).appId, app)
    assert.deepEqual((await p.run()).data.silentLogin.user.missing, missing)
  }
  await p.close()
  await rm(dir, { recursive: true })
})

test('the first page leads to the playground', async () => {
  const context = await browser.newContext()
  const p = new Playground(await context.newPage(), server)
  await p.page.goto(server)
  await p.page.getByRole('link', { name: 'GraphQL playground' }).click()
  await p.page.waitForURL(`${server}/playground`)
  await p.button('Log in as alice').waitFor()
  await p.close()
})
