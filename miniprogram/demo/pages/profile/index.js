import { session } from '../../auth'
import { lang, title, words } from '../../i18n'
import { follow, person } from '../../person'
import { tell, telling } from '../../ui'

const t = words.profile

Page({
  data: { lang, t, ...person(), editing: false, busy: false },

  onLoad() {
    this.end = follow((data) => this.setData(data))
  },

  onShow() {
    title(t.title, { tabs: true })
  },

  onUnload() {
    this.end()
  },

  // A person who has logged out on purpose comes back by a tap, and by nothing else.
  login: telling(() => session.login({ force: true })),

  toggle() {
    this.setData({ editing: !this.data.editing })
  },

  saveProfile({ detail }) {
    return this.saving(() => session.updateUser(detail))
  },

  savePhone({ detail }) {
    // A code, or a ciphertext where WeChat is too old for codes.
    return this.saving(() => session.updatePhone(detail.code ? detail : { encrypted: detail }))
  },

  fail({ detail }) {
    wx.showToast({ title: detail.text, icon: 'none' })
  },

  async saving(save) {
    this.setData({ busy: true })
    try {
      await save()
      this.setData({ editing: false })
      wx.showToast({ title: t.saved })
    } catch (error) {
      tell(error)
    }
    this.setData({ busy: false })
  },

  openOrders() {
    wx.navigateTo({ url: '/pages/orders/index?status=all' })
  },

  openSettings() {
    wx.navigateTo({ url: '/pages/settings/index' })
  },
})
