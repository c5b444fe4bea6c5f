const { createSession, wechat } = require('mpauth')
const { graphqlBackend } = require('mpauth/graphql')

Page({
  onLoad() {
    const platform = wechat()
    this.session = createSession({ platform, backend: graphqlBackend({ url: 'https://example.com/graphql' }) })
  },
})
