import { isMpAuthError } from 'mpauth'
import { account } from '../../account'
import { graphql, session } from '../../auth'
import { fill, lang, title, words } from '../../i18n'
import { follow, person } from '../../person'
import { when } from '../../shop'
import { confirmed, telling } from '../../ui'

const t = words.settings

const Devices = 'query Devices { sessions { id current lastSeenAt device { name platform } } }'
const Revoke = 'mutation Revoke($id: ID!) { revokeSession(id: $id) { ok } }'

Page({
  data: { lang, t, ...person(), devices: [] },

  onLoad() {
    title(t.title)
    this.end = follow((data) => this.setData(data))
  },

  onShow() {
    this.load()
  },

  onUnload() {
    this.end()
  },

  load: telling(async function () {
    if (session.loggedOut) return
    const { sessions } = await graphql.query(Devices)
    const devices = sessions.map(({ id, current, lastSeenAt, device }) => ({
      id,
      current,
      name: device.name || device.platform || t.unnamed,
      seen: fill(t.seen, { time: when(lastSeenAt) }),
    }))
    this.setData({ devices })
  }),

  revoke: telling(async function (event) {
    const { id, name } = event.currentTarget.dataset
    if (!(await confirmed(fill(t.revokeAsk, { name })))) return
    await graphql.mutate(Revoke, { id })
    wx.showToast({ title: t.revoked })
    await this.load()
  }),

  unbindPhone: telling(async () => {
    if (!(await confirmed(t.unbindAsk))) return
    await session.unbindPhone()
    wx.showToast({ title: t.unbound })
  }),

  // Nothing logs the person in again after this: not the next request, not the next start of the app.
  logout: telling(async function () {
    if (!(await confirmed(t.logoutAsk))) return
    await session.logout()
    this.setData({ devices: [] })
  }),

  exportData: telling(async () => {
    const { json } = await account.exportMyData()
    // The clipboard is private data to WeChat: it may ask for the consent first, and be refused.
    wx.setClipboardData({
      data: json,
      success: () => wx.showToast({ title: t.exported }),
      fail: () => wx.showToast({ title: t.notExported, icon: 'none' }),
    })
  }),

  deleteAccount: telling(async function () {
    if (!(await confirmed(t.closeAsk))) return
    const { closesAt } = await account.deleteAccount()
    this.setData({ devices: [] })
    wx.showToast({ title: fill(t.closeSoon, { time: when(closesAt) }), icon: 'none', duration: 3000 })
  }),

  // Whoever has asked to close the account can think better of it here, and only by saying so.
  login: telling(async function () {
    try {
      await session.login({ force: true })
    } catch (error) {
      if (!isMpAuthError(error, 'ACCOUNT_CLOSING')) throw error
      if (!(await confirmed(fill(t.restoreAsk, { time: when(error.data.closesAt) })))) return
      await account.restoreAccount()
    }
    await this.load()
  }),
})
