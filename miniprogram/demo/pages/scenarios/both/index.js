import { withAuth } from '../../../auth'
import { lang, title, words } from '../../../i18n'
import { ran, reset } from '../../../scenario'
import { telling } from '../../../ui'

const t = words.both

function sell() {
  ran(this, t.sell)
}

function review() {
  ran(this, t.review)
}

Page({
  data: { lang, t, common: words.scenarios },
  onLoad: () => title(t.title),

  // Each fact is kept as soon as it is given. Whoever leaves half-way is asked only for the rest the next time.
  sell: telling(withAuth(sell, { need: ['PROFILE', 'PHONE'] })),

  // A feature asks for its own part of the flow.
  review: telling(withAuth(review, { need: ['PROFILE'] })),
  reset,
})
