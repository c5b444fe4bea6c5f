import { graphql, session } from '../../auth'
import { fill, title, words } from '../../i18n'
import { follow, person } from '../../person'
import { when } from '../../shop'
import { confirmed, telling } from '../../ui'

const t = words.settings

const Devices = 'query Devices { sessions { id current lastSeenAt device { name platform } } }'
const Revoke = 'mutation Revoke($id: ID!) { revokeSession(id: $id) { ok } }'

Page({
  data: { t, ...person(), devices: [] },

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

  login: telling(async function () {
    await session.login({ force: true })
    await this.load()
  }),
})
