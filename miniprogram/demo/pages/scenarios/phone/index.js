import { withAuth } from '../../../auth'
import { lang, title, words } from '../../../i18n'
import { ran, reset } from '../../../scenario'
import { telling } from '../../../ui'

const t = words.phone

function takeCoupon() {
  ran(this, t.coupon)
}

Page({
  data: { lang, t, common: words.scenarios },
  onLoad: () => title(t.title),
  takeCoupon: telling(withAuth(takeCoupon, { need: ['PHONE'] })),
  reset,
})
