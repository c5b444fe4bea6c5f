import { lang, title, words } from '../../i18n'

Page({
  data: { lang, query: {} },

  onLoad(query) {
    title(words.auth.title)
    this.setData({ query })
  },
})
