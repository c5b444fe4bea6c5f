import { session } from '../../auth'
import { fill, title, words } from '../../i18n'
import { goods } from '../../shop'

Page({
  data: { t: words.home, goods, hello: '' },

  onLoad() {
    // The page is there before the login, and without one. The greeting comes once it is known whom to greet.
    session.status.login.must(() => this.greet()).catch(() => {})
  },

  onShow() {
    title(words.home.title, { tabs: true })
    this.greet()
  },

  greet() {
    const name = session.user?.nickname
    this.setData({ hello: name ? fill(words.home.hello, { name }) : words.home.title })
  },

  open(event) {
    wx.navigateTo({ url: `/pages/item/index?id=${event.currentTarget.dataset.id}` })
  },

  openOrders() {
    wx.navigateTo({ url: '/pages/orders/index?status=paid' })
  },
})
