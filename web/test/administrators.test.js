// The administrators' playground, tab by tab, in the order of a working day.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { launch, Playground } from './browser.js'
import { administratorsOf, start, stopAll } from './servers.js'

let browser
let server
let link

before(async () => {
  ;[browser, server] = await Promise.all([launch(), start()])
  link = administratorsOf(server)
})

after(async () => {
  await browser?.close()
  await stopAll()
})

/** The page of the administrators' port, opened by the link that the server told, or without its key. */
class Administrators extends Playground {
  static async open(browser, address) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
    const administrators = new Administrators(await context.newPage(), new URL(address).origin)
    await administrators.page.goto(address)
    await administrators.button('Use this key').waitFor()
    await administrators.page.waitForFunction(() => globalThis.__MONACO?.editor.getModels().some((m) => m.uri.path.endsWith('variables.json')))
    return administrators
  }

  async write(variables) {
    await this.page.evaluate((text) => {
      globalThis.__MONACO.editor.getModels().find((m) => m.uri.path.endsWith('variables.json')).setValue(text)
    }, JSON.stringify(variables))
  }

  /** Goes to a tab and runs it. */
  async runTab(title) {
    await this.choose(title)
    return this.run()
  }
}

async function post(path, body, token) {
  const reply = await fetch(server + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  })
  return reply.json()
}

/** Somebody who has logged in and bound a phone. */
async function newPerson(user) {
  const appId = 'wx0000000000demo00'
  const { code } = await post('/fakewechat/_control/login-code', { appid: appId, user })
  const query = 'mutation ($input: SilentLoginInput!) { silentLogin(input: $input) { token user { id } } }'
  const { token, user: { id } } = (await post('/graphql', { query, variables: { input: { appId, code } } })).data.silentLogin
  const phone = (await post('/fakewechat/_control/phone-code', { appid: appId, user })).code
  const bind = 'mutation ($input: UpdatePhoneInput!) { updatePhone(input: $input) { user { phone { number } } } }'
  const { data } = await post('/graphql', { query: bind, variables: { input: { code: phone } } }, token)
  return { id, token, number: data.updatePhone.user.phone.number }
}

