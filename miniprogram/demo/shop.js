import { fill, words } from './i18n'

// A shop without a server of its own: the goods are a list, the orders stay on the device.
const prices = { tea: 128, mug: 59, notebook: 36, bag: 79, lamp: 219, umbrella: 99 }

function item(id) {
  const { name, about } = words.goods[id]
  return { id, name, about, price: `¥${prices[id]}`, image: `/images/${id}.png` }
}

export const goods = Object.keys(prices).map(item)

/** One of the goods; the first for an id that there is not. */
export function findItem(id) {
  return goods.find((one) => one.id === id) || goods[0]
}

/** The orders of a person, the newest first. */
export function ordersOf(userId) {
  return wx.getStorageSync(`orders:${userId}`) || []
}

/** Places an order, and answers its number. */
export function placeOrder(buyer, itemId) {
  const orders = ordersOf(buyer.id)
  const order = { number: String(1001 + orders.length), itemId, phone: buyer.phone.masked, at: Date.now() }
  wx.setStorageSync(`orders:${buyer.id}`, [order, ...orders])
  return order.number
}

/** A point in time as people write it, for example `3-8 14:05`. */
export function when(time) {
  const at = new Date(time)
  const two = (n) => String(n).padStart(2, '0')
  return fill('{month}-{day} {hour}:{minute}', {
    month: at.getMonth() + 1,
    day: at.getDate(),
    hour: two(at.getHours()),
    minute: two(at.getMinutes()),
  })
}
