// Picture and nickname: WeChat's chooser, keyboard and review, and the privacy guide before them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { onEachDatabase } from './worlds.js'

/** Chooses a picture for the first time, which WeChat's privacy guide comes before. */
async function choosePicture(p, ...choices) {
  await p.tap('选择头像')
  await p.answer('隐私保护提示', '同意')
  for (const choice of choices) await p.tap(choice)
}

onEachDatabase('picture and nickname', {}, (world) => {
  test('somebody chooses a picture and a nickname, and still has them the next time', (t) =>
    world.visit(t, { state: 'user=gina&page=pages/profile/index' }, async (p) => {
      await p.reads('微信用户')
      await p.tap('填写头像昵称')
      await choosePicture(p, '从相册选择', '猫')
      await p.typeNickname('小猫', { consent: 'given' })
      await p.tap('保存')
      await p.toast('已保存')
      await p.reads('小猫')
      await p.page.getByRole('checkbox', { name: '也显示琐碎调用' }).check()
      await p.happened('/avatars')
      await p.device.getByRole('img', { name: '授权进度 第二步' }).waitFor()

      const picture = p.device.locator('image, wx-image').locator('img')
      assert.match(await picture.first().getAttribute('src'), /\/avatars\//)
      await p.press('关掉再打开')
      await p.reads('你好，小猫')
      await p.tab('我的')
      await p.device.getByRole('img', { name: '授权进度 第二步' }).waitFor()
      assert.ok(await picture.first().evaluate((image) => image.decode().then(() => image.naturalWidth > 0)))
      assert.deepEqual(p.sent, ['SilentLogin', 'UpdateUser'])
    }))

  test('WeChat offers its own nickname above the keyboard', (t) =>
    world.visit(t, { state: 'user=hugo&page=pages/profile/index' }, async (p) => {
      await p.tap('填写头像昵称')
      await choosePicture(p, '用微信头像')
      await p.nickname.focus()
      const offer = p.device.getByRole('button', { name: /^用微信昵称/ })
      const nickname = await offer.locator('strong').innerText()
      await offer.click()
      await p.tap('保存')
      await p.toast('已保存')
      await p.reads(nickname)
    }))

  test('a nickname that the review refuses is cleared, and the person is told why', (t) =>
    world.visit(t, { state: 'user=ida&page=pages/profile/index' }, async (p) => {
      await p.tap('填写头像昵称')
      await p.typeNickname('违规昵称')
      await p.page.keyboard.press('Enter')
      await p.warned('该昵称未通过审核，请换一个')
      assert.equal(await p.nickname.inputValue(), '')
      assert.deepEqual(p.sent, ['SilentLogin'])

      // Whoever is quicker than the review meets that of the server.
      await p.typeNickname('又违规', { consent: 'given' })
      await p.tap('保存')
      await p.toast('内容未通过审核，请修改后再试')
      await p.warned('该昵称未通过审核，请换一个')
      assert.equal(await p.nickname.inputValue(), '')
      await p.reads('微信用户')

      await p.typeNickname('艾达', { consent: 'given' })
      await p.tap('保存')
      await p.toast('已保存')
      await p.reads('艾达')
    }))

  test('who refuses the privacy guide is asked again at the next tap', (t) =>
    world.visit(t, { state: 'user=jane&page=pages/profile/index' }, async (p) => {
      await p.tap('填写头像昵称')
      await p.tap('选择头像')
      await p.answer('隐私保护提示', '不同意')
      await p.sheet('隐私保护提示').waitFor({ state: 'hidden' })
      assert.equal(await p.sheet('选择头像').count(), 0)

      await p.tap('选择头像')
      await p.tap('查看《用户隐私保护指引》')
      await p.answer('《用户隐私保护指引》', '关闭')
      await p.answer('隐私保护提示', '同意')
      await p.answer('选择头像', '拍照')
      await p.tap('按下快门')
      await p.typeNickname('简', { consent: 'given' })
      await p.tap('保存')
      await p.toast('已保存')
    }))

  test('an old base library has a plain field, and neither a choice of pictures nor a privacy guide', (t) =>
    world.visit(t, { state: 'user=kim&library=2.20.0&page=pages/profile/index' }, async (p) => {
      await p.tap('填写头像昵称')
      await p.typeNickname('老金', { consent: 'given' })
      assert.equal(await p.device.getByRole('button', { name: '选择头像' }).count(), 0)
      assert.equal(await p.device.getByRole('button', { name: /^用微信昵称/ }).count(), 0)
      await p.tap('保存')
      await p.toast('已保存')
      await p.reads('老金')
      assert.deepEqual(p.sent, ['SilentLogin', 'UpdateUser'])
    }))
})
