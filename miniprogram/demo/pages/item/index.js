import { graphql, withAuth } from '../../auth'
import { lang, title, words } from '../../i18n'
import { findItem, placeOrder } from '../../shop'
import { telling } from '../../ui'

// The server has the last word on who may order: a shop's own would say so in its answer to the order itself.
const Checkout = 'query Checkout { mustAuth(step: ONE, need: [PHONE]) { id phone { masked } } }'

async function buy() {
  const { mustAuth: buyer } = await graphql.query(Checkout)
  const number = placeOrder(buyer, this.data.item.id)
  wx.navigateTo({ url: `/pages/orders/index?status=paid&placed=${number}` })
}

Page({
  data: { lang, t: words.item, item: {} },

  onLoad({ id }) {
    title(words.item.title)
    this.setData({ item: findItem(id) })
  },

  // One tap: a person without a phone number is asked for it, and then the order goes on by itself.
  buy: telling(withAuth(buy, { need: ['PHONE'] })),
})
