// A shop that knows its customers by their number: what a newcomer meets, and what becomes of those who refuse.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { onEachDatabase } from './worlds.js'

const link = encodeURIComponent('pages/orders/index?status=paid&from=share')

onEachDatabase('a shop', {}, (world) => {
  test('a first visit ends with an order, by one tap on "buy"', (t) =>
    world.visit(t, { state: 'user=anna' }, async (p) => {
      await p.happened('wx.login')
      await p.happened('GraphQL SilentLogin')
      await p.happened('服务器问微信: jscode2session')
      assert.deepEqual(p.sent, ['SilentLogin'])

      await p.tap('明前龙井 ¥128')
      await p.shows('商品')
      await p.tap('立即购买')
      await p.givePhone('不允许')
      await p.warned('需要同意后才能继续，请再点一次并选择“允许”')
      await p.shows('商品')

      await p.givePhone('允许')
      await p.toast('下单成功')
      await p.shows('我的订单')
      await p.reads('订单 1001')
      await p.reads(/^联系电话 \d{3}\*{4}\d{4}$/)
      await p.reads('打开本页时的参数：status=paid&placed=1001')
      assert.deepEqual(p.sent, ['SilentLogin', 'UpdatePhone', 'Checkout'])
    }))

  test('whoever has given a number is not asked again, also after the app was closed', (t) =>
    world.visit(t, { state: 'user=ben&page=pages/item/index?id=mug' }, async (p) => {
      await p.tap('立即购买')
      await p.givePhone()
      await p.reads('订单 1001')
      await p.press('关掉再打开')
      await p.tap('阅读灯 ¥219')
      await p.tap('立即购买')
      await p.reads('订单 1002')
      assert.deepEqual(p.sent, ['SilentLogin', 'UpdatePhone', 'Checkout', 'Checkout'])
    }))

  test('closing the sheet means no: nothing runs, nothing is lost', (t) =>
    world.visit(t, { state: 'user=cora&page=pages/item/index?id=bag' }, async (p) => {
      await p.tap('立即购买')
      await p.answer('登录后继续', '关闭')
      await p.sheet('登录后继续').waitFor({ state: 'hidden' })
      await p.shows('商品')
      assert.deepEqual(p.sent, ['SilentLogin'])
    }))

  test('a shared link asks on a page of its own, and comes back with its query', (t) =>
    world.visit(t, { state: `user=dora&page=${link}` }, async (p) => {
      await p.shows('授权')
      await p.tap('返回')
      await p.reads('查看订单需要手机号')
      await p.tap('去授权')
      await p.shows('授权')
      await p.givePhone()
      await p.shows('我的订单')
      await p.reads('还没有订单')
      await p.reads('打开本页时的参数：status=paid&from=share')
    }))

  test('two people, one number: the second is told in words, and gives another one', (t) =>
    world.visit(t, { state: 'user=emil&page=pages/item/index?id=tea' }, async (p) => {
      const give = async (number) => {
        await p.givePhone('使用其它手机号')
        await p.device.getByRole('textbox', { name: '其它手机号' }).fill(number)
        await p.tap('确定')
      }
      await p.tap('立即购买')
      await give('13900002222')
      await p.reads('联系电话 139****2222')

      await p.press('来个新人')
      await p.shows('小铺')
      await p.tap('明前龙井 ¥128')
      await p.tap('立即购买')
      await give('13900002222')
      await p.warned('该手机号已被其他账号使用，请更换手机号或联系客服')
      await p.happened('PHONE_TAKEN')
      await give('13900003333')
      await p.reads('联系电话 139****3333')
    }))

  test('when the quota is used up, WeChat says so, and the app too', (t) =>
    world.visit(t, { state: 'user=fred&trouble=quota&page=pages/item/index?id=lamp' }, async (p) => {
      await p.tap('立即购买')
      await p.tap('微信手机号快捷登录')
      await p.answer('暂时无法获取手机号', '确定')
      await p.warned('暂时无法获取手机号，请稍后再试')
      await p.trouble('手机号额度用完', false)
      await p.givePhone()
      await p.reads('订单 1001')
    }))
})
