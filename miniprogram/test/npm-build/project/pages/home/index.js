const { createSession, graphqlBackend, wechat } = require('mpauth')

Page({
  onLoad() {
    const platform = wechat()
    this.session = createSession({ platform, backend: graphqlBackend({ url: 'https://example.com/graphql' }) })
  },
})
