// What becomes of a login: tokens that expire, keys that change, logouts that last, networks that fail.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../browser.js'
import { operationOf } from './person.js'
import { onEachDatabase } from './worlds.js'

const devices = 'pages/settings/index'
const umbrella = 'page=pages/item/index?id=umbrella'

/** A phone number as the app shows it. */
const masked = /^\d{3}\*{4}\d{4}$/

/** What the browser hears of a login to an account that is about to be erased. */
const closing = { expected: [/code: ACCOUNT_CLOSING/] }

/** What the browser hears of a fuse. */
const fuse = [/code: (WX_LOGIN_FAILED|FUSE_OPEN)|fuse (open|closed)/]

// One person with twenty phones is more than the server allows unasked.
const environment = { MPAUTH_MAX_SESSIONS: '100', MPAUTH_RATE_LIMITS: 'off' }

onEachDatabase('a login lives on', { environment }, (world) => {
  test('twenty requests meet a token that is over: one refresh, and each is sent again', (t) =>
    world.visit(t, { state: `user=olga&page=${devices}`, clock: true }, async (p) => {
      await p.reads('本机')
      for (let i = 0; i < 20; i++) await world.logIn('olga', `phone-${i}`)
      await p.tap('关闭')
      await p.tap('打开 mpauth')
      await until(async () => (await p.button('下线').count()) === 20)

      // The network keeps what is sent, so that all of it is under way at once, and then the server does not take the
      // token any more. A phone has ten requests on the wire; the other ten wait behind them with the same token. Time
      // stands still meanwhile, so that none of them is given up, however long the twenty taps take.
      const kept = []
      let keeps = true
      let old
      await p.page.route('**/graphql', async (route) => {
        const request = route.request()
        if (operationOf(request) !== 'Revoke') return route.continue()
        const headers = request.headers()
        old ??= headers.authorization
        const spoilt = { headers: { ...headers, authorization: `${old}x` } }
        const go = () => route.continue(headers.authorization === old ? spoilt : {})
        if (keeps) kept.push(go)
        else await go()
      })
      await p.stopTime()
      for (let i = 0; i < 20; i++) {
        await p.button('下线').nth(i).click()
        await p.page.clock.runFor(20)
        await p.device.getByRole('dialog').getByRole('button', { name: '确定' }).click()
        await p.page.clock.runFor(20)
      }
      await until(() => kept.length === 10)
      keeps = false
      await p.page.clock.resume()
      await Promise.all(kept.map((go) => go()))
      await until(async () => (await p.button('下线').count()) === 0)
      await p.reads('本机')
      assert.equal(p.count('Revoke'), 40)
      assert.equal(p.count('RefreshToken'), 1)
      assert.equal(p.count('SilentLogin'), 1)
    }))

  test('a token whose time is over is renewed before it is sent, without WeChat', (t) =>
    world.visit(t, { state: `user=paul&page=${devices}`, clock: true }, async (p) => {
      await p.reads('本机')
      assert.deepEqual(p.sent, ['SilentLogin', 'Devices'])
      await p.tap('关闭')
      await p.wait(3600)
      await p.tap('打开 mpauth')
      await until(() => p.count('Devices') === 2)
      await p.reads('本机')
      assert.deepEqual(p.sent, ['SilentLogin', 'Devices', 'RefreshToken', 'Devices'])
    }))

  test('a session key that changes between the tap and the decryption: renewed, and the person taps again', (t) =>
    world.visit(t, { state: 'user=rosa&library=2.20.0&page=pages/item/index?id=tea' }, async (p) => {
      await p.tap('立即购买')
      await p.tap('微信手机号快捷登录')
      await p.sheet('获取并验证你的手机号').waitFor()
      // WeChat seals the number with the key of this moment; the server has the one of the login.
      await p.press('换一把 session_key')
      await p.page.getByText('rosa 的 session_key 已更换。').waitFor()
      await p.answer('获取并验证你的手机号', '允许')
      await p.warned('没有成功，请再点一次按钮')
      await p.happened('DECRYPT_WX_OPEN_DATA_FAIL')
      assert.equal(p.count('UpdatePhone'), 1)

      await p.givePhone()
      await p.reads('订单 1001')
      assert.equal(p.count('UpdatePhone'), 2)
      assert.equal(p.count('SilentLogin'), 2)
    }))

  test('who has logged out stays so, also after the app was closed', (t) =>
    world.visit(t, { state: `user=sara&page=${devices}` }, async (p) => {
      await p.reads('本机')
      await p.tap('退出登录')
      await p.answer('退出后仍可浏览商品。确定退出吗？', '确定')
      await p.reads('你已退出登录。')
      await until(() => p.count('Logout') === 1)
      await p.press('关掉再打开')
      await p.tab('我的')
      await p.reads('未登录')
      await p.tab('首页')
      await p.reads('随便看看，不用登录。')
      // A logout whose answer did not come before the app was closed is told once more.
      assert.deepEqual([...new Set(p.sent)], ['SilentLogin', 'Devices', 'Logout'])
      assert.equal(p.count('SilentLogin'), 1)

      await p.tab('我的')
      await p.tap('登录')
      await p.reads('微信用户')
      assert.equal(p.count('SilentLogin'), 2)
    }))

  test('who closes the account is out, and gets it back as it was, but only by asking for it', (t) =>
    world.visit(t, { state: 'user=yves&page=pages/profile/index', ...closing }, async (p) => {
      await p.tap('绑定')
      await p.answer('获取并验证你的手机号', '允许')
      await p.reads(masked)
      await p.tap('设置')
      await p.reads('本机')
      const before = await copyData(p)

      await p.tap('注销账号')
      await p.answer(/确定注销吗？$/, '取消')
      await p.reads('本机')
      await p.tap('注销账号')
      await p.answer(/确定注销吗？$/, '确定')
      await p.toast(/^将于 .+ 删除$/)
      await p.reads('你已退出登录。')

      // Who does not say that the account is to stay is not logged in, now or at the next start.
      await p.tap('登录')
      await p.answer(/要保留账号并登录吗？$/, '取消')
      await p.sheet(/要保留账号并登录吗？$/).waitFor({ state: 'hidden' })
      await p.reads('你已退出登录。')
      await p.press('关掉再打开')
      await p.tab('我的')
      await p.reads('未登录')
      assert.equal(p.count('RestoreAccount'), 0)

      await p.tap('设置')
      await p.tap('登录')
      await p.answer(/要保留账号并登录吗？$/, '确定')
      await p.reads('本机')
      await p.reads(masked)
      const after = await copyData(p)
      assert.deepEqual(after.user, before.user)
      assert.deepEqual(devicesOf(after), devicesOf(before))
      const all = ['SilentLogin', 'UpdatePhone', 'Devices', 'ExportMyData', 'DeleteAccount']
      all.push('SilentLogin', 'SilentLogin', 'RestoreAccount', 'Devices', 'ExportMyData')
      assert.deepEqual(p.sent, all)
    }))

  test('who copies the data is asked for consent where they are, and told when nothing was copied', (t) =>
    world.visit(t, { state: 'user=wim&page=pages/profile/index' }, async (p) => {
      await p.happened('GraphQL SilentLogin')
      await p.tap('设置')
      await p.reads('本机')
      await p.tap('复制我的数据')
      await p.answer('隐私保护提示', '不同意')
      await p.toast('没有复制')
      await hearCopies(p)
      await p.tap('复制我的数据')
      await p.answer('隐私保护提示', '同意')
      await p.toast('已复制')
      assert.equal((await copied(p)).user.phoneNumber, null)
    }))

  test('a device that is logged out from another one starts a session of its own', (t) =>
    world.visit(t, { state: `user=tina&page=${devices}` }, (first) =>
      world.visit(t, { state: `user=tina&page=${devices}` }, async (second) => {
        await second.tap('下线')
        await second.device.getByRole('dialog').getByRole('button', { name: '确定' }).click()
        await second.toast('已下线')
        await first.tap('关闭')
        await first.tap('打开 mpauth')
        await until(() => first.count('SilentLogin') === 2)
        await first.reads('本机')
      }),
    ))

  test('the app goes to the background in the middle of a login, and the login is there after all', (t) =>
    world.visit(t, { state: 'user=ulla', clock: true }, async (p) => {
      await p.happened('GraphQL SilentLogin')
      await p.press('登录中途离开')
      await p.happened('wx.login')
      await p.wait(1)
      await p.device.getByText('小程序在后台。').waitFor()
      await p.wait(7)
      await p.shows('小铺')
      await p.tab('我的')
      await p.reads('微信用户')
      await p.tab('首页')
      await p.tap('明前龙井 ¥128')
      await p.tap('立即购买')
      await p.givePhone()
      await p.reads('订单 1001')
    }))

  test('whoever taps again and again without a network blows the fuse, and time restores it', (t) =>
    world.visit(t, { state: `user=wera&trouble=offline&${umbrella}`, clock: true, expected: fuse }, async (p) => {
      const logins = () => p.log.getByText('wx.login', { exact: true }).count()
      const tap = async () => {
        await p.tap('立即购买')
        await p.page.clock.runFor(500) // the login is tried again after 300 ms
      }
      await p.happened('WX_LOGIN_FAILED')
      await p.stopTime()
      await p.wait(2)
      for (let i = 0; i < 3; i++) {
        await tap()
        await p.toast('登录没有成功，请重试')
      }
      const before = await logins()
      await tap()
      await p.toast('操作太频繁，请等待 5 秒后再试')

      await p.trouble('断网', false)
      await p.wait(3)
      await tap()
      await p.toast('操作太频繁，请等待 2 秒后再试')
      assert.equal(await logins(), before)
      await p.wait(2)
      await p.page.clock.resume()
      await p.tap('立即购买')
      await p.givePhone()
      await p.reads('订单 1001')
    }))

  test('offline nothing is lost, and it goes on when the network is back', (t) =>
    world.visit(t, { state: `user=vera&${umbrella}`, expected: [/code: NETWORK/] }, async (p) => {
      await p.tap('立即购买')
      await p.givePhone()
      await p.reads('订单 1001')
      await p.tap('返回')
      await p.trouble('断网')
      await p.tap('立即购买')
      await p.toast('网络不给力，请检查网络后重试')
      await p.press('关掉再打开')
      await p.tab('我的')
      await p.reads(masked) // still signed in, from what the phone keeps
      await p.trouble('断网', false)
      await p.tab('首页')
      await p.tap('长柄伞 ¥99')
      await p.tap('立即购买')
      await p.reads('订单 1002')
      assert.equal(p.count('SilentLogin'), 1)
    }))
})

/** Copies what the server knows of the person, as the person would, and returns it. */
async function copyData(p) {
  await hearCopies(p)
  await p.tap('复制我的数据')
  await p.toast('已复制')
  return copied(p)
}

/** The clipboard of a browser is one for all of its pages, and somebody else is copying too. */
const hearCopies = (p) =>
  p.page.evaluate(() => {
    globalThis.copied = new Promise((resolve) => {
      navigator.clipboard.writeText = async (text) => resolve(text)
    })
  })

const copied = async (p) => JSON.parse(await p.page.evaluate(() => globalThis.copied))

const devicesOf = ({ sessions }) => sessions.map(({ deviceId, deviceName }) => ({ deviceId, deviceName }))
