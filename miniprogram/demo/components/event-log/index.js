import { session } from '../../auth'
import { fill, words } from '../../i18n'

const t = words.scenarios

const sayings = {
  'auth:need': ({ need }) => ({ need: need.map((fact) => words.person[fact]).join(' + ') }),
  'auth:step': ({ from, to }) => ({ from: words.person.stepNames[from], to: words.person.stepNames[to] }),
  'auth:done': () => ({}),
  'auth:cancel': () => ({}),
}

/** What the session tells of an authorization, as it happens. */
Component({
  options: { styleIsolation: 'apply-shared' },
  data: { t, lines: [] },
  lifetimes: {
    attached() {
      this.ends = Object.keys(sayings).map((name) => session.events.on(name, (e) => this.add(name, sayings[name](e))))
    },
    detached() {
      for (const end of this.ends) end()
    },
  },
  methods: {
    add(name, values) {
      const { lines } = this.data
      this.setData({ lines: [...lines, { id: lines.length, text: fill(t.events[name], values) }] })
    },
  },
})
