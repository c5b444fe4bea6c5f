import { words } from '../../i18n'
import { follow, person } from '../../person'

/** Who is logged in, and how far they are. */
Component({
  options: { styleIsolation: 'apply-shared' },
  data: { t: words.person, ...person() },
  lifetimes: {
    attached() {
      this.end = follow((data) => this.setData(data))
    },
    detached() {
      this.end()
    },
  },
})
