// What breaks for everybody: WeChat, and the server itself. One after the other, since they share both.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../browser.js'
import { onEachDatabase } from './worlds.js'

const item = 'page=pages/item/index?id=tea'

/** What the browser hears when WeChat does not answer the server, and when the server does not answer it. */
const down = /code: WECHAT_UNAVAILABLE/
const gone = /ERR_CONNECTION_(REFUSED|RESET)|code: NETWORK/

onEachDatabase('what breaks for everybody', { atOnce: 1 }, (world) => {
  test('WeChat is down at a login: the shop is open, and later a tap goes through', (t) =>
    world.visit(t, { state: 'user=wim&trouble=down', clock: true, expected: [down] }, async (p) => {
      await p.happened('WECHAT_UNAVAILABLE')
      await p.reads('随便看看，不用登录。')
      await p.tap('明前龙井 ¥128')
      await p.tap('立即购买')
      await p.toast('微信暂时没有响应，请稍后再试')
      await p.trouble('微信挂了', false)
      await p.wait(60) // for as long as the server asks to wait at most
      await p.tap('立即购买')
      await p.givePhone()
      await p.reads('订单 1001')
    }))

  test('WeChat is down while somebody is signed in: only what needs WeChat fails', (t) =>
    world.visit(t, { state: `user=xena&${item}` }, async (p) => {
      await p.happened('GraphQL SilentLogin')
      await p.trouble('微信挂了')
      await p.tap('立即购买')
      await p.givePhone()
      await p.warned('微信暂时没有响应，请稍后再试')
      await p.answer('登录后继续', '关闭')
      await p.press('关掉再打开')
      await p.tab('我的')
      await p.tap('设置')
      await p.reads('本机')
      await p.trouble('微信挂了', false)
      await p.tap('返回')
      await p.tab('首页')
      await p.tap('明前龙井 ¥128')
      await p.tap('立即购买')
      await p.givePhone()
      await p.reads('订单 1001')
      assert.equal(p.count('SilentLogin'), 1)
    }))

  test('a number that WeChat did not tell the server is sent anew, without asking anybody again', (t) =>
    world.visit(t, { state: `user=ann&${item}` }, async (p) => {
      await p.happened('GraphQL SilentLogin')
      await p.trouble('微信挂了')
      await p.tap('立即购买')
      await p.givePhone()
      await p.warned('微信暂时没有响应，请稍后再试')
      await p.trouble('微信挂了', false)
      await p.answer('登录后继续', '重试')
      await p.reads('订单 1001')
      assert.equal(p.count('UpdatePhone'), 2)
      assert.equal(await p.log.locator('li', { hasText: 'getPhoneNumber' }).count(), 1)
    }))

  test('the server is started anew: nobody notices but those who are there in between', (t) =>
    world.visit(t, { state: `user=yves&${item}`, expected: [gone] }, async (p) => {
      await p.tap('立即购买')
      await p.givePhone()
      await p.reads('订单 1001')
      await p.tap('返回')
      await world.restart(async () => {
        await p.tap('立即购买')
        await p.toast('网络不给力，请检查网络后重试')
      })
      await p.tap('立即购买')
      await p.reads('订单 1002')
      await p.press('关掉再打开')
      await p.tab('我的')
      await p.tap('设置')
      await p.reads('本机')
      assert.equal(p.count('SilentLogin'), 1)
    }))

  test('the panel plays a restart: nobody answers for a while, and then all is as it was', (t) =>
    world.visit(t, { state: `user=zoe&${item}`, clock: true, expected: [gone] }, async (p) => {
      await p.tap('立即购买')
      await p.givePhone()
      await p.reads('订单 1001')
      await p.tap('返回')
      await p.stopTime()
      await p.press('服务器重启')
      await p.tap('立即购买')
      await until(async () => {
        await p.page.clock.runFor(100)
        return p.device.getByText('网络不给力，请检查网络后重试').isVisible()
      })
      await p.wait(5)
      await p.page.getByText('服务器又在了。').waitFor()
      await p.page.clock.resume()
      await p.tap('立即购买')
      await p.reads('订单 1002')
      assert.equal(p.count('SilentLogin'), 1)
    }))
})
