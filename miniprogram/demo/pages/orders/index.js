import { authPage, session } from '../../auth'
import { fill, lang, title, words } from '../../i18n'
import { findItem, ordersOf, when } from '../../shop'

const t = words.orders

const page = {
  data: { lang, t, orders: [], opened: '', authorized: false },

  // Runs once the person has a phone number. A person who comes by a shared link or a message is asked on a page of
  // its own, and comes back here with the query that the link had.
  onLoad(query) {
    title(t.title)
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
    if (query.placed) wx.showToast({ title: t.placed })
  },

  browse() {
    wx.switchTab({ url: '/pages/home/index' })
  },
}

Page(authPage(page, { onLoad: { need: ['PHONE'] } }))
