// The three scenarios: phone only, profile only, both with a break between; and the four flows of a server.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { onEachDatabase } from './worlds.js'

onEachDatabase('three scenarios, four flows', {}, (world) => {
  test('phone only: a coupon for a number, with one tap', (t) =>
    world.visit(t, { state: 'user=kurt&page=pages/scenarios/phone/index' }, async (p) => {
      await p.tap('领取优惠券')
      await p.givePhone()
      await p.reads('“领取优惠券”已执行')
      await p.reads('需要：手机号')
      assert.deepEqual(p.sent, ['SilentLogin', 'UpdatePhone'])
      await p.tap('撤回已给的资料和手机号，重新来')
      await p.toast('已清空')
      await p.reads('未绑定手机号')
      await p.tap('领取优惠券')
      await p.sheet('登录后继续').waitFor()
    }))

  test('profile only: a post wants a name', (t) =>
    world.visit(t, { state: 'user=lena&page=pages/scenarios/profile/index' }, async (p) => {
      await p.tap('发表')
      await p.typeNickname('莱娜')
      await p.tap('保存')
      await p.reads('“发表”已执行')
      await p.reads('莱娜')
      assert.deepEqual(p.sent, ['SilentLogin', 'UpdateUser'])
    }))

  test('both: who leaves half-way is asked only for the rest', (t) =>
    world.visit(t, { state: 'user=mona&page=pages/scenarios/both/index' }, async (p) => {
      await p.tap('发布转让')
      await p.typeNickname('莫娜')
      await p.tap('保存')
      await p.device.getByRole('button', { name: '微信手机号快捷登录' }).waitFor()
      await p.answer('登录后继续', '关闭')
      await p.reads('用户关闭了授权')
      await p.reads('进度：第一步 → 第二步')

      // What wants only a profile runs at once, also in another life of the app.
      await p.press('关掉再打开')
      await p.tab('场景')
      await p.device.getByRole('button', { name: /^两样都要，中途可断/ }).click()
      await p.tap('点评')
      await p.reads('“点评”已执行')
      await p.tap('发布转让')
      assert.equal(await p.nickname.count(), 0)
      await p.givePhone()
      await p.reads('“发布转让”已执行')
      await p.reads('进度：第二步 → 已完成')
      assert.deepEqual(p.sent.filter((name) => name.startsWith('Update')), ['UpdateUser', 'UpdatePhone'])
    }))

  test('each flow is an app with people of its own, and counts in its order', (t) =>
    world.visit(t, { state: 'user=nils&page=pages/scenarios/both/index' }, async (p) => {
      const flows = p.page.getByRole('group', { name: '小程序先后要什么' })
      const progress = () => p.device.getByRole('img', { name: /^授权进度/ }).filter({ visible: true }).innerText()
      /** Starts anew with an app of that flow, and reads what it says about itself. */
      const begin = async (flow, says) => {
        await flows.getByText(flow, { exact: true }).click()
        await p.shows('小铺')
        await p.tab('场景')
        await p.reads(`服务端的流程：${says.slice(1).join(' → ')}`)
        await p.reads('未绑定手机号')
        assert.equal(await p.device.getByText(/不一致/).count(), 0)
        assert.deepEqual((await progress()).split(/\s+/), says)
      }

      // A profile is the first step of this flow …
      await p.tap('点评')
      await p.typeNickname('尼尔斯')
      await p.tap('保存')
      await p.reads('进度：第一步 → 第二步')

      // … and no step at all of this one, in which nobody knows of it.
      await begin('手机号 → 资料', ['静默登录', '手机号', '头像昵称'])
      await p.tap(/^两样都要，中途可断/)
      await p.tap('点评')
      await p.typeNickname('尼尔斯', { consent: 'asked' })
      await p.tap('保存')
      await p.reads('“点评”已执行')
      await p.device.getByRole('img', { name: '授权进度 第一步' }).last().waitFor()
      await p.tap('发布转让')
      await p.givePhone()
      await p.reads('进度：第一步 → 已完成')

      await begin('只要手机号', ['静默登录', '手机号'])
      await p.tap(/^只要手机号/)
      await p.tap('领取优惠券')
      await p.givePhone()
      await p.reads('进度：第一步 → 已完成')

      await begin('只要资料', ['静默登录', '头像昵称'])

      // Back where the person has given a name: there it is known.
      await flows.getByText('资料 → 手机号', { exact: true }).click()
      await p.reads('你好，尼尔斯')
    }))
})
