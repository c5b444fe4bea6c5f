import { authPage, session, withAuth } from '../../auth'
import { fill, title, words } from '../../i18n'
import { findItem, ordersOf, when } from '../../shop'

const t = words.orders

const page = {
  data: { t, orders: [], opened: '', authorized: false, declined: false },

  // Runs once the person has a phone number. A person who comes by a shared link or a message is asked on a page of
  // its own, and comes back here with the query that the link had.
  onLoad(query) {
    this.show(query)
    if (query.placed) wx.showToast({ title: t.placed })
  },

  onShow() {
    title(t.title)
  },

  // Seen again only by a person who has left the auth page without giving anything.
  onHide() {
    this.setData({ declined: !this.data.authorized })
  },

  show(query) {
    const opened = Object.keys(query).map((name) => `${name}=${query[name]}`)
    this.setData({
      authorized: true,
      opened: opened.length ? fill(t.query, { query: opened.join('&') }) : '',
      orders: ordersOf(session.user.id).map((order) => ({
        ...order,
        ...findItem(order.itemId),
        label: fill(t.number, order),
        contact: fill(t.contact, order),
        time: when(order.at),
      })),
    })
  },

  again: withAuth(
    function () {
      this.show(this.options)
    },
    { need: ['PHONE'] },
  ),

  browse() {
    wx.switchTab({ url: '/pages/home/index' })
  },
}

Page(authPage(page, { onLoad: { need: ['PHONE'] } }))
