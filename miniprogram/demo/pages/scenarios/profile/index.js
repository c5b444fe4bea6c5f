import { withAuth } from '../../../auth'
import { lang, title, words } from '../../../i18n'
import { ran, reset } from '../../../scenario'
import { telling } from '../../../ui'

const t = words.community

function post() {
  ran(this, t.post)
}

Page({
  data: { lang, t, common: words.scenarios },
  onLoad: () => title(t.title),
  post: telling(withAuth(post, { need: ['PROFILE'] })),
  reset,
})
