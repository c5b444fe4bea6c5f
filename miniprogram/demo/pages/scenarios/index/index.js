import { graphql, session } from '../../../auth'
import { fill, title, words } from '../../../i18n'

const t = words.scenarios

const Flow = 'query Flow($appId: ID) { authFlow(appId: $appId) { flow } }'

Page({
  data: { t, flow: '', mismatch: false },

  async onLoad() {
    // For everybody, logged in or not, so the request does not wait for a login. Without an answer the line stays empty.
    const { appId } = wx.getAccountInfoSync().miniProgram
    const { data } = await graphql.raw(Flow, { appId }, { needLogin: false }).catch(() => ({}))
    if (!data) return
    const { flow } = data.authFlow
    this.setData({
      flow: fill(t.flow, { flow: flow.map((fact) => words.person[fact]).join(' → ') }),
      mismatch: flow.join() !== session.flow.join(),
    })
  },

  onShow() {
    title(t.title, { tabs: true })
  },

  open(event) {
    wx.navigateTo({ url: `/pages/scenarios/${event.currentTarget.dataset.path}/index` })
  },
})