test('an administrator goes through all the tabs', async (t) => {
  const person = await newPerson('alice')
  const p = await Administrators.open(browser, link)
  let secret

  await t.test('the link brings the key, and the address forgets it', async () => {
    await p.says(/Every tab sends the key ak_/)
    assert.equal(await p.page.evaluate(() => location.hash), '')
    assert.equal(await p.page.title(), 'mpauth administrators')
    assert.deepEqual(await p.titles(), [
      'FindByPhone', 'Person', 'PhoneInFull', 'Disable', 'Enable', 'EndSessions', 'UnbindPhone', 'AuditLog', 'VerifyAudit',
      'Stats', 'WeChat', 'RotateKeys', 'Keys', 'NewKey', 'Erase',
    ])
  })

  await t.test('whoever is found is put into the tabs', async () => {
    const { edges } = (await p.run()).data.users
    assert.deepEqual(edges.map(({ node }) => node.id), [person.id])
    await p.says(new RegExp(person.id))
    await p.choose('Person')
    await p.until('variables.json', new RegExp(person.id))
    const { user } = (await p.run()).data
    assert.deepEqual([user.id, user.status, user.identities.length, user.sessions.length], [person.id, 'ACTIVE', 1, 1])
    assert.ok(user.phone.includes('****'))
    await p.choose('PhoneInFull')
    await p.until('variables.json', new RegExp(person.id))
    assert.equal((await p.run()).data.phoneNumber.replace(/^\+86/, ''), person.number.replace(/^\+86/, ''))
  })

  await t.test('Disable and Enable', async () => {
    const { user } = (await p.runTab('Disable')).data.setUserStatus
    assert.deepEqual([user.status, user.disabledReason], ['DISABLED', 'ticket 1'])
    assert.equal((await post('/graphql', { query: '{ me { id } }' }, person.token)).errors[0].extensions.code, 'SESSION_REVOKED')
    assert.equal((await p.runTab('Enable')).data.setUserStatus.user.status, 'ACTIVE')
  })

  await t.test('EndSessions and UnbindPhone', async () => {
    const again = await newPerson('alice')
    assert.equal(again.id, person.id)
    assert.equal((await p.runTab('EndSessions')).data.revokeSessions.revoked, 1)
    assert.equal((await p.runTab('UnbindPhone')).data.unbindPhone.user.phone, null)
  })

  await t.test('AuditLog says who did all that, and VerifyAudit that it holds', async () => {
    const nodes = (await p.runTab('AuditLog')).data.auditLog.edges.map(({ node }) => node)
    assert.ok(nodes.length >= 4)
    assert.ok(nodes.every(({ actor }) => actor === 'development:key'))
    assert.ok(nodes.filter(({ action }) => action.startsWith('admin.user.')).every(({ reason }) => reason === 'ticket 1'))
    const { ok, problems } = (await p.runTab('VerifyAudit')).data.verifyAuditLog
    assert.deepEqual([ok, problems], [true, []])
  })

  await t.test('Stats, WeChat and RotateKeys', async () => {
    assert.ok(Array.isArray((await p.runTab('Stats')).data.stats))
    const { wechatStatus, apps } = (await p.runTab('WeChat')).data
    assert.equal(wechatStatus.length, apps.length)
    assert.ok(wechatStatus.flatMap(({ endpoints }) => endpoints).some(({ name, breaker }) => name === 'jscode2session' && breaker === 'closed'))
    assert.match((await p.runTab('RotateKeys')).data.rotateKeys.useFrom, /^\d{4}-/)
  })

  await t.test('Keys and NewKey', async () => {
    assert.deepEqual((await p.runTab('Keys')).data.adminKeys, [])
    secret = (await p.runTab('NewKey')).data.createAdminKey.secret
    assert.match(secret, /^ak_[0-9a-f]{16}_[\w-]{43}$/)
  })

  await t.test('Erase is for good', async () => {
    assert.equal((await p.runTab('Erase')).data.eraseUser.userId, person.id)
    await p.choose('Person')
    assert.equal((await p.run()).data.user, null)
  })

  await t.test('another key has other roles', async () => {
    await p.page.getByRole('textbox', { name: 'Key', exact: true }).fill(secret)
    await p.button('Use this key').click()
    await p.says(new RegExp(`Every tab sends the key ${secret.slice(0, 7)}`))
    assert.equal((await p.runTab('WeChat')).errors[0].extensions.code, 'FORBIDDEN')
  })

  await t.test('nothing of it is stored', async () => {
    await p.pause(700) // GraphiQL stores tabs with a delay
    const stored = await p.page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }]))
    assert.equal(stored.includes(secret.slice(20)), false)
    assert.equal(stored.includes(link.split('#key=')[1].slice(20)), false)
  })
  await p.close()
})

test('without a key nothing is answered, and a key can be typed', async () => {
  const p = await Administrators.open(browser, link.split('#')[0])
  await p.says('Without a key nothing is answered')
  await p.choose('Keys')
  assert.equal((await p.run()).errors[0].extensions.code, 'UNAUTHENTICATED')
  await p.page.getByRole('textbox', { name: 'Key', exact: true }).fill('ak_0000000000000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA')
  await p.button('Use this key').click()
  await p.says('The server refuses this key')
  await p.page.getByRole('textbox', { name: 'Key', exact: true }).fill(link.split('#key=')[1])
  await p.button('Use this key').click()
  await p.says('Every tab sends the key')
  await p.choose('VerifyAudit')
  assert.equal((await p.run()).data.verifyAuditLog.ok, true)
  await p.button('Show Documentation Explorer').click()
  await p.page.getByRole('button', { name: 'Mutation' }).or(p.page.getByRole('link', { name: 'Mutation' })).first().click()
  await p.page.getByText('Erase a person now').waitFor()
  await p.close()
})
